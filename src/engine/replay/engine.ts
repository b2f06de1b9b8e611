import { finish } from "../../lib/time-slices.ts";
import type { Batch, GenerationEvent } from "../../model/event.ts";
import { canceled } from "../../model/error.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { Capabilities, Engine, Load } from "../engine.ts";
import { type Clock, systemClock } from "../sim/clock.ts";
import { measurePrompt } from "../sim/prompt.ts";
import { canonicalRequest, digestOf } from "./canonical.ts";
import { type Cassette, CassetteFolder, type TimedBatch } from "./cassette.ts";
import type { ReplaySettings } from "./settings.ts";

export type ReplayOptions = Omit<ReplaySettings, "kind"> & {
  /** The engine behind; closed with this one. */
  engine: Engine;
  clock?: Clock | undefined;
};

/**
 * Plays recorded answers and records new ones, each under the digest of its request. Only whole answers are recorded.
 * In mode `replay` the engine behind is never asked, and a request without a recorded answer fails with kind `not-found`.
 */
export function replayEngine(options: ReplayOptions): Engine {
  return new Replay(options);
}

class Replay implements Engine {
  // fixed at birth
  readonly kind = "replay";
  readonly capabilities: Capabilities;
  private readonly inner: Engine;
  private readonly mode: ReplaySettings["mode"];
  private readonly speed: number;
  private readonly cassettes: CassetteFolder;
  private readonly clock: Clock;
  // changed by events
  /** Answers that are being played; counted by `generate`. */
  private playing = 0;

  constructor({ engine, folder, mode, speed, clock = systemClock }: ReplayOptions) {
    this.inner = engine;
    this.capabilities = engine.capabilities;
    this.mode = mode;
    this.speed = speed === "instant" ? Infinity : speed;
    this.cassettes = new CassetteFolder(folder);
    this.clock = clock;
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<Batch> {
    if (signal.aborted) throw canceled();
    const canonical = canonicalRequest(request);
    const digest = digestOf(canonical);
    const found = this.mode === "record" ? undefined : await this.cassettes.find(digest);
    if (found !== undefined) {
      yield* this.play(found, signal);
      return;
    }
    if (this.mode === "replay") throw await this.cassettes.missing(digest, canonical);
    const batches: TimedBatch[] = [];
    let last = this.clock.now();
    for await (const events of this.inner.generate(request, signal)) {
      const now = this.clock.now();
      batches.push({ afterMs: Math.round(now - last), events });
      last = now;
      // before its last batch is handed on: who has seen the end finds it recorded
      if (isComplete(events)) await this.cassettes.keep({ digest, request: canonical, batches });
      yield events;
    }
  }

  async count(request: GenerationRequest, signal: AbortSignal): Promise<{ tokens: number; exact: boolean }> {
    if (this.mode !== "replay") return await this.inner.count(request, signal);
    return { tokens: finish(measurePrompt(request, 64)).tokens, exact: false };
  }

  get requests(): readonly GenerationRequest[] {
    return this.inner.requests ?? [];
  }

  load(): Load {
    const { running, waiting, slots } = this.inner.load();
    return { running: running + this.playing, waiting, slots };
  }

  async open(): Promise<void> {
    if (this.mode !== "replay") await this.inner.open?.();
  }

  async close(): Promise<void> {
    await this.inner.close();
  }

  private async *play({ batches }: Cassette, signal: AbortSignal): AsyncGenerator<Batch> {
    let last: GenerationEvent | undefined;
    this.playing += 1;
    try {
      for (const { afterMs, events } of batches) {
        await this.clock.sleep(afterMs / this.speed, signal);
        if (signal.aborted && last === undefined) throw canceled();
        if (signal.aborted) {
          yield [...endOf(last), { type: "finish", reason: "error", error: canceled() }];
          return;
        }
        yield events;
        last = events.findLast((event) => "index" in event || event.type === "begin") ?? last;
      }
    } finally {
      this.playing -= 1;
    }
  }
}

/** The end of the item that was open after an event; none where none was. */
function endOf(last: GenerationEvent | undefined): Batch {
  if (last === undefined || !("index" in last) || last.type.endsWith("-end")) return [];
  if (last.type.startsWith("text")) return [{ type: "text-end", index: last.index }];
  if (last.type.startsWith("reasoning")) return [{ type: "reasoning-end", index: last.index }];
  return [{ type: "call-end", index: last.index }];
}

function isComplete(events: Batch): boolean {
  const last = events.at(-1);
  return last?.type === "finish" && last.reason !== "error";
}

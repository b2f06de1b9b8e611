import { Semaphore } from "../../src/lib/semaphore.ts";
import { EventBuilder } from "../../src/model/event-builder.ts";
import { canceled, ParleyError, toParleyError } from "../../src/model/error.ts";
import type { Batch, FinishReason, GenerationEvent, Usage } from "../../src/model/event.ts";
import type { GenerationRequest } from "../../src/model/request.ts";
import type { Capabilities, Engine, Load } from "../../src/engine/engine.ts";
import { type Clock, systemClock } from "../../src/engine/sim/clock.ts";

/** Batches ready made, or made one by one by a test that wants its hand on the tap. */
export type Script = Iterable<Batch> | AsyncIterable<Batch>;

export interface ScriptOptions {
  /** What is played. A function may throw: that is a failure before the first batch. */
  batches: Script | ((request: GenerationRequest) => Script);
  /** Milliseconds before each batch; a function gets its number, from 0. Default 0. */
  delay?: number | ((index: number) => number);
  /** What `count` answers. Default 1. */
  tokens?: number;
  /** Requests played at once; default no bound. */
  slots?: number;
  capabilities?: Partial<Capabilities>;
  clock?: Clock;
}

/** An engine that plays what it is given and remembers what it was asked. */
export interface ScriptEngine extends Engine {
  /** Every request `generate` was asked for, in order. */
  readonly requests: readonly GenerationRequest[];
  /** How many streams were ended by their signal while they played. */
  readonly aborted: number;
}

export function scriptEngine(options: ScriptOptions): ScriptEngine {
  return new Player(options);
}

/** What an answer holds, before it is cut into batches. */
export interface ScriptContent {
  reasoning?: string;
  text?: string;
  calls?: readonly { id: string; name: string; args: string }[];
  usage?: Usage;
  /** Default `calls` where there are calls, else `stop`. */
  finish?: FinishReason;
  error?: ParleyError;
}

/** Batches that say the content in order, `piece` code points a batch. */
export function scriptBatches(content: ScriptContent, piece = 8): Batch[] {
  const out = new EventBuilder();
  const batches: Batch[] = [];
  const flush = (): void => {
    const taken = out.take();
    if (taken.length > 0) batches.push(taken);
  };
  const pour = (text: string, write: (piece: string) => void): void => {
    const points = Array.from(text);
    for (let at = 0; at < points.length; at += piece) {
      write(points.slice(at, at + piece).join(""));
      flush();
    }
  };
  pour(content.reasoning ?? "", (text) => out.reasoning(text));
  pour(content.text ?? "", (text) => out.text(text));
  for (const call of content.calls ?? []) {
    out.callStart(call.id, call.name);
    pour(call.args, (args) => out.callDelta(args));
  }
  out.close();
  if (content.usage !== undefined) out.usage(content.usage);
  out.finish(content.finish ?? (out.callCount > 0 ? "calls" : "stop"), content.error);
  flush();
  return batches;
}

class Player implements ScriptEngine {
  // fixed at birth
  readonly kind = "script";
  readonly capabilities: Capabilities;
  readonly requests: GenerationRequest[] = [];
  private readonly options: ScriptOptions;
  private readonly clock: Clock;
  private readonly slots: Semaphore;
  private readonly closing = new AbortController();
  // changed by events
  aborted = 0;

  constructor(options: ScriptOptions) {
    this.options = options;
    this.slots = new Semaphore(options.slots ?? Infinity, { abortError: canceled });
    this.clock = options.clock ?? systemClock;
    this.capabilities = { constrained: true, image: true, video: "frames", ...options.capabilities };
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<Batch> {
    this.requests.push(request);
    if (this.closing.signal.aborted) throw new ParleyError("overloaded", "the engine is closed");
    const ended = AbortSignal.any([signal, this.closing.signal]);
    const release = await this.slots.acquire(ended);
    const onAbort = (): void => {
      this.aborted += 1;
      release();
    };
    ended.addEventListener("abort", onAbort, { once: true });
    try {
      yield* this.play(request, ended);
    } finally {
      ended.removeEventListener("abort", onAbort);
      release();
    }
  }

  count(_request: GenerationRequest, _signal: AbortSignal): Promise<{ tokens: number; exact: boolean }> {
    return Promise.resolve({ tokens: this.options.tokens ?? 1, exact: true });
  }

  load(): Load {
    return { running: this.slots.running, waiting: this.slots.waiting, slots: this.slots.capacity };
  }

  close(): Promise<void> {
    this.closing.abort();
    return Promise.resolve();
  }

  private async *play(request: GenerationRequest, ended: AbortSignal): AsyncGenerator<Batch> {
    const open = new OpenItem();
    try {
      const { batches } = this.options;
      const script = typeof batches === "function" ? batches(request) : batches;
      for await (const batch of untilAborted(script, ended)) {
        await this.clock.sleep(this.delay(open.batches), ended);
        if (ended.aborted) break;
        open.see(batch);
        yield batch;
      }
      if (ended.aborted) throw canceled();
    } catch (thrown) {
      if (open.batches === 0) throw thrown;
      const end = open.fail(toParleyError(thrown));
      if (end.length > 0) yield end;
    }
  }

  private delay(index: number): number {
    const { delay = 0 } = this.options;
    return typeof delay === "function" ? delay(index) : delay;
  }
}

/** Remembers which item is open, so that a stream cut anywhere still ends within the grammar. */
class OpenItem {
  // changed by events
  batches = 0;
  private last: GenerationEvent | undefined;

  see(batch: Batch): void {
    this.batches += 1;
    for (const event of batch) if ("index" in event || event.type === "finish") this.last = event;
  }

  /** The events that end the stream; none when it has already finished. */
  fail(error: ParleyError): Batch {
    if (this.last?.type === "finish") return [];
    const finish: GenerationEvent = { type: "finish", reason: "error", error };
    const end = this.last === undefined ? undefined : endOf(this.last);
    return end === undefined ? [finish] : [end, finish];
  }
}

function endOf(event: GenerationEvent): GenerationEvent | undefined {
  if (!("index" in event) || event.type.endsWith("-end")) return undefined;
  if (event.type.startsWith("text")) return { type: "text-end", index: event.index };
  if (event.type.startsWith("reasoning")) return { type: "reasoning-end", index: event.index };
  return { type: "call-end", index: event.index };
}

/** The script's batches until the signal aborts, even while the script itself waits. */
async function* untilAborted(script: Script, signal: AbortSignal): AsyncGenerator<Batch> {
  const iterator = Symbol.asyncIterator in script ? script[Symbol.asyncIterator]() : script[Symbol.iterator]();
  const abort = Promise.withResolvers<undefined>();
  const onAbort = (): void => abort.resolve(undefined);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    while (!signal.aborted) {
      const step = await Promise.race([iterator.next(), abort.promise]);
      if (step === undefined || step.done === true) return;
      yield step.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    // A waiting iterator answers `return` only when its wait is over: nobody should wait for that.
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

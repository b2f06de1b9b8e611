import { setImmediate } from "node:timers/promises";
import type { Catalog, Target } from "../engine/engine.ts";
import { refuseMedia, type MediaPreparer } from "../media/prepare.ts";
import { isRetryable, ParleyError, toParleyError } from "../model/error.ts";
import type { Batch, GenerationEvent, Usage } from "../model/event.ts";
import type { RateLimitStatus } from "../model/limit.ts";
import { outcomeOf, type Outcome } from "../model/outcome.ts";
import type { GenerationRequest } from "../model/request.ts";
import { Transcript } from "../model/transcript.ts";
import { mayUse, type Caller } from "../policy/authenticate.ts";
import type { Moderator } from "../policy/moderate/moderate.ts";
import type { Log } from "../telemetry/log.ts";
import type { GenerationEnded } from "../telemetry/request-span.ts";
import type { GenerationWatch } from "../telemetry/watch.ts";
import type { Measure } from "./measure.ts";
import { EngineLines } from "./engine-line.ts";
import type { Meter } from "./meter.ts";
import type { RouteBook, RouteNote } from "./route-book.ts";
import { screened, type Started } from "./screen.ts";

/** One answer under way. The first batch has arrived, so from here on failure is a `finish` event. */
export interface Generation {
  request: GenerationRequest;
  /** Grows as `batches` is read. */
  transcript: Transcript;
  /** To be read once, to the end or until `return`. */
  batches: AsyncIterable<Batch>;
  /** Which engine answers. */
  target: Target;
  /** What the caller may still use. */
  rateLimit: RateLimitStatus;
  /** Milliseconds until the first batch: our own steps, and the engine's. */
  timing: { ownMs: number; engineMs: number };
  /** Which replica of the engine was chosen, where it has several. */
  route: RouteNote | undefined;
}

export interface GenerateOptions {
  catalog: Catalog;
  /** Makes media ready for the engine that is tried; without it requests are handed on as they are. */
  media?: Pick<MediaPreparer, "prepare">;
  /** Holds requests to limits and money; without it everything is admitted and nothing booked. */
  meter?: Pick<Meter, "admit">;
  /** Who is next at a busy engine; shared with those who count who waits. */
  lines?: EngineLines;
  /** Judges what is asked and what is answered; without it nothing is looked at. */
  moderator?: Moderator;
  /** Told once of every answer that began. */
  measure?: Measure;
  /** Follows every generation, also those that no engine could begin. */
  watch?: GenerationWatch;
  /** Where engines with replicas write down what they chose. */
  routes?: Pick<RouteBook, "take">;
  log: Log;
}

/** The use case both surfaces share: one request in, one stream of batches out. */
export class GenerateService {
  private readonly catalog: Catalog;
  private readonly media: Pick<MediaPreparer, "prepare"> | undefined;
  private readonly meter: Pick<Meter, "admit"> | undefined;
  private readonly moderator: Moderator | undefined;
  private readonly measure: Measure | undefined;
  private readonly watch: GenerationWatch | undefined;
  private readonly routes: Pick<RouteBook, "take"> | undefined;
  private readonly log: Log;
  private readonly lines: EngineLines;

  constructor(options: GenerateOptions) {
    this.catalog = options.catalog;
    this.media = options.media;
    this.meter = options.meter;
    this.lines = options.lines ?? new EngineLines();
    this.moderator = options.moderator;
    this.measure = options.measure;
    this.watch = options.watch;
    this.routes = options.routes;
    this.log = options.log;
  }

  /** Resolves when the first batch is there; throws a `ParleyError` when no engine could begin. */
  async start(request: GenerationRequest, caller: Caller, signal: AbortSignal): Promise<Generation> {
    const ended = this.watch?.(request, caller.keyId);
    try {
      return await this.open(request, caller, { signal, ended });
    } catch (thrown) {
      ended?.({ outcome: toParleyError(thrown).kind });
      throw thrown;
    }
  }

  private async open(request: GenerationRequest, caller: Caller, { signal, ended }: Opening): Promise<Generation> {
    const begun = performance.now();
    permit(request, caller);
    const model = this.catalog.card(request.model).id;
    const admission = await this.meter?.admit(request, caller, model);
    const started = await this.begin(request, caller, signal).catch((error: unknown) => {
      admission?.release();
      throw error;
    });
    const { target, prepared, engineMs } = started;
    const firstMs = performance.now() - begun;
    const transcript = new Transcript();
    const route = this.routes?.take(request.id);
    const settle: Running["settle"] = (how, late) => {
      const usage = transcript.usage ?? late;
      admission?.settle({ request: prepared, target, transcript, how, ...(usage === undefined ? {} : { usage }) });
      this.measure?.({
        model,
        target,
        replica: route?.replica,
        transcript,
        how,
        firstMs,
        totalMs: performance.now() - begun,
      });
      ended?.({ model, outcome: how, firstMs, usage, engine: engineOf(target, route) });
    };
    const batches = this.run(transcript, { ...started, signal, settle: once(settle) });
    const timing = { ownMs: firstMs - engineMs, engineMs };
    const generation = { request, transcript, target, batches, rateLimit: admission?.rateLimit ?? {}, timing, route };
    this.log.debug({ id: request.id, engine: target.engineName, caller: caller.keyId }, "generation started");
    return generation;
  }

  /** Input tokens of a request, as the engine counts them that would answer it. */
  async count(request: GenerationRequest, caller: Caller, signal: AbortSignal): Promise<number> {
    permit(request, caller);
    const targets = this.catalog.targets(request.model);
    const able = targets.find(({ engine }) => refuseMedia(request, engine.capabilities) === undefined);
    const target = able ?? targets[0];
    if (target === undefined) throw new ParleyError("overloaded", "no engine serves this model");
    const prepared = await this.prepare(request, target, { caller, signal });
    return (await target.engine.count(prepared, signal)).tokens;
  }

  /** The steps screen and route. */
  private begin(request: GenerationRequest, caller: Caller, signal: AbortSignal): Promise<Started> {
    const route = (): Promise<Started> => this.route(request, caller, signal);
    return this.moderator === undefined ? route() : screened({ moderator: this.moderator, request, signal }, route);
  }

  /** Tries the targets in order until one gives its first batch. */
  private async route(request: GenerationRequest, caller: Caller, signal: AbortSignal): Promise<Started> {
    let last: ParleyError | undefined;
    for (const target of this.catalog.targets(request.model)) {
      const refused = refuseMedia(request, target.engine.capabilities);
      if (refused !== undefined) {
        last ??= refused;
        continue;
      }
      try {
        const prepared = await this.prepare(request, target, { caller, signal });
        // media took their time, and an engine that the settings name no more is closed when it is idle
        if (this.hasLeft(target, request)) return await this.route(request, caller, signal);
        const asked = performance.now();
        const rest = this.lines.generate(target, { request: prepared, keyId: caller.keyId, signal });
        const first = await rest.next();
        if (first.done === true) throw new ParleyError("upstream", "the engine ended without an answer");
        return { target, first: first.value, rest, prepared, engineMs: performance.now() - asked };
      } catch (thrown) {
        const error = toParleyError(thrown);
        if (signal.aborted || !isRetryable(error)) throw error;
        this.log.warn({ id: request.id, engine: target.engineName, kind: error.kind, err: error }, "engine failed");
        last = error;
      }
    }
    throw last ?? new ParleyError("overloaded", "no engine serves this model");
  }

  private hasLeft({ engine }: Target, { model }: GenerationRequest): boolean {
    return !this.catalog.targets(model).some((target) => target.engine === engine);
  }

  /** The request as one engine takes it: its own model name, and media of the kinds it reads. */
  private async prepare(request: GenerationRequest, target: Target, asked: Asked): Promise<GenerationRequest> {
    const context = { target: target.engine.capabilities, callerKeyId: asked.caller.keyId, signal: asked.signal };
    const prepared = (await this.media?.prepare(request, context)) ?? request;
    return { ...prepared, model: target.model };
  }

  /** Hands batches on, folding each; whatever happens, the stream ends with exactly one `finish` and is settled. */
  private async *run(transcript: Transcript, { first, rest, signal, settle }: Running): AsyncGenerator<Batch> {
    let how: Outcome = "canceled";
    try {
      for (let batch: Batch | undefined = first; batch !== undefined; batch = (await rest.next()).value) {
        transcript.apply(batch);
        // before the last batch is told: whoever got it may ask again at once
        if (transcript.finish !== undefined) settle(outcomeOf(transcript.finish));
        yield batch;
      }
      if (!signal.aborted) how = "upstream";
    } catch (thrown) {
      if (transcript.finish === undefined) yield this.fail(transcript, toParleyError(thrown));
    } finally {
      const late = transcript.usage === undefined ? await lastUsage(rest, signal) : undefined;
      await rest.return?.();
      settle(transcript.finish === undefined ? how : outcomeOf(transcript.finish), late);
    }
    if (transcript.finish !== undefined) return;
    const error = signal.aborted
      ? new ParleyError("canceled", "the request was canceled")
      : new ParleyError("upstream", "the engine's answer broke off");
    yield this.fail(transcript, error);
  }

  private fail(transcript: Transcript, error: ParleyError): Batch {
    if (error.kind !== "canceled") this.log.warn({ kind: error.kind, err: error }, "generation failed half-way");
    const batch: GenerationEvent[] = [];
    const index = transcript.items.length - 1;
    const open = transcript.items[index];
    if (open !== undefined && !open.done) batch.push({ type: `${open.type}-end`, index });
    batch.push({ type: "finish", reason: "error", error });
    transcript.apply(batch);
    return batch;
  }
}

interface Opening {
  signal: AbortSignal;
  ended: ReturnType<GenerationWatch> | undefined;
}

/** An engine in the words of telemetry. */
function engineOf({ engine, engineName, model }: Target, route?: RouteNote): NonNullable<GenerationEnded["engine"]> {
  return { name: engineName, kind: engine.kind, model, replica: route?.replica, address: engine.address };
}

interface Asked {
  caller: Caller;
  signal: AbortSignal;
}

function permit({ model }: GenerationRequest, caller: Caller): void {
  if (mayUse(caller.models, model)) return;
  throw new ParleyError("forbidden", `this key may not use the model '${model.slice(0, 200)}'`);
}

/** An answer is settled when its last batch is known, and again when its stream is left: the first one counts. */
function once(settle: Running["settle"]): Running["settle"] {
  let settled = false;
  return (how, late) => {
    if (!settled) settle(how, late);
    settled = true;
  };
}

/** What an engine still tells of an answer that was broken off; nothing where the caller left it without an abort. */
async function lastUsage(rest: AsyncIterator<Batch>, signal: AbortSignal): Promise<Usage | undefined> {
  let usage: Usage | undefined;
  // a destroyed socket is seen one turn before its close event aborts
  if (!signal.aborted) await setImmediate();
  if (!signal.aborted) return undefined;
  try {
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
      usage = next.value.findLast((event) => event.type === "usage")?.usage ?? usage;
    }
  } catch {
    // an aborted engine may throw; what it told before stands
  }
  return usage;
}

interface Running {
  first: Batch;
  rest: AsyncIterator<Batch>;
  signal: AbortSignal;
  /** Books what was used; only the first call counts. `late`: what the engine told after the last batch. */
  settle: (how: Outcome, late?: Usage) => void;
}

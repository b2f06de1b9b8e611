import { setTimeout as wait } from "node:timers/promises";
import { onceOrAborted, untilAborted } from "../../lib/abort.ts";
import { TimeSlices } from "../../lib/time-slices.ts";
import { refuseOverlong } from "../../model/context-bound.ts";
import { canceled, causeMessage, invalid, plainError, type ParleyError } from "../../model/error.ts";
import type { Batch } from "../../model/event.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Capabilities, Engine, EngineMember, Load } from "../engine.ts";
import { closing } from "../llama/pool.ts";
import { firstMedia } from "../template/message.ts";
import type { Connect } from "./link.ts";
import { Session, type Heartbeat } from "./session.ts";

export interface EngineClientOptions {
  kind: string;
  temperature?: number | undefined;
  /** What is known of the engine before its model is loaded. */
  capabilities: Capabilities;
  slots: number;
  connect: Connect;
  slices?: TimeSlices | undefined;
  log?: Pick<Log, "info" | "warn"> | undefined;
  heartbeat?: Heartbeat | undefined;
}

const defaultHeartbeat: Heartbeat = { everyMs: 1_000, missed: 10 };
const minPauseMs = 500;
const maxPauseMs = 30_000;
/** A process that lived for this long is started again at once. */
const steadyMs = 10_000;
/** How long requests wait for a process that is started again; it was there before, so most models are read at once. */
const restartMs = 5_000;

/** The engine of another process behind the port: started with the first request or by `open`, and again when it ends. */
export class EngineClient implements Engine {
  readonly kind: string;
  // fixed at birth
  readonly temperature: number | undefined;
  private readonly options: EngineClientOptions;
  private readonly slices: TimeSlices;
  private readonly closing = new AbortController();
  // changed by events
  /** The connection there is. */
  private session: Session | undefined;
  /** Settles when a process is there, its model loaded or not; made anew when the process ends. */
  private present = freshPromise<Session>();
  /** Starts processes until it is closed; set with the first need. */
  private running: Promise<void> | undefined;
  /** Why the last process ended; gone when another one is there. */
  private lostWhy: string | undefined;
  /** Answers under way. */
  private answers = 0;

  constructor(options: EngineClientOptions) {
    this.options = options;
    this.kind = options.kind;
    this.temperature = options.temperature;
    this.slices = options.slices ?? new TimeSlices();
  }

  get capabilities(): Capabilities {
    return this.session?.state?.capabilities ?? this.options.capabilities;
  }

  async open(): Promise<void> {
    const session = await this.start();
    await session.loaded;
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<Batch> {
    // the same request may have been what ended the process
    const [broken] = request.brokenTries ?? [];
    if (broken !== undefined) throw broken.error;
    this.answers += 1;
    const over = onceOrAborted(signal, () => (this.answers -= 1));
    try {
      const session = await this.available(signal);
      this.refuseUnfit(request);
      yield* session.generate(request, signal);
    } finally {
      over();
    }
  }

  async count(request: GenerationRequest, signal: AbortSignal): Promise<{ tokens: number; exact: boolean }> {
    const session = await this.available(signal);
    this.refuseUnfit(request);
    return session.count(request, signal);
  }

  /** This process's own requests: others that use the engine count theirs. */
  load(): Load {
    const slots = this.session?.state?.slots ?? this.options.slots;
    const running = Math.min(this.answers, slots);
    return { running, waiting: this.answers - running, slots };
  }

  members(): readonly EngineMember[] {
    const { state } = this.session ?? {};
    const up = state !== undefined && state.error === undefined;
    const reason = state?.error?.message ?? this.lostWhy;
    return [{ name: "process", up, running: this.load().running, ...(reason === undefined ? {} : { reason }) }];
  }

  async close(): Promise<void> {
    this.stop();
    this.session?.refuse(closing());
    this.session?.end("the engine is closed");
    await this.running;
  }

  /** For the owner of a shared engine: ends the process when the last other server has left. */
  async retire(): Promise<void> {
    this.stop();
    this.session?.retire();
    await this.running;
  }

  private stop(): void {
    this.closing.abort();
    this.present.reject(closing());
  }

  /** What cannot be answered is refused here: a prompt of megabytes need not go to the process. */
  private refuseUnfit(request: GenerationRequest): void {
    const media = firstMedia(request.items);
    if (media !== undefined) throw invalid(media.param, `this engine takes text only, not ${media.type}`);
    const { contextWindow } = this.capabilities;
    if (contextWindow !== undefined) refuseOverlong(request, contextWindow);
  }

  /** The process, its model loaded or not. */
  private start(): Promise<Session> {
    if (this.closing.signal.aborted) return Promise.reject(closing());
    this.running ??= this.keepRunning();
    return this.present.promise;
  }

  /** The process for a request: where it is being started again, only for a while. */
  private async available(signal: AbortSignal): Promise<Session> {
    if (signal.aborted) throw canceled();
    const present = this.start();
    if (this.lostWhy === undefined) return untilAborted(present, signal, canceled);
    const late = AbortSignal.timeout(restartMs);
    return untilAborted(present, AbortSignal.any([signal, late]), () => (signal.aborted ? canceled() : away()));
  }

  private async keepRunning(): Promise<void> {
    const { signal } = this.closing;
    for (let pauseMs = 0; !signal.aborted;) {
      const startedAt = performance.now();
      const reason = await this.oneLife();
      if (signal.aborted) return;
      const steady = performance.now() - startedAt >= steadyMs;
      pauseMs = steady ? 0 : Math.min(Math.max(pauseMs * 2, minPauseMs), maxPauseMs);
      this.options.log?.warn({ reason, pauseMs }, "the process of the embedded engine ended; it is started again");
      await wait(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** One process from its start to its end; resolves with the reason of the end. */
  private async oneLife(): Promise<string> {
    const { connect, heartbeat = defaultHeartbeat } = this.options;
    const { signal } = this.closing;
    let reason: string;
    try {
      const link = await connect(signal);
      const session = new Session({ link, heartbeat, slices: this.slices });
      this.session = session;
      if (signal.aborted) session.end("the engine is closed");
      void session.loaded.then(
        () => this.loaded(session, link.pid),
        () => session.state !== undefined && this.present.resolve(session),
      );
      reason = await session.ended;
    } catch (thrown) {
      reason = causeMessage(thrown);
    }
    this.session = undefined;
    this.lostWhy = reason;
    this.present.reject(plainError("upstream", "the embedded engine did not start", { cause: new Error(reason) }));
    this.present = freshPromise();
    if (signal.aborted) this.present.reject(closing());
    return reason;
  }

  private loaded(session: Session, pid: number | undefined): void {
    this.lostWhy = undefined;
    this.present.resolve(session);
    const { contextWindow: contextSize } = this.capabilities;
    this.options.log?.info({ pid, contextSize, sequences: session.state?.slots }, "embedded model loaded");
  }
}

function freshPromise<Value>(): PromiseWithResolvers<Value> {
  const fresh = Promise.withResolvers<Value>();
  // who waits for it has the rejection too
  fresh.promise.catch(() => undefined);
  return fresh;
}

function away(): ParleyError {
  return plainError("overloaded", "the embedded engine is being started again", { retryAfter: 1 });
}

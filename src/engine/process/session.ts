import { onAbort, untilAborted } from "../../lib/abort.ts";
import { jsonSteps } from "../../lib/json-scanner/write.ts";
import type { TimeSlices } from "../../lib/time-slices.ts";
import { canceled, ParleyError } from "../../model/error.ts";
import type { Batch } from "../../model/event.ts";
import type { GenerationRequest } from "../../model/request.ts";
import { Call } from "./call.ts";
import { frameBytes, FrameReader, type Frame, type FrameKind } from "./frame.ts";
import type { Link } from "./link.ts";
import { decodeBatch, errorOf, type EngineState, type PlainError } from "./message.ts";

/** How a process that hangs is found. */
export interface Heartbeat {
  /** Milliseconds between two questions whether it lives. */
  everyMs: number;
  /**
   * This many in a row without an answer end it, and `loadingFactor` times as many before its model is loaded.
   * Counted, not timed: this process may have stood still itself.
   */
  missed: number;
}

/** Starting a program and reading a large model may hold a process for seconds. */
const loadingFactor = 6;

export interface SessionOptions {
  link: Link;
  slices: TimeSlices;
  heartbeat: Heartbeat;
}

/** How many input tokens a request has. */
interface Counted {
  tokens: number;
  exact: boolean;
}

/** The engine over one connection, from its beginning to its end. */
export class Session {
  // fixed at birth
  /** Resolves when the process has loaded its model; rejects with why it has not, and when the connection ends before. */
  readonly loaded: Promise<void>;
  /** Resolves when the connection is over, with the reason in words for the log. */
  readonly ended: Promise<string>;
  private readonly options: SessionOptions;
  private readonly loading = Promise.withResolvers<void>();
  private readonly reader = new FrameReader();
  // changed by events
  /** What the process reported of its engine last. */
  state: EngineState | undefined;
  /** Answers under way, by number. */
  private readonly calls = new Map<number, Call>();
  /** Requests whose tokens are being counted, by number. */
  private readonly counts = new Map<number, PromiseWithResolvers<Counted>>();
  /** The number of the last request. */
  private last = 0;
  /** Questions of the heartbeat since anything came. */
  private unanswered = 0;
  /** Why this side ended it. */
  private why: string | undefined;

  constructor(options: SessionOptions) {
    this.options = options;
    this.loaded = this.loading.promise;
    this.loaded.catch(() => undefined);
    const { link, heartbeat } = options;
    const { socket } = link;
    const timer = setInterval(() => this.beat(), heartbeat.everyMs).unref();
    socket.on("data", (chunk: Buffer) => this.arrived(chunk));
    // its end says enough
    socket.on("error", () => undefined);
    socket.once("close", () => link.end());
    this.ended = link.ended.then((reason) => {
      clearInterval(timer);
      socket.destroy();
      this.over(this.why ?? reason);
      return this.why ?? reason;
    });
  }

  /** Ends the connection, and what runs over it. */
  end(why: string): void {
    this.why ??= why;
    this.options.link.end();
  }

  /** Ends the process when no other server is connected to it. */
  retire(): void {
    this.why ??= "no server uses it any more";
    this.write("retire", 0);
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<Batch> {
    const number = this.next();
    const call = new Call(number, (count) => this.write("taken", number, String(count)));
    this.calls.set(number, call);
    const stop = onAbort(signal, () => this.leave(call));
    try {
      await this.send("generate", number, request, signal);
      yield* call.batches(signal);
    } finally {
      stop();
      this.leave(call);
      this.calls.delete(number);
    }
  }

  async count(request: GenerationRequest, signal: AbortSignal): Promise<Counted> {
    const number = this.next();
    const counted = Promise.withResolvers<Counted>();
    counted.promise.catch(() => undefined);
    this.counts.set(number, counted);
    try {
      await this.send("count", number, request, signal);
      return await untilAborted(counted.promise, signal, canceled);
    } finally {
      if (this.counts.delete(number)) this.write("cancel", number);
    }
  }

  /** Ends every answer under way with this error. */
  refuse(error: ParleyError): void {
    for (const call of this.calls.values()) call.end(error);
    for (const counted of this.counts.values()) counted.reject(error);
    this.calls.clear();
    this.counts.clear();
  }

  private over(reason: string): void {
    const error = new ParleyError("upstream", "the embedded engine ended", { cause: new Error(reason) });
    this.loading.reject(error);
    this.refuse(error);
  }

  private next(): number {
    this.last = (this.last % 0xff_ff_ff_ff) + 1;
    return this.last;
  }

  private leave(call: Call): void {
    if (!call.isOver) this.write("cancel", call.number);
  }

  /** Sends a request, in slices where it is large. Throws `canceled` on abort, after which nothing more of it is sent. */
  private async send(kind: "generate" | "count", number: number, request: GenerationRequest, signal: AbortSignal) {
    // what the engine does not read
    const { brokenTries: _tries, ...sent } = request;
    let held: string | undefined;
    const piece = (text: string): void => {
      if (held !== undefined) this.write("piece", number, held);
      held = text;
    };
    await this.options.slices.run(jsonSteps(sent, { piece }), signal).catch((thrown: unknown) => {
      throw signal.aborted ? canceled() : thrown;
    });
    if (signal.aborted) throw canceled();
    this.write(kind, number, held);
  }

  private write(kind: FrameKind, number: number, payload?: string): void {
    const { socket } = this.options.link;
    if (socket.writable) socket.write(frameBytes(kind, number, payload));
  }

  private beat(): void {
    const { everyMs, missed } = this.options.heartbeat;
    const most = this.state === undefined ? missed * loadingFactor : missed;
    if (this.unanswered >= most) return this.end(`it has not answered for ${(everyMs * most) / 1000} seconds`);
    this.unanswered += 1;
    this.write("ping", 0);
  }

  private arrived(chunk: Buffer): void {
    this.unanswered = 0;
    try {
      for (const frame of this.reader.push(chunk)) this.accept(frame);
    } catch (thrown) {
      this.end(`it sent what cannot be read: ${String(thrown)}`);
    }
  }

  private accept({ kind, request, payload }: Frame): void {
    const call = this.calls.get(request);
    if (kind === "batch") call?.push(decodeBatch(payload.toString()));
    else if (kind === "end") call?.end();
    else if (kind === "failed") this.failed(request, errorOf(JSON.parse(payload.toString()) as PlainError));
    else if (kind === "counted") {
      this.counts.get(request)?.resolve(JSON.parse(payload.toString()) as Counted);
      this.counts.delete(request);
    } else if (kind === "state") this.stated(JSON.parse(payload.toString()) as EngineState);
  }

  private failed(request: number, error: ParleyError): void {
    this.calls.get(request)?.end(error);
    this.counts.get(request)?.reject(error);
    this.counts.delete(request);
  }

  private stated(state: EngineState): void {
    this.state = state;
    if (state.error === undefined) this.loading.resolve();
    else this.loading.reject(errorOf(state.error));
  }
}

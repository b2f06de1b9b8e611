import type { GenerationRequest } from "../model/request.ts";
import type { Log } from "./log.ts";
import { generationSpan, httpSpan, modelName } from "./request-span.ts";
import type { GenerationEnd, RequestStart, RequestEnd } from "./request-span.ts";
import type { SpanSink } from "./span.ts";
import { isSampled, parseTraceparent, type TraceContext } from "./trace-context.ts";

/** Called when a generation is requested; the result is called once, when it is over. */
export type GenerationWatch = (request: GenerationRequest, keyId: string) => (ended: GenerationEnd) => void;

export interface RequestWatchOptions {
  log: Log;
  /** Random hex digits (`IdSource`). */
  hex: (length: number) => string;
  /** Absent: nothing is traced. `ratio`: the share of the traces beginning here that is recorded, 0 to 1. */
  traces?: { sink: SpanSink; ratio: number };
}

/** A moment on both clocks: the wall clock places a span, the monotonic one measures it. Milliseconds. */
interface Moment {
  wallMs: number;
  clock: number;
}

/** One request under way. */
interface Entry extends Moment {
  begun: RequestStart;
  /** The request's own span; `undefined` where nothing is traced. */
  trace: TraceContext | undefined;
  /** Span of the caller that the header names. */
  parentId: string | undefined;
  /** Generations that are not over; `generation` counts. */
  generating: number;
  /** Log fields of the last generation that ended. */
  facts: Facts | undefined;
  /** Set by `end`, with the milliseconds the request took. */
  ended: (RequestEnd & { ms: number }) | undefined;
  /** Set when the request's line is written. */
  logged: boolean;
}

type Facts = Readonly<Record<string, string | number | undefined>>;

/**
 * Follows requests and their generations: one log line for each finished request, and a span for each of both where
 * traces are configured. It gets ids, names, counts and times, never what was asked or answered.
 */
export class RequestWatch {
  // fixed at birth
  private readonly options: RequestWatchOptions;
  // changed by events
  /** By request id, from `begin` to `end`. */
  private readonly open = new Map<string, Entry>();

  constructor(options: RequestWatchOptions) {
    this.options = options;
  }

  begin(begun: RequestStart): void {
    const parent = parseTraceparent(begun.traceparent);
    const trace = this.trace(parent);
    const entry: Entry = {
      ...now(),
      begun,
      trace,
      parentId: parent?.spanId,
      generating: 0,
      facts: undefined,
      ended: undefined,
      logged: false,
    };
    this.open.set(begun.id, entry);
  }

  /** Called once, when nothing more of this answer is sent. */
  end(id: string, ended: RequestEnd): void {
    const entry = this.open.get(id);
    if (entry === undefined) return;
    this.open.delete(id);
    entry.ended = { ...ended, ms: performance.now() - entry.clock };
    // an answer that broke off is logged with what the engine still reports of it
    if (entry.generating === 0 || ended.complete) this.logRequest(entry);
  }

  readonly generation: GenerationWatch = (request, keyId) => {
    const entry = this.open.get(request.id);
    const begun = now();
    const parent = entry?.trace;
    const trace = this.trace(parent);
    if (entry !== undefined) entry.generating += 1;
    return (ended) => {
      const facts = factsOf(request.model, ended);
      if (trace?.sampled === true) {
        const times = spanTimes(begun, performance.now() - begun.clock);
        const place = { ...times, traceId: trace.traceId, spanId: trace.spanId, parentId: parent?.spanId };
        this.options.traces?.sink.add(generationSpan(place, request, ended));
      }
      this.endGeneration(entry, { id: request.id, keyId, ...facts });
    };
  };

  /** A generation outlives its request when it runs in the background, and has none on a WebSocket. */
  private endGeneration(entry: Entry | undefined, line: Facts): void {
    if (entry !== undefined) {
      entry.generating -= 1;
      entry.facts = line;
    }
    if (entry === undefined || entry.logged) this.options.log.info(line, "generation");
    else if (entry.ended !== undefined && entry.generating === 0) this.logRequest(entry);
  }

  private logRequest(entry: Entry): void {
    const { begun, trace, ended } = entry;
    if (ended === undefined) return;
    entry.logged = true;
    const { route, path, status, error, reason, keyId, ms, complete } = ended;
    const line = {
      id: begun.id,
      method: begun.method,
      route,
      path,
      status,
      error,
      reason,
      ms: roundToTenths(ms),
      keyId,
      ...entry.facts,
    };
    const traced = trace?.sampled === true ? { traceId: trace.traceId, spanId: trace.spanId } : {};
    const level = status >= 500 ? "warn" : "info";
    this.options.log[level]({ ...line, ...(complete ? {} : { aborted: true }), ...traced }, "request");
    if (trace?.sampled !== true) return;
    const place = { traceId: trace.traceId, spanId: trace.spanId, parentId: entry.parentId };
    this.options.traces?.sink.add(httpSpan({ ...place, ...spanTimes(entry, ms) }, begun, ended));
  }

  /** A new span below `parent`, or the first of a trace; nothing where nothing is traced. */
  private trace(parent: TraceContext | undefined): TraceContext | undefined {
    const { traces, hex } = this.options;
    if (traces === undefined) return undefined;
    const traceId = parent?.traceId ?? hex(32);
    return { traceId, spanId: hex(16), sampled: parent?.sampled ?? isSampled(traceId, traces.ratio) };
  }
}

function now(): Moment {
  return { wallMs: Date.now(), clock: performance.now() };
}

function spanTimes({ wallMs }: Moment, ms: number): { startMs: number; endMs: number } {
  return { startMs: wallMs, endMs: wallMs + ms };
}

function factsOf(asked: string, { model, outcome, engine, firstMs, usage }: GenerationEnd): Facts {
  return {
    model: model ?? modelName(asked),
    engine: engine?.name,
    replica: engine?.replica === undefined ? undefined : placeOf(engine.replica),
    outcome,
    inputTokens: usage?.input,
    cachedTokens: usage?.cached,
    outputTokens: usage?.output,
    firstTokenMs: firstMs === undefined ? undefined : roundToTenths(firstMs),
  };
}

/** A base URL without credentials. */
function placeOf(address: string): string {
  const url = URL.parse(address);
  return url === null ? address : `${url.origin}${url.pathname}`;
}

function roundToTenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** One span as others refer to it. */
export interface TraceContext {
  /** 32 hex digits. */
  traceId: string;
  /** 16 hex digits. */
  spanId: string;
  /** Whether the trace is recorded. */
  sampled: boolean;
}

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** A `traceparent` header (W3C Trace Context, level 1); `undefined` where it is absent or broken. */
export function parseTraceparent(header: string | undefined): TraceContext | undefined {
  const [, version, traceId = "", spanId = "", flags = "", more] = pattern.exec(header?.trim() ?? "") ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Hex digits of the trace id that decide about sampling: 52 bits, which a number holds exactly. */
const sampledDigits = 13;

/** Whether a trace that begins here is recorded: equal for the same id on every server with that ratio (0 to 1). */
export function isSampled(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-sampledDigits), 16) < ratio * 16 ** sampledDigits;
}

import type { RateLimitStatus } from "./limit.ts";

/**
 * The one error class. Every surface owns a complete table from `ErrorKind` to HTTP status, type and vendor code
 * (the compiler refuses a missing row), so a kind says what happened, never how it is shown.
 */
export const errorKinds = [
  "invalid", // the caller's request is wrong; `param` names the field
  "context", // the prompt does not fit the model's window
  "unauthenticated", // no usable credential was sent
  "key-rejected", // a credential was sent, but it is not (or no longer) valid
  "forbidden", // a valid key that may not do this
  "not-found", // no such path, model route or stored object
  "method", // the path exists, the method does not
  "too-large", // body over the limit
  "unsupported-encoding", // a content coding that cannot be decoded
  "rate-limit", // requests or tokens per minute
  "connection-limit", // too many at once
  "growth-limit", // too fast a rise in requests
  "balance", // no money left
  "quota", // a plan's usage limit is spent
  "input-sensitive", // moderation refused the input
  "output-sensitive", // moderation refused the output
  "token-limit", // the engine refused the requested number of tokens
  "timeout", // a deadline of ours passed
  "overloaded", // no replica or slot could take the request in time
  "upstream", // an engine behind us failed
  "unavailable", // what the server keeps cannot be read or written: a full disk, a database that is away
  "canceled", // the caller went away or asked for an end
  "internal", // our own fault; its text never reaches the caller
] as const;

export type ErrorKind = (typeof errorKinds)[number];

export interface ErrorDetail {
  /** The field at fault, as a path in the caller's body: `messages[2].content`. */
  param?: string;
  /** Seconds after which a new try makes sense; becomes `Retry-After`. */
  retryAfter?: number;
  /** What caused it; logged, never sent. */
  cause?: unknown;
  /** Why, in words for the log: they hold nothing that a caller or an engine wrote. */
  reason?: string;
  /** A machine-readable code of a surface's own vocabulary, e.g. `previous_response_not_found`. */
  code?: string;
  /** What the caller may still use, where a limit refused it. */
  rateLimit?: RateLimitStatus;
}

export class ParleyError extends Error {
  override readonly name = "ParleyError";
  readonly kind: ErrorKind;
  readonly param: string | undefined;
  readonly retryAfter: number | undefined;
  readonly reason: string | undefined;
  readonly code: string | undefined;
  readonly rateLimit: RateLimitStatus | undefined;

  constructor(kind: ErrorKind, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.kind = kind;
    this.param = detail.param;
    this.retryAfter = detail.retryAfter;
    this.reason = detail.reason;
    this.code = detail.code;
    this.rateLimit = detail.rateLimit;
  }
}

/** An invalid request whose message names the field. `cause` is logged, never sent. */
export function invalid(param: string, problem: string, cause?: unknown): ParleyError {
  const detail: ErrorDetail = cause === undefined ? { param } : { param, cause };
  return new ParleyError("invalid", param === "" ? problem : `${param}: ${problem}`, detail);
}

/** The error of work whose signal was aborted: the caller went away or asked for an end. */
export function canceled(): ParleyError {
  return new ParleyError("canceled", "the request was canceled");
}

/** Kinds of error that another replica or engine may not have: the same request may be sent there. */
const retryableKinds: ReadonlySet<ErrorKind> = new Set(["upstream", "overloaded", "timeout", "rate-limit", "internal"]);

/** Whether the same request may be tried on another replica or engine after this error. */
export function isRetryable({ kind }: ParleyError): boolean {
  return retryableKinds.has(kind);
}

/**
 * Whatever was thrown, as a `ParleyError`: aborts become `canceled`, the end of an `AbortSignal.timeout` becomes
 * `timeout`, the unknown becomes `internal` with its cause.
 */
export function toParleyError(thrown: unknown): ParleyError {
  if (thrown instanceof ParleyError) return thrown;
  const name = thrown instanceof Error ? thrown.name : "";
  if (name === "AbortError") return new ParleyError("canceled", "the request was canceled", { cause: thrown });
  if (name === "TimeoutError") return new ParleyError("timeout", "the request took too long", { cause: thrown });
  return new ParleyError("internal", "internal error", { cause: thrown });
}

/** For an operator's terminal and log: the message of what is behind an error, else its own. */
export function causeMessage(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  return cause instanceof Error ? cause.message : String(cause);
}

/** An error whose message holds nothing of what others wrote: the log shows it too. */
export function plainError(kind: ErrorKind, message: string, detail: ErrorDetail = {}): ParleyError {
  return new ParleyError(kind, message, { reason: message, ...detail });
}

/** Why something failed, for the log: our own words and a code, as far as there are such. Never what others wrote. */
export function reasonOf(thrown: unknown): string | undefined {
  const { reason, cause } = thrown instanceof ParleyError ? thrown : { reason: undefined, cause: thrown };
  const words = [reason ?? "", codeOf(cause)].filter((text) => text !== "");
  return words.length === 0 ? undefined : words.join(": ");
}

/** A code of the system or the network (`ECONNREFUSED`); `""` where there is none. */
function codeOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return codeOf(thrown.errors[0]);
  if (!(thrown instanceof Error) || thrown instanceof ParleyError) return "";
  const { code } = thrown as { code?: unknown };
  return typeof code === "string" && /^[\w.:-]{1,64}$/.test(code) ? code : "";
}

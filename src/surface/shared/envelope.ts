import type { ErrorKind, ParleyError } from "../../model/error.ts";
import type { Reply } from "../surface.ts";

/** How one kind of error looks on the vendor's wire. */
export interface EnvelopeRow {
  status: number;
  type: string;
  /** The vendor's numeric code, shown in parentheses at the end of the message. */
  code: number;
  /** Sent instead of the error's own message. */
  fixed?: string;
  /** Behind `fixed`, the error's reason: numbers and our own words. */
  withReason?: boolean;
  /** Put before the error's own message. */
  prefix?: string;
}

/**
 * Kind to HTTP status, `error.type` and vendor code (MiniMax API docs, error codes, 2026-08, and answers that clients
 * have seen). Where the vendor documents no status the usual one of HTTP is taken; `docs/errors.md` shows the table.
 */
export const envelopeTable: Readonly<Record<ErrorKind, EnvelopeRow>> = {
  invalid: { status: 400, type: "bad_request_error", code: 2013, prefix: "invalid params, " },
  context: {
    status: 400,
    type: "bad_request_error",
    code: 2013,
    fixed: "invalid params, context window exceeds limit",
    withReason: true,
  },
  unauthenticated: {
    status: 401,
    type: "authorized_error",
    code: 1004,
    fixed: "login fail: Please carry the API secret key in the 'Authorization' field of the request header",
  },
  "key-rejected": { status: 401, type: "authorized_error", code: 2049 },
  forbidden: { status: 403, type: "permission_error", code: 2044 },
  "not-found": { status: 404, type: "not_found_error", code: 2013 },
  method: { status: 405, type: "bad_request_error", code: 2013 },
  "too-large": { status: 413, type: "bad_request_error", code: 2013, prefix: "invalid params, " },
  "unsupported-encoding": { status: 415, type: "bad_request_error", code: 2013, prefix: "invalid params, " },
  "rate-limit": { status: 429, type: "rate_limit_error", code: 1002 },
  "connection-limit": { status: 429, type: "rate_limit_error", code: 1041 },
  "growth-limit": { status: 429, type: "rate_limit_error", code: 2045 },
  balance: { status: 402, type: "insufficient_balance_error", code: 1008 },
  quota: { status: 429, type: "rate_limit_error", code: 2056 },
  "input-sensitive": { status: 422, type: "bad_request_error", code: 1026, fixed: "input new_sensitive" },
  "output-sensitive": { status: 422, type: "bad_request_error", code: 1027, fixed: "output new_sensitive" },
  "token-limit": { status: 400, type: "bad_request_error", code: 1039 },
  timeout: { status: 504, type: "server_error", code: 1001 },
  overloaded: { status: 529, type: "overloaded_error", code: 2064 },
  unavailable: { status: 503, type: "server_error", code: 1013 },
  upstream: { status: 502, type: "server_error", code: 1033 },
  canceled: { status: 499, type: "bad_request_error", code: 2013 },
  internal: { status: 500, type: "server_error", code: 1000, fixed: "unknown error, 999" },
};

/** The vendor's error body; key order as on the wire. */
export interface ErrorEnvelope {
  type: "error";
  error: { type: string; message: string; http_code: string };
  request_id: string;
}

/**
 * An error as the vendor shows it; every path without a dialect of its own sends exactly this. `http_code` is a
 * string; the numeric code stands in parentheses at the end of the message.
 */
export function envelope(error: ParleyError, requestId: string): Reply & { body: ErrorEnvelope } {
  const row = envelopeTable[error.kind];
  const message = messageOf(error);
  return {
    status: row.status,
    headers: retryHeaders(error),
    body: {
      type: "error",
      error: { type: row.type, message: `${message} (${row.code})`, http_code: String(row.status) },
      request_id: requestId,
    },
  };
}

/** The vendor's `base_resp` of an error, as its chat and file pages document it. */
export function baseResp(error: ParleyError): { status_code: number; status_msg: string } {
  return { status_code: envelopeTable[error.kind].code, status_msg: messageOf(error) };
}

function messageOf(error: ParleyError): string {
  return fixedMessage(error) ?? `${envelopeTable[error.kind].prefix ?? ""}${error.message}`;
}

/** The fixed words of an error's kind, with the reason where they have one; `undefined` where the kind has none. */
export function fixedMessage({ kind, reason }: ParleyError): string | undefined {
  const { fixed, withReason } = envelopeTable[kind];
  return fixed !== undefined && withReason === true && reason !== undefined ? `${fixed}: ${reason}` : fixed;
}

/** Whole seconds, at least 1: a client that reads 0 asks again at once. */
function retryHeaders({ retryAfter }: ParleyError): Record<string, string> {
  return retryAfter === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(retryAfter))) };
}

import type { ErrorKind, ParleyError } from "../../model/error.ts";
import type { JsonObject } from "../../model/json.ts";
import { envelope } from "../shared/envelope.ts";
import type { Reply } from "../surface.ts";

/**
 * The code that OpenAI's clients switch on, where an error carries none of its own. Codex, for example, retries on `server_is_overloaded` and `rate_limit_exceeded`, and compacts on `context_length_exceeded`.
 */
const codes: Readonly<Record<ErrorKind, string>> = {
  invalid: "invalid_request",
  context: "context_length_exceeded",
  unauthenticated: "missing_api_key",
  "key-rejected": "invalid_api_key",
  forbidden: "permission_denied",
  "not-found": "not_found",
  method: "method_not_allowed",
  "too-large": "request_too_large",
  "unsupported-encoding": "unsupported_content_encoding",
  "rate-limit": "rate_limit_exceeded",
  "connection-limit": "rate_limit_exceeded",
  "growth-limit": "rate_limit_exceeded",
  balance: "insufficient_quota",
  quota: "insufficient_quota",
  "input-sensitive": "content_filter",
  "output-sensitive": "content_filter",
  "token-limit": "token_limit_exceeded",
  timeout: "timeout",
  overloaded: "server_is_overloaded",
  unavailable: "server_error",
  upstream: "server_error",
  canceled: "canceled",
  internal: "server_error",
};

/** The vendor's envelope with `code` and `param` added inside `error`, which Open Responses and OpenAI's SDKs read. */
export function errorReply(error: ParleyError, requestId: string): Reply {
  const { status, headers, body } = envelope(error, requestId);
  const added = { code: error.code ?? codes[error.kind], param: error.param ?? null };
  return { status, headers, body: { ...body, error: { ...body.error, ...added } } };
}

/** `error` of a failed response. */
export function responseError(error: ParleyError): JsonObject {
  return { code: error.code ?? codes[error.kind], message: envelope(error, "").body.error.message };
}

/** The error message of a WebSocket connection (Open Responses, `WebSocketErrorEvent`). */
export function socketError(error: ParleyError): JsonObject {
  const { status, body } = envelope(error, "");
  const { type, message } = body.error;
  return {
    type: "error",
    status,
    error: { type, code: error.code ?? codes[error.kind], message, param: error.param ?? null },
  };
}

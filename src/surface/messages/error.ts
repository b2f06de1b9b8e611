import type { ErrorKind, ParleyError } from "../../model/error.ts";
import { envelope, fixedMessage } from "../shared/envelope.ts";
import type { Reply } from "../surface.ts";

/** `error.details` of a request that asks for a thread: the SDK then sends whole histories. */
export const threadUnsupported = "thread_unsupported_request";

/** `error.type` by status (MiniMax API docs, Anthropic-compatible messages, 2026-11); the rest of 4xx is the caller's mistake. */
const typesByStatus: Readonly<Record<number, string>> = {
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error",
};

export interface MessagesErrorBody {
  type: "error";
  request_id: string;
  error: { type: string; message: string; details?: { error_code: string; unsupported: string[] } };
}

/** An error of the Messages surface, also inside a stream. */
export function messagesError(error: ParleyError, requestId: string): Reply & { body: MessagesErrorBody } {
  const { status, headers } = envelope(error, requestId);
  const details =
    error.code === threadUnsupported ? { details: { error_code: threadUnsupported, unsupported: ["thread"] } } : {};
  return {
    status,
    headers,
    body: {
      type: "error",
      request_id: requestId,
      error: { type: errorType(status), message: messageOf(error), ...details },
    },
  };
}

function errorType(status: number): string {
  return typesByStatus[status] ?? (status < 500 ? "invalid_request_error" : "api_error");
}

/** Kinds whose fixed words on the other surfaces speak of a header that this one need not have. */
const own: Readonly<Partial<Record<ErrorKind, string>>> = {
  unauthenticated: "no API key: send `Authorization: Bearer` or `x-api-key`",
};

function messageOf(error: ParleyError): string {
  return own[error.kind] ?? fixedMessage(error) ?? error.message;
}

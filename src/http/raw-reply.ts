import { STATUS_CODES } from "node:http";
import type { ParleyError } from "../model/error.ts";
import { envelope } from "../surface/shared/envelope.ts";

/** An error in the vendor's envelope as the bytes of a whole HTTP answer, for sockets that no framework answers on. */
export function rawReply(error: ParleyError, requestId: string): string {
  const { status, body } = envelope(error, requestId);
  const text = JSON.stringify(body);
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Refused"}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(text)}`,
    `trace-id: ${requestId}`,
    "connection: close",
    "",
    text,
  ].join("\r\n");
}

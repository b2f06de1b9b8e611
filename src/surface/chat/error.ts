import type { ParleyError } from "../../model/error.ts";
import { baseResp, envelope, type ErrorEnvelope } from "../shared/envelope.ts";
import type { Reply } from "../surface.ts";

/** The body of a chat error: the vendor's envelope, then `base_resp`, which its chat page documents for every answer. */
export interface ChatErrorBody extends ErrorEnvelope {
  base_resp: { status_code: number; status_msg: string };
}

/** An error of chat, also inside a stream. */
export function chatError(error: ParleyError, requestId: string): Reply & { body: ChatErrorBody } {
  const { status, headers, body } = envelope(error, requestId);
  return { status, headers, body: { ...body, base_resp: baseResp(error) } };
}

import { envelope } from "../../model/envelope.ts";
import type { ParleyError } from "../../model/error.ts";
import type { Reply, Surface } from "../surface.ts";
import { encodeBody } from "./encode.ts";
import { defaultPacket } from "./packet.ts";
import type { Packet } from "./packet.ts";
import { parseChat } from "./parse.ts";
import type { ChatAnswerOptions } from "./parse.ts";
import { ChatEncoder } from "./stream.ts";

export interface ChatOptions {
  /** Whether streams end with `data: [DONE]`; `false` gives the vendor's live wire. Default true. */
  sseDone?: boolean;
  /** Packet sizes of streams; a request may override them with `x-parley-packet`. */
  shaper?: Partial<Packet>;
  /** HTTP status of moderated requests: 422 as seen live (default), or 400 as the vendor's checks allow. */
  sensitiveStatus?: 400 | 422;
}

/** `POST /v1/chat/completions`, as the vendor speaks it. */
export function chatSurface(options: ChatOptions = {}): Surface<ChatAnswerOptions> {
  const packet = { ...defaultPacket, ...options.shaper };
  const fail = (error: ParleyError, requestId: string): ReturnType<typeof envelope> => {
    const answer = envelope(error, requestId);
    if (error.kind !== "input-sensitive" && error.kind !== "output-sensitive") return answer;
    const status = options.sensitiveStatus ?? answer.status;
    return { status, body: { ...answer.body, error: { ...answer.body.error, http_code: String(status) } } };
  };
  return {
    name: "chat",
    path: "/v1/chat/completions",
    parse: (body, context) => parseChat(body, context, packet),
    json: encodeBody,
    sse: (parsed) =>
      new ChatEncoder(parsed, {
        done: options.sseDone ?? true,
        failure: (error) => fail(error, parsed.request.id).body,
      }),
    error: (error, requestId): Reply => {
      const { status, body } = fail(error, requestId);
      const retry =
        error.retryAfter === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(error.retryAfter))) };
      return { status, headers: retry, body };
    },
  };
}

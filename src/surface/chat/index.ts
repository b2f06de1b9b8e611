import { finish } from "../../lib/time-slices.ts";
import type { Surface } from "../surface.ts";
import { defaultChunkSize } from "../shared/chunk-size.ts";
import type { ChunkSize } from "../shared/chunk-size.ts";
import { chatError, encodeBody } from "./encode.ts";
import { parseChat } from "./parse.ts";
import type { ChatAnswerOptions } from "./parse.ts";
import { ChatEncoder } from "./stream.ts";

export interface ChatOptions {
  /** Whether streams end with `data: [DONE]`; `false` gives the vendor's live wire. Default true. */
  sseDone?: boolean | undefined;
  /** Sizes of the pieces of a stream; a request may override them with `x-parley-packet`. */
  chunkSize?: Partial<ChunkSize> | undefined;
}

/** `POST /v1/chat/completions`, in the vendor's dialect. */
export function chatSurface(options: ChatOptions = {}): Surface<ChatAnswerOptions> {
  const chunkSize = { ...defaultChunkSize, ...options.chunkSize };
  return {
    name: "chat",
    path: "/v1/chat/completions",
    parse: (body, context) => finish(parseChat(body, context, chunkSize)),
    parseSteps: (body, context) => parseChat(body, context, chunkSize),
    json: encodeBody,
    sse: (parsed) => new ChatEncoder(parsed, options.sseDone ?? true),
    error: chatError,
  };
}

import { finish } from "../../lib/time-slices.ts";
import { defaultChunkSize, type ChunkSize } from "../shared/chunk-size.ts";
import type { Surface } from "../surface.ts";
import { encodeBody } from "./encode.ts";
import { messagesError } from "./error.ts";
import { parseMessages, type MessagesAnswerOptions } from "./parse.ts";
import type { Signer } from "./signature.ts";
import { MessagesEncoder } from "./stream.ts";

export { messagesError };
export type { MessagesAnswerOptions };

export interface MessagesSurfaceOptions extends Signer {
  /** Sizes of the pieces of a stream; a request may override them with `x-parley-packet`. */
  chunkSize?: Partial<ChunkSize> | undefined;
}

/** `POST /anthropic/v1/messages` and `POST /v1/messages`, in the vendor's dialect of Anthropic's Messages. */
export function messagesSurface({ chunkSize, ...signer }: MessagesSurfaceOptions): Surface<MessagesAnswerOptions> {
  const options = { ...signer, chunkSize: { ...defaultChunkSize, ...chunkSize } };
  return {
    name: "messages",
    path: "/anthropic/v1/messages",
    aliases: ["/v1/messages"],
    parse: (body, context) => finish(parseMessages(body, context, options)),
    parseSteps: (body, context) => parseMessages(body, context, options),
    json: (transcript, parsed) => encodeBody(transcript, parsed, signer),
    sse: (parsed) => new MessagesEncoder(parsed, signer),
    error: messagesError,
  };
}

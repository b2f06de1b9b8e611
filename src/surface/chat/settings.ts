import { z } from "zod";
import { defaultChunkSize } from "../shared/chunk-size.ts";

/** `sse` of the configuration: how streams look. `done` holds for the Responses surface too. */
export const sseSettings = z.strictObject({
  done: z
    .boolean()
    .default(true)
    .describe("End streams with `data: [DONE]`. The vendor's live wire has none; `false` gives that."),
  packetMinimum: z
    .int()
    .min(0)
    .default(defaultChunkSize.minChars)
    .describe("Smallest piece of text of a chat stream packet, in characters."),
  packetMaximum: z
    .int()
    .min(8)
    .default(defaultChunkSize.maxChars)
    .describe("Largest piece of text of a chat stream packet, in characters."),
  packetWaitMs: z
    .int()
    .min(0)
    .default(defaultChunkSize.maxWaitMs)
    .describe("Longest time a small piece is held back, in milliseconds."),
});

import { z } from "zod";
import { positive } from "../../lib/setting-type.ts";

const speed = z.number().positive();

/** The settings of `kind: sim`. */
export const simSettings = z.strictObject({
  kind: z.literal("sim").describe("A deterministic simulator: no model, for tests and load."),
  prefillTokensPerSecond: speed.exactOptional().describe("Speed of reading the prompt; default instant."),
  decodeTokensPerSecond: speed.exactOptional().describe("Speed of writing; default instant."),
  slots: positive.exactOptional().describe("Requests at once; default no bound."),
  contextWindow: positive.exactOptional().describe("Tokens, input and output together."),
});

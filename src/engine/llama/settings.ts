import { z } from "zod";
import { positive } from "../../lib/setting-type.ts";
import { defaultSequences } from "./options.ts";

/** The settings of `kind: llama`; what they mean to the engine is in `ModelOptions`. */
export const llamaSettings = z.strictObject({
  kind: z.literal("llama").describe("A GGUF file, answered by llama.cpp."),
  model: z
    .string()
    .min(1)
    .default("builtin")
    .describe("Path of a GGUF file, or `builtin` for the tiny model that ships."),
  threads: positive.exactOptional().describe("CPU threads; default one less than there are cores, at least one."),
  sequences: positive.default(defaultSequences).describe("Requests generated at once; more wait in a fair queue."),
  contextSize: positive.exactOptional().describe("Tokens of one conversation; default what the model was made for."),
  gpu: z.boolean().default(false).describe("Use a GPU when the installed binaries support one."),
  ownProcess: z
    .boolean()
    .exactOptional()
    .describe(
      "Run it in a process of its own, which is started again when it ends: a fault in native code then ends only its own " +
        "requests. Default: yes, but not for `builtin`, a model so small that the way between the processes costs 10 to 20 % of its speed.",
    ),
  think: z.array(z.string()).exactOptional().describe("Names of the tags that enclose reasoning, without brackets."),
  startsInside: z.boolean().exactOptional().describe("The model's template opens the reasoning tag itself."),
  calls: z.enum(["m2", "m3", "json", "none"]).exactOptional().describe("How the model writes tool calls."),
});

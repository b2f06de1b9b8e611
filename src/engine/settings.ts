import { z } from "zod";

/** The settings of one model name, from which the catalog is made. */
export const modelSettings = z.strictObject({
  engine: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .exactOptional()
    .describe("Engine name, or several in the order they are tried; default the first engine."),
  model: z.string().min(1).exactOptional().describe("The engine's own name of the model."),
  like: z
    .string()
    .min(1)
    .exactOptional()
    .describe(
      "For an alias or a model of your own: the documented model whose limits, defaults, wire form and family it takes.",
    ),
  reasoningSplit: z
    .boolean()
    .exactOptional()
    .describe(
      "Chat answers as if the request had `reasoning_split: true`, unless it has the field: for agents that show " +
        "think tags to their users.",
    ),
});

import { z } from "zod";

/** The settings of `kind: replay`, without the engine behind it; docs/simulator.md describes them. */
export const replaySettings = z.strictObject({
  kind: z.literal("replay").describe("Records the answers of another engine and plays them again. See simulator.md."),
  folder: z
    .string()
    .min(1)
    .describe("Where the recorded answers are kept, one file each; relative to the configuration file."),
  mode: z
    .enum(["record", "replay", "auto"])
    .default("auto")
    .describe("`record`: always ask the engine; `replay`: never; `auto`: when there is no recorded answer yet."),
  speed: z
    .union([z.literal("instant"), z.number().positive()])
    .default("instant")
    .describe("Of what is played: `instant`, 1 as it was recorded, 2 twice as fast."),
});
export type ReplaySettings = z.output<typeof replaySettings>;

import { availableParallelism } from "node:os";
import { z } from "zod";

/** More are a typing mistake: each takes about a hundred megabytes. */
const maxWorkers = 256;

/** The setting `workers`. */
export const workersSetting = z
  .union([z.literal("auto").transform(() => availableParallelism()), z.int().min(1).max(maxWorkers)], {
    error: `must be auto or an integer from 1 to ${maxWorkers}`,
  })
  .prefault(1)
  .describe(
    "Processes that serve the one port, on one machine; `auto`: one for each core. They share keys, limits, money and stored responses. Not with an engine that each of them would load again.",
  );

import { z } from "zod";

/** `responses` of the configuration, as far as this surface decides it; how long answers are kept is the store's part. */
export const responsesSettings = z.strictObject({
  store: z.boolean().default(false).describe("Keep answers when a request does not say `store` (vendor: false)."),
  defaultReasoning: z
    .enum(["off", "adaptive"])
    .default("off")
    .describe(
      "Reasoning of a Responses request without `reasoning`: off as on the vendor's page of 2026-11, or adaptive as on " +
        "an older one in Chinese.",
    ),
});

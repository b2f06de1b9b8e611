import { z } from "zod";

const wildcards: readonly string[] = ["0.0.0.0", "::", "[::]"];

/** Where the other processes on the same store reach this one; part of the settings `server`. */
export const peerSettings = z.strictObject({
  host: z
    .string()
    .min(1)
    .refine((host) => !wildcards.includes(host), "must be an address or name at which other machines reach this one")
    .exactOptional()
    .describe(
      "Address or name at which processes on other machines reach this one, for what concerns a stored response that it makes; it listens there on a port of its own. Default: 127.0.0.1 with `workers` or `store.url`, for processes on this machine; else none.",
    ),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .describe(
      "TCP port there, and the next free one where it is in use: twice as many as `workers` are tried. 0: any free one.",
    ),
});

import { z } from "zod";
import { positive, seconds } from "../../lib/setting-type.ts";

/** What is cut off when nothing comes or nothing is taken; part of the settings `server`. */
export const timeoutSettings = z.strictObject({
  headersSeconds: seconds
    .positive()
    .default(60)
    .describe("From a connection, or the first byte of a request, to its last header."),
  bodySeconds: seconds.positive().default(120).describe("For a whole request body; for uploads see `uploadSeconds`."),
  uploadSeconds: seconds.positive().default(3_600).describe("For a whole upload of a file."),
  refusedSeconds: seconds
    .positive()
    .default(10)
    .describe("How long the rest of a body is received after its answer was sent, so that the caller can read it."),
  idleSeconds: seconds.positive().default(75).describe("How long a connection may stay open without a request."),
  stallSeconds: seconds
    .positive()
    .default(30)
    .describe(
      "How long a caller may take for the next 64 KiB of an answer that waits for it, or send less than that of an upload.",
    ),
  closeSeconds: seconds
    .positive()
    .default(2)
    .describe("How long a refused connection stays open, so that the caller can read why."),
});
export type TimeoutSettings = z.output<typeof timeoutSettings>;

/** The same in milliseconds. */
export interface Timeouts {
  headersMs: number;
  bodyMs: number;
  uploadMs: number;
  refusedMs: number;
  idleMs: number;
  stallMs: number;
  closeMs: number;
}

export function timeoutsOf(settings: TimeoutSettings): Timeouts {
  return {
    headersMs: settings.headersSeconds * 1000,
    bodyMs: settings.bodySeconds * 1000,
    uploadMs: settings.uploadSeconds * 1000,
    refusedMs: settings.refusedSeconds * 1000,
    idleMs: settings.idleSeconds * 1000,
    stallMs: settings.stallSeconds * 1000,
    closeMs: settings.closeSeconds * 1000,
  };
}

/** How many connections there may be; part of the settings `server`. */
export const connectionSettings = z.strictObject({
  total: positive
    .default(10_000)
    .describe(
      "Connections at once, and never more than four fifths of the files that the process may open. One more takes the place of one that has shown no key, else of an idle one of the key that has most, else it is closed.",
    ),
  perAddress: positive
    .default(2_048)
    .describe(
      "Connections of one address that have shown no key; where there are more, the oldest are closed, some 250 a second. Not for `trustedProxies`.",
    ),
  perKey: positive
    .exactOptional()
    .describe("Connections at once whose last request showed the same key; default half of `total`."),
  webSockets: positive.default(1_000).describe("WebSockets at once."),
  webSocketsPerKey: positive.exactOptional().describe("WebSockets of one key at once; default half of `webSockets`."),
});
export type ConnectionSettings = z.output<typeof connectionSettings>;

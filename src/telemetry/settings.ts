import { z } from "zod";
import { Secret } from "../lib/secret.ts";
import { httpUrl } from "../lib/setting-type.ts";

const collector = z.strictObject({
  url: httpUrl
    .exactOptional()
    .describe("OpenTelemetry collector (OTLP over HTTP; `/v1/traces` is added). Nothing is traced without it."),
  headers: z
    .record(
      z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, "is no name of a header"),
      z
        .string()
        .regex(/^[\t\x20-\x7e\x80-\xff]*$/, "is no value of a header")
        .transform((value) => new Secret(value)),
    )
    .default({})
    .describe("Headers of every export, such as a token; give secrets by reference."),
  ratio: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe("Share of the traces that begin here which is recorded; a caller's `traceparent` decides for its own."),
  service: z.string().min(1).max(200).default("parley").describe("`service.name` of the spans."),
});

/** The settings `telemetry`: traces (docs/operations.md). */
export const telemetrySettings = z.strictObject({
  otlp: collector.prefault({}),
});

import { z } from "zod";
import { Secret } from "../lib/secret.ts";
import { accountSettings } from "./account-schema.ts";
import { days, seconds } from "./duration.ts";
import { engineSchema, modelSchema } from "./engine-schema.ts";
import { fileSchema } from "./file-schema.ts";
import { mediaSchema } from "./media-schema.ts";
import { moderationSchema } from "./moderation-schema.ts";
import { telemetrySchema } from "./telemetry-schema.ts";

/**
 * One schema: every setting, its default and its sentence. `docs/config.md` is generated from it.
 * Unknown names are errors, so that a typing mistake does not pass in silence.
 */
export const configSchema = z.strictObject({
  host: z
    .string()
    .min(1)
    .default("127.0.0.1")
    .describe("Address to listen on. Only loopback unless you say otherwise."),
  port: z.int().min(0).max(65_535).default(8787).describe("TCP port; 0 takes any free one."),
  data: z.string().min(1).default(".parley").describe("Folder for the database and everything else that is kept."),
  log: z
    .enum(["silent", "error", "warn", "info", "debug"])
    .default("info")
    .describe("Lowest level that is logged. Prompt text is never logged."),
  apiKeys: z
    .array(
      z
        .string()
        .min(8, "a key has at least 8 characters")
        .transform((key) => new Secret(key)),
    )
    .default([])
    .describe("Static API keys, besides those created with `parley keys create`."),
  strict: z
    .boolean()
    .default(false)
    .describe("Refuse what the vendor refuses where Parley is kinder. Per request: header `x-parley-strict: true`."),
  server: z
    .strictObject({
      bodyLimit: z
        .int()
        .min(1024)
        .default(64 * 1024 * 1024)
        .describe("Largest request body in bytes."),
      heartbeatSeconds: seconds
        .min(0.05)
        .default(15)
        .describe("Silence after which a stream sends a comment line; time between two pings of a WebSocket."),
      drainSeconds: seconds.min(0).default(30).describe("How long running answers may go on after SIGTERM."),
    })
    .prefault({}),
  sse: z
    .strictObject({
      done: z
        .boolean()
        .default(true)
        .describe("End streams with `data: [DONE]`. The vendor's live wire has none; `false` gives that."),
      packetMinimum: z
        .int()
        .min(0)
        .default(20)
        .describe("Smallest piece of text of a chat stream packet, in characters."),
      packetMaximum: z
        .int()
        .min(8)
        .default(160)
        .describe("Largest piece of text of a chat stream packet, in characters."),
      packetWaitMs: z.int().min(0).default(120).describe("Longest time a small piece is held back, in milliseconds."),
    })
    .prefault({}),
  responses: z
    .strictObject({
      store: z.boolean().default(false).describe("Keep answers when a request does not say `store` (vendor: false)."),
      defaultReasoning: z
        .enum(["off", "adaptive"])
        .default("off")
        .describe("Thinking of a Responses request without `reasoning` (seed 004: off; seed 000: adaptive)."),
      retentionDays: days.default(30).describe("Days after which stored responses are deleted."),
    })
    .prefault({}),
  hub: z
    .strictObject({
      url: z
        .url({ protocol: /^https?$/ })
        .default("https://huggingface.co")
        .describe("Where `parley models pull` finds models: a hub, or a mirror with the same paths."),
      token: z
        .string()
        .min(1)
        .transform((token) => new Secret(token))
        .exactOptional()
        .describe("Access token of the hub, for files that need a login."),
    })
    .prefault({}),
  media: mediaSchema.prefault({}),
  files: fileSchema.prefault({}),
  moderation: moderationSchema,
  telemetry: telemetrySchema.prefault({}),
  engines: z
    .record(z.string().min(1), engineSchema)
    .default({})
    .describe("Engines by name. Without any, the built-in tiny model answers."),
  models: z
    .record(z.string().min(1), modelSchema)
    .default({})
    .describe("Which engine serves a model name. Names not listed here go to the first engine."),
  ...accountSettings,
});

export type Config = z.output<typeof configSchema>;
export type ConfigInput = z.input<typeof configSchema>;

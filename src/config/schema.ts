import { z } from "zod";
import { Secret } from "../lib/secret.ts";
import { llamaSettings } from "../engine/llama/settings.ts";
import { modelSettings } from "../engine/settings.ts";
import { replaySettings } from "../engine/replay/settings.ts";
import { simSettings } from "../engine/sim/settings.ts";
import { llamaServerSettings, upstreamSettings } from "../engine/upstream/settings.ts";
import { connectionSettings, timeoutSettings } from "../http/connection/settings.ts";
import { peerSettings } from "../http/peer/settings.ts";
import { days, httpUrl, seconds, secret, webOrigin } from "../lib/setting-type.ts";
import { mediaSettings } from "../media/settings.ts";
import { moderationSettings } from "../policy/moderate/settings.ts";
import { policySettings } from "../policy/settings.ts";
import { fileSettings, ledgerSettings, responseQuotaSettings, storeSettings } from "../store/settings.ts";
import { workersSetting } from "../supervisor/settings.ts";
import { sseSettings } from "../surface/chat/settings.ts";
import { responsesSettings } from "../surface/responses/settings.ts";
import { telemetrySettings } from "../telemetry/settings.ts";

const answeringEngines = [llamaSettings, simSettings, upstreamSettings, llamaServerSettings] as const;
const engineBehind = z.discriminatedUnion("kind", answeringEngines);
const replay = replaySettings.extend({
  engine: engineBehind.describe("The engine behind it: its `kind` and settings, as under `engines`."),
});
const engineSettings = z.discriminatedUnion("kind", [...answeringEngines, replay]);
export type EngineConfig = z.output<typeof engineSettings>;

/**
 * One schema: every setting, its default and its sentence, composed of what the folders declare next to what they
 * configure. `docs/config.md` is generated from it.
 * Unknown names are errors, so that a typing mistake does not pass in silence.
 */
export const configSchema = z.strictObject({
  host: z
    .string()
    .min(1)
    .default("127.0.0.1")
    .describe("Address to listen on. Only loopback unless you say otherwise."),
  port: z.int().min(0).max(65_535).default(8787).describe("TCP port; 0 takes any free one."),
  workers: workersSetting,
  publicUrl: httpUrl
    .exactOptional()
    .describe(
      "URL under which callers reach this server, such as `https://llm.example.com`; download links begin with it. Default: from the request, where `trustedProxies` may say scheme and host.",
    ),
  data: z.string().min(1).default(".parley").describe("Folder for the database and everything else that is kept."),
  log: z
    .enum(["silent", "error", "warn", "info", "debug"])
    .default("info")
    .describe("Lowest level that is logged. Prompt text is never logged."),
  logFormat: z
    .enum(["auto", "text", "json"])
    .default("auto")
    .describe("Form of the log's lines; `auto`: text where standard error is a terminal, else one JSON object a line."),
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
    .describe("Refuse what the vendor refuses where Parley accepts more. Per request: header `x-parley-strict: true`."),
  server: z
    .strictObject({
      bodyLimit: z
        .int()
        .min(1024)
        .default(64 * 1024 * 1024)
        .describe("Largest request body in bytes, and never more than `memory.requestBytes`."),
      bodyValues: z
        .int()
        .min(1_000)
        .default(200_000)
        .describe("Most JSON values in one request body, those in objects and arrays included."),
      heartbeatSeconds: seconds
        .min(0.05)
        .default(15)
        .describe("Silence after which a stream sends a comment line; time between two pings of a WebSocket."),
      timeouts: timeoutSettings.prefault({}),
      connections: connectionSettings.prefault({}),
      shutdownDelaySeconds: seconds
        .min(0)
        .exactOptional()
        .describe(
          "How long everything is still served after SIGTERM while `/readyz` is 503 and answers close their connections, so that a balancer sends requests elsewhere; then the port closes. Default: 5, and 0 where the server runs on a terminal.",
        ),
      peer: peerSettings.prefault({}),
      drainSeconds: seconds.min(0).default(30).describe("How long running answers may go on when the port is closed."),
    })
    .prefault({}),
  cors: z
    .strictObject({
      origins: z
        .union([z.literal("*").transform((all) => [all]), z.array(webOrigin)], {
          error: "must be `*` or a list of `loopback` and origins (scheme, host and port: https://app.example.com)",
        })
        .prefault(["loopback"])
        .describe(
          "Pages that may use the API from a browser: origins, `loopback` (those of localhost, 127.0.0.1 and [::1]), or `*` for all. Never the admin API.",
        ),
    })
    .prefault({}),
  sse: sseSettings.prefault({}),
  responses: responsesSettings
    .extend({
      retentionDays: days.default(30).describe("Days after which stored and remembered responses are deleted."),
      remember: z
        .boolean()
        .default(true)
        .describe(
          "Keep answers whose request left `store` out so that later requests can refer to them and their items, on every " +
            "process and after a restart. They are no stored responses: no one can read them. `false`: in memory only.",
        ),
      ...responseQuotaSettings,
    })
    .prefault({}),
  hub: z
    .strictObject({
      url: httpUrl
        .default("https://huggingface.co")
        .describe("Where `parley models pull` finds models: a hub, or a mirror with the same paths."),
      token: secret.exactOptional().describe("Access token of the hub, for files that need a login."),
    })
    .prefault({}),
  media: mediaSettings.prefault({}),
  files: fileSettings.prefault({}),
  moderation: moderationSettings,
  telemetry: telemetrySettings.prefault({}),
  engines: z
    .record(z.string().min(1), engineSettings)
    .default({})
    .describe("Engines by name. Without any, the built-in tiny model answers."),
  models: z
    .record(z.string().min(1), modelSettings)
    .default({})
    .describe("Which engine serves a model name. Only these names are offered; without any, all documented names."),
  unlistedModels: z
    .boolean()
    .default(false)
    .describe("Documented names that are not listed under `models` are offered too, by the first engine."),
  store: storeSettings.prefault({}),
  ledger: ledgerSettings.prefault({}),
  ...policySettings,
});

export type Config = z.output<typeof configSchema>;
export type ConfigInput = z.input<typeof configSchema>;

import { z } from "zod";
import { deadline, httpUrl, positive, seconds, secret } from "../../lib/setting-type.ts";
import { Secret } from "../../lib/secret.ts";
import { dialectNames, streamModes } from "./dialect/dialect.ts";
import { baseUrlFault } from "./wire/base-url.ts";
import { repairRules, type RepairRule } from "./read/repair.ts";

/** A base URL, so that paths can be put behind it. */
const baseUrl = httpUrl.superRefine((url, context) => {
  const fault = baseUrlFault(url);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});

/** Headers that belong to the connection and the body. */
const ownHeaders =
  /^(host|connection|content-length|content-type|content-encoding|transfer-encoding|accept|expect|upgrade|te|trailer|keep-alive)$/i;
const headerName = z
  .string()
  .regex(/^[\w!#$%&'*+.^`|~-]+$/, "no name of a header")
  .refine((name) => !ownHeaders.test(name), "Parley sets this header itself");
const headerValue = z
  .string()
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, "a header holds one line of Latin letters")
  .transform((value) => new Secret(value));

/** Words for `dialect`, for messages. */
export const upstreamDialects: readonly string[] = dialectNames;

const ruleNames = Object.keys(repairRules) as RepairRule[];

function authorizations({
  url,
  key,
  headers = {},
}: {
  url: string | string[];
  key?: Secret | undefined;
  headers?: object | undefined;
}): number {
  const inUrl = [url].flat().some((one) => URL.canParse(one) && new URL(one).username + new URL(one).password !== "");
  const inHeaders = Object.keys(headers).some((name) => name.toLowerCase() === "authorization");
  return [key !== undefined, inUrl, inHeaders].filter(Boolean).length;
}

const proxyUrl = secret.refine((value) => /^https?:$/.test(URL.parse(value.reveal())?.protocol ?? ""), {
  error: "must be a URL that begins with http:// or https://",
});

/** The settings of `kind: upstream`, in the form that `UpstreamOptions` takes: deadlines in milliseconds, switches of rules. */
export const upstreamSettings = z
  .strictObject({
    kind: z.literal("upstream").describe("Any OpenAI-compatible chat server."),
    url: z
      .union([baseUrl, z.array(baseUrl).min(1)])
      .describe(
        "Base URL, with `/v1` where the server has it; a list for several replicas. Its query is sent with every call, its user and password as Basic authorization.",
      ),
    key: secret.exactOptional().describe("Key for the `Authorization` header."),
    headers: z
      .record(headerName, headerValue)
      .exactOptional()
      .describe("Further headers of every call, by name; each may be `{ env: NAME }`. Never logged."),
    proxy: proxyUrl
      .exactOptional()
      .describe("URL of an HTTP proxy that every call goes through, for example `{ env: HTTPS_PROXY }`. Never logged."),
    dialect: z
      .enum([...dialectNames, "auto"])
      .default("generic")
      .describe("Which server it is, and so what it understands."),
    model: z
      .string()
      .min(1)
      .exactOptional()
      .describe("The server's own model name; default the name the caller asked for."),
    mode: z
      .enum(["chat", "completions"])
      .default("chat")
      .describe("`completions`: prompts are rendered and answers parsed here, for servers that only complete text."),
    stream: z
      .enum(streamModes)
      .exactOptional()
      .describe(
        "`follow`: answers that no one reads in pieces are asked for without a stream; `always`: every answer is a stream. Default by dialect: docs/upstream.md.",
      ),
    template: z
      .string()
      .min(1)
      .exactOptional()
      .describe("Jinja text of the chat template for `mode: completions`; default llama-server's own."),
    weights: z
      .array(z.number().positive())
      .exactOptional()
      .describe("Shares of the base URLs, in their order; default equal."),
    affinity: z
      .boolean()
      .default(true)
      .describe("Requests that begin alike go to the same base URL, for its prefix cache; false: the least loaded."),
    replicas: z
      .strictObject({
        attempts: positive
          .exactOptional()
          .describe("Tries per request, the first included; default one per base URL, at least 2, at most 4."),
        failures: positive
          .default(3)
          .describe(
            "Failures in a row after which a base URL gets no requests for a while (its circuit breaker opens).",
          ),
        cooldown: deadline
          .prefault(2)
          .describe("Seconds without requests; doubled each time the trial request after them fails, up to 60."),
        probeInterval: seconds
          .nonnegative()
          .transform((value) => value * 1000)
          .prefault(5)
          .describe("Seconds between two health probes; 0: none."),
      })
      .prefault({})
      .describe("What is done when one of several base URLs fails: docs/routing.md."),
    connections: positive
      .exactOptional()
      .describe("Connections for answers to one base URL at most, and as many for counts of tokens; default no bound."),
    slots: positive
      .exactOptional()
      .describe("Requests one base URL runs at once without harm; default its connections, else 4 where that matters."),
    timeouts: z
      .strictObject({
        connect: deadline.prefault(10).describe("Seconds to open a connection."),
        firstByte: deadline
          .prefault(300)
          .describe(
            "Seconds from the request to the first byte of the answer. Of an answer that is no stream: until the server's health path is asked, which is then asked again after each `idle`.",
          ),
        idle: deadline.prefault(120).describe("Seconds between two pieces of an answer."),
        total: deadline.prefault(3_600).describe("Seconds for a whole answer."),
      })
      .prefault({})
      .describe("Deadlines; a request over one ends with an error."),
    family: z
      .enum(["m3", "m2", "her"])
      .exactOptional()
      .describe("Which model family stands behind it; default that of `like`, else read from the model's name."),
    think: z
      .array(z.string())
      .exactOptional()
      .describe("Names of thinking tags in the model's own text, without brackets."),
    startsInside: z
      .boolean()
      .exactOptional()
      .describe(
        "`true`: the model's text begins inside reasoning where its template opens the tag; `false`: never. Default: the answer shows it.",
      ),
    calls: z.enum(["m2", "m3", "json", "none"]).exactOptional().describe("How the model's own text writes tool calls."),
    repairOff: z.array(z.enum(ruleNames)).default([]).describe("Repair rules that are switched off."),
  })
  .refine(({ url, weights }) => weights === undefined || weights.length === [url].flat().length, {
    path: ["weights"],
    error: "one weight for each base URL",
  })
  .refine(({ url, key, headers }) => authorizations({ url, key, headers }) < 2, {
    path: ["key"],
    error: "more than one of key, user and password in the URL, and header Authorization",
  })
  .transform(({ url, weights, affinity, replicas, timeouts, think, startsInside, calls, repairOff, ...same }) => ({
    ...same,
    url: [url].flat().map((one, index) => ({ url: one, weight: weights?.[index] ?? 1 })),
    replicas: {
      affinity,
      attempts: replicas.attempts,
      failures: replicas.failures,
      cooldownMs: replicas.cooldown,
      probeMs: replicas.probeInterval,
    },
    timeouts,
    markup: {
      think: { ...(think && { tags: think }), ...(startsInside !== undefined && { startsInside }) },
      ...(calls && { calls }),
    },
    repair: Object.fromEntries(repairOff.map((rule) => [rule, false])),
  }));

/** The settings of `kind: llama-server`. */
export const llamaServerSettings = z.strictObject({
  kind: z.literal("llama-server").describe("llama.cpp's own server, started and watched as a child process."),
  binary: z.string().min(1).describe("Path of `llama-server`."),
  model: z.string().min(1).describe("Path of a GGUF file."),
  mmproj: z.string().min(1).exactOptional().describe("Path of the vision tower that goes with the model."),
  threads: positive.exactOptional().describe("CPU threads; default one less than there are cores, at least one."),
  slots: positive.default(4).describe("Requests generated at once."),
  contextSize: positive
    .exactOptional()
    .describe("Tokens of one request's window; default what the model was made for."),
  args: z.array(z.string()).default([]).describe("Further arguments for the binary, as they are."),
});

import { z } from "zod";
import { replaySettings } from "../engine/replay/settings.ts";
import { simSettings } from "../engine/sim/settings.ts";
import { Secret } from "../lib/secret.ts";
import { seconds } from "./duration.ts";

const positive = z.int().min(1);
const secret = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));

const llama = z.strictObject({
  kind: z.literal("llama").describe("A GGUF file in this process."),
  model: z
    .string()
    .min(1)
    .default("builtin")
    .describe("Path of a GGUF file, or `builtin` for the tiny model that ships."),
  threads: positive.exactOptional().describe("CPU threads; default one less than there are cores, at least one."),
  sequences: positive.default(4).describe("Requests generated at once; more wait in a fair queue."),
  contextSize: positive.exactOptional().describe("Tokens of one conversation; default what the model was made for."),
  gpu: z.boolean().default(false).describe("Use a GPU when the installed binaries support one."),
  think: z.array(z.string()).exactOptional().describe("Names of the tags that enclose thought, without brackets."),
  startsInside: z.boolean().exactOptional().describe("The model's template opens the thinking tag itself."),
  calls: z.enum(["m2", "m3", "json", "none"]).exactOptional().describe("How the model writes tool calls."),
});

const deadline = seconds.positive();

/** The rules of engine/upstream/repair.ts; a test holds the two lists together. */
export const repairRules = [
  "inline-thought",
  "inline-calls",
  "thought-markup",
  "thought-twice",
  "blank-content",
  "call-order",
  "call-name",
  "call-id",
  "call-arguments",
  "finish-reason",
  "finish-late",
  "usage-missing",
  "foreign-frame",
] as const;

const upstream = z
  .strictObject({
    kind: z.literal("upstream").describe("Any OpenAI-compatible chat server."),
    url: z
      .union([z.url({ protocol: /^https?$/ }), z.array(z.url({ protocol: /^https?$/ })).min(1)])
      .describe("Base URL, with `/v1` where the server has it; a list for several replicas."),
    key: secret.exactOptional().describe("Key for the `Authorization` header."),
    dialect: z
      .enum(["generic", "vllm", "sglang", "llama-server", "ollama", "minimax", "parley", "auto"])
      .default("generic")
      .describe("Whose habits the server has."),
    model: z
      .string()
      .min(1)
      .exactOptional()
      .describe("The server's own model name; default the name the caller asked for."),
    mode: z
      .enum(["chat", "completions"])
      .default("chat")
      .describe("`completions`: prompts are rendered and answers parsed here, for servers that only complete text."),
    template: z
      .string()
      .min(1)
      .exactOptional()
      .describe("Jinja text of the chat template for `mode: completions`; default what llama-server tells."),
    weights: z
      .array(z.number().positive())
      .exactOptional()
      .describe("Shares of the base URLs, in their order; default equal."),
    affinity: z
      .boolean()
      .default(true)
      .describe("Requests that begin alike go to the same base URL, for its prefix cache; false: the least loaded."),
    connections: positive.exactOptional().describe("Connections to one base URL at most; default no bound."),
    slots: positive
      .exactOptional()
      .describe("Requests one base URL runs at once without harm; default its connections, else 4 where that matters."),
    timeouts: z
      .strictObject({
        connect: deadline.default(10).describe("Seconds to open a connection."),
        firstByte: deadline.default(300).describe("Seconds from the request to the first byte of the answer."),
        idle: deadline.default(120).describe("Seconds between two pieces of an answer."),
        total: deadline.default(3_600).describe("Seconds for a whole answer."),
      })
      .prefault({})
      .describe("Deadlines; a request over one ends with an error."),
    family: z
      .enum(["m3", "m2", "her"])
      .exactOptional()
      .describe("Which model family stands behind it; default what the model's name tells."),
    think: z
      .array(z.string())
      .exactOptional()
      .describe("Names of thinking tags in the model's own text, without brackets."),
    startsInside: z
      .boolean()
      .exactOptional()
      .describe("The model's text begins inside thought: the prompt opened the tag."),
    calls: z.enum(["m2", "m3", "json", "none"]).exactOptional().describe("How the model's own text writes tool calls."),
    repairOff: z.array(z.enum(repairRules)).default([]).describe("Repair rules that are switched off."),
  })
  .refine(({ url, weights }) => weights === undefined || weights.length === [url].flat().length, {
    path: ["weights"],
    error: "one weight for each base URL",
  });

const llamaServer = z.strictObject({
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

const answering = z.discriminatedUnion("kind", [llama, simSettings, upstream, llamaServer]);
const replay = replaySettings.extend({
  engine: answering.describe("The engine behind it: its `kind` and settings, as under `engines`."),
});

export const engineSchema = z.discriminatedUnion("kind", [llama, simSettings, upstream, llamaServer, replay]);
export type EngineConfig = z.output<typeof engineSchema>;
export type LlamaConfig = z.output<typeof llama>;
export type UpstreamConfig = z.output<typeof upstream>;

export const modelSchema = z.strictObject({
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
      "For an alias or a model of your own: the documented model whose limits, defaults and wire form it takes.",
    ),
});
export type ModelConfig = z.output<typeof modelSchema>;

import type { JsonObject } from "../../model/json.ts";
import { agentOutput, type Client, type ClientModel } from "./client.ts";

const named = (models: readonly ClientModel[], row: (model: ClientModel) => JsonObject): JsonObject =>
  Object.fromEntries(models.map((model) => [model.name, row(model)]));
const inputs = ({ image }: ClientModel): string[] => (image ? ["text", "image"] : ["text"]);

/** Sent with every chat request, so that reasoning comes in a field of its own and not as `<think>` in the answer. */
const split = { reasoning_split: true };

export const opencode: Client = {
  name: "opencode",
  title: "opencode",
  tried: "1.18.33",
  about: [
    "It speaks chat completions through `@ai-sdk/openai-compatible`. `reasoning_split` shows the reasoning apart from the answer; `interleaved` sends it back between tool calls, which MiniMax models need.",
  ],
  folder: { path: ".config/opencode", variable: "XDG_CONFIG_HOME", below: "opencode" },
  files: ({ url, keyVariable, model, models }) => [
    {
      name: "opencode.json",
      format: "json",
      defaults: { $schema: "https://opencode.ai/config.json" },
      content: {
        model: `parley/${model.name}`,
        provider: {
          parley: {
            npm: "@ai-sdk/openai-compatible",
            name: "Parley",
            options: { baseURL: url, apiKey: `{env:${keyVariable}}` },
            models: named(models, (one) => ({
              name: one.name,
              reasoning: one.reasoning !== "never",
              attachment: one.image,
              tool_call: true,
              modalities: { input: inputs(one), output: ["text"] },
              limit: { context: one.contextWindow, output: agentOutput(one) },
              options: split,
              interleaved: { field: "reasoning_content" },
            })),
          },
        },
      },
    },
  ],
  commands: () => ["opencode", 'opencode run "Explain this repository"'],
};

export const qwen: Client = {
  name: "qwen",
  title: "Qwen Code",
  tried: "0.24.4",
  about: [
    "It speaks chat completions. `extra_body` sends `reasoning_split`, which shows the reasoning apart from the answer.",
  ],
  folder: { path: ".qwen", variable: "QWEN_HOME" },
  files: ({ url, keyVariable, model, models }) => [
    {
      name: "settings.json",
      format: "json",
      content: {
        security: { auth: { selectedType: "openai" } },
        model: { name: model.name },
        modelProviders: {
          openai: models.map((one) => ({
            id: one.name,
            name: `${one.name} (Parley)`,
            baseUrl: url,
            envKey: keyVariable,
            generationConfig: { contextWindowSize: one.contextWindow, extra_body: split },
          })),
        },
      },
    },
  ],
  commands: () => ["qwen", 'qwen -p "Explain this repository"'],
};

export const pi: Client = {
  name: "pi",
  title: "pi",
  tried: "1.6.0",
  about: ["It speaks Responses here, where it shows the reasoning and sends it back by itself."],
  folder: { path: ".pi/agent", variable: "PI_CODING_AGENT_DIR" },
  files: ({ url, keyVariable, model, models }) => [
    {
      name: "models.json",
      format: "json",
      content: {
        providers: {
          parley: {
            baseUrl: url,
            apiKey: `$${keyVariable}`,
            api: "openai-responses",
            models: models.map((one) => ({
              id: one.name,
              reasoning: one.reasoning !== "never",
              input: inputs(one),
              contextWindow: one.contextWindow,
              maxTokens: agentOutput(one),
              cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
            })),
          },
        },
      },
    },
    {
      name: "settings.json",
      format: "json",
      defaults: { defaultThinkingLevel: "high" },
      content: { defaultProvider: "parley", defaultModel: model.name },
    },
  ],
  commands: () => ["pi", 'pi -p "Explain this repository"'],
};

export const continueCli: Client = {
  name: "continue",
  title: "Continue",
  tried: "1.5.47 of its CLI `cn`",
  about: [
    "It speaks chat completions. `extraBodyProperties` sends `reasoning_split`, which keeps the reasoning out of the answer.",
    "Its editor extensions read the key from `~/.continue/.env` (a line `PARLEY_KEY=...`), its CLI from the environment.",
  ],
  folder: { path: ".continue", variable: "CONTINUE_GLOBAL_DIR" },
  files: ({ url, keyVariable, models }) => [
    {
      name: "config.yaml",
      format: "yaml",
      defaults: { name: "Local", version: "1.0.0", schema: "v1" },
      content: {
        models: models.map((one) => ({
          name: `${one.name} (Parley)`,
          provider: "openai",
          model: one.name,
          apiBase: url,
          apiKey: `\${{ secrets.${keyVariable} }}`,
          roles: ["chat", "edit", "apply"],
          capabilities: one.image ? ["tool_use", "image_input"] : ["tool_use"],
          defaultCompletionOptions: { contextLength: one.contextWindow, maxTokens: agentOutput(one) },
          requestOptions: { extraBodyProperties: split },
        })),
      },
    },
  ],
  commands: () => ["cn", 'cn -p "Explain this repository"'],
};

export const claude: Client = {
  name: "claude",
  title: "Claude Code",
  tried: "Claude Code 2.1.332",
  about: [
    "It speaks Anthropic's Messages at `/anthropic`. `apiKeyHelper` reads the key from the environment, so that it stands in no file.",
    "`[1m]` behind a name means a window of a million tokens; the server reads the name without it.",
  ],
  folder: { path: ".claude", variable: "CLAUDE_CONFIG_DIR" },
  files: ({ url, keyVariable, model }) => {
    const { name, contextWindow } = model;
    const named = contextWindow >= 1_000_000 ? `${name}[1m]` : name;
    return [
      {
        name: "settings.json",
        format: "json",
        content: {
          apiKeyHelper: `printenv ${keyVariable}`,
          env: {
            ANTHROPIC_BASE_URL: url.replace(/\/v1$/, "/anthropic"),
            ANTHROPIC_MODEL: named,
            ANTHROPIC_DEFAULT_OPUS_MODEL: named,
            ANTHROPIC_DEFAULT_SONNET_MODEL: named,
            ANTHROPIC_DEFAULT_HAIKU_MODEL: name,
            CLAUDE_CODE_AUTO_COMPACT_WINDOW: String(contextWindow),
            // a model of one's own may take long for its first word
            API_TIMEOUT_MS: "3000000",
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
          },
        },
      },
    ];
  },
  commands: () => ["claude", 'claude -p "Explain this repository"'],
};

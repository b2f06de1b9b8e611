import type { JsonObject } from "../../model/json.ts";
import type { Client, ClientModel } from "./client.ts";

/**
 * Codex CLI. Without a model catalogue it works with fallback metadata: a warning on every run, and no reasoning, because
 * it then sends no effort. The names and words of the catalogue are Codex's own (0.171); the values are what it needs for
 * MiniMax models: its shell and freeform patch tools, tools called from code, the documented window.
 */
export const codex: Client = {
  name: "codex",
  title: "Codex CLI",
  tried: "0.171.0, over HTTP and over its WebSocket",
  about: [
    "It speaks Responses. The model catalogue turns reasoning, code mode and freeform patches on; without it Codex uses fallback metadata and asks for no reasoning.",
    "`show_raw_agent_reasoning` shows the reasoning on the screen; take the line away to hide it.",
  ],
  folder: { path: ".codex", variable: "CODEX_HOME" },
  files: ({ url, keyVariable, model, models }) => [
    {
      name: "config.toml",
      format: "toml",
      content: {
        model: model.name,
        model_provider: "parley",
        model_catalog_json: "parley-models.json",
        model_reasoning_effort: model.reasoning === "never" ? "none" : "high",
        show_raw_agent_reasoning: true,
        model_providers: {
          parley: { name: "Parley", base_url: url, env_key: keyVariable, wire_api: "responses" },
        },
      },
    },
    { name: "parley-models.json", format: "json", content: { models: models.map(catalogRow) }, whole: true },
  ],
  commands: () => ["codex", 'codex exec "Explain this repository"'],
};

const levels: Readonly<Record<ClientModel["reasoning"], readonly [effort: string, description: string][]>> = {
  switchable: [
    ["none", "Answers at once"],
    ["high", "Reasons before it answers"],
  ],
  always: [["high", "Always reasons before it answers"]],
  never: [["none", "Answers at once"]],
};

/** Room for what Codex adds after it has counted: of a small window it needs more, in percent. */
const usablePercent = (contextWindow: number): number => (contextWindow > 500_000 ? 85 : 95);

function catalogRow(model: ClientModel, priority: number): JsonObject {
  const { name, contextWindow, image, reasoning } = model;
  return {
    slug: name,
    display_name: name,
    description: "Served by Parley",
    default_reasoning_level: reasoning === "never" ? "none" : "high",
    supported_reasoning_levels: levels[reasoning].map(([effort, description]) => ({ effort, description })),
    shell_type: "shell_command",
    visibility: "list",
    supported_in_api: true,
    priority,
    base_instructions:
      `You are Codex, a coding agent that runs on ${name}. You work in the user's own folder: read what you need, make ` +
      "the smallest change that does what was asked, run what proves it, and report shortly what you did.",
    supports_reasoning_summaries: reasoning !== "never",
    default_reasoning_summary: "none",
    support_verbosity: false,
    truncation_policy: { mode: "tokens", limit: 10_000 },
    supports_parallel_tool_calls: true,
    experimental_supported_tools: [],
    prefer_websockets: false,
    apply_patch_tool_type: "freeform",
    web_search_tool_type: "text",
    supports_image_detail_original: false,
    tool_mode: "code_mode_only",
    multi_agent_version: "v2",
    use_responses_lite: false,
    effective_context_window_percent: usablePercent(contextWindow),
    auto_compact_token_limit: null,
    reasoning_summary_format: "experimental",
    supports_search_tool: true,
    context_window: contextWindow,
    max_context_window: contextWindow,
    input_modalities: image ? ["text", "image"] : ["text"],
  };
}

/** Valid bodies with as many fields as each surface reads: what is mutated, and what the soak sends. */
import { model } from "./server.ts";

const pixel =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const parameters = {
  type: "object",
  required: ["a"],
  properties: {
    a: { type: "integer", minimum: 1 },
    b: { anyOf: [{ type: "string", pattern: "^[a-z]+$" }, { $ref: "#/$defs/c" }] },
  },
  $defs: { c: { type: "array", items: { enum: ["x", 1, null] }, minItems: 1 } },
  additionalProperties: false,
};

export const chatBodies: readonly object[] = [
  {
    model,
    messages: [
      { role: "system", name: "MiniMax AI", content: "be brief" },
      {
        role: "user",
        name: "Tom",
        content: [
          { type: "text", text: "look" },
          { type: "image_url", image_url: { url: pixel, detail: "low", max_long_side_pixel: 504 } },
        ],
      },
    ],
    max_completion_tokens: 20,
    temperature: 0.5,
    top_p: 0.5,
    stop: ["a"],
    response_format: { type: "json_schema", json_schema: { name: "o", strict: true, schema: parameters } },
  },
  {
    model,
    messages: [
      { role: "user", content: "use f" },
      {
        role: "assistant",
        content: "<think>\nhm\n</think>\n",
        reasoning_details: [{ type: "reasoning.text", text: "hm" }],
        tool_calls: [
          { id: "c1", type: "function", function: { name: "f", arguments: '{"a": 1}' } },
          { id: "c2", type: "function", function: { name: "g", arguments: "{}" } },
        ],
      },
      { role: "tool", tool_call_id: "c2", content: "two" },
      { role: "tool", tool_call_id: "c1", content: [{ type: "text", text: "one" }] },
      { role: "user", content: "so?" },
    ],
    thinking: { type: "adaptive" },
    reasoning_split: true,
    max_tokens: 20,
    tools: [
      { type: "function", function: { name: "f", description: "d", parameters } },
      { type: "function", function: { name: "g" } },
    ],
    tool_choice: { type: "function", function: { name: "f" } },
    parallel_tool_calls: true,
    service_tier: "priority",
    stream: true,
    stream_options: { include_usage: true },
    prompt_cache_key: "k",
    seed: 1,
    n: 1,
  },
];

export const messagesBodies: readonly object[] = [
  {
    model: `${model}[1m]`,
    max_tokens: 20,
    system: [{ type: "text", text: "be brief", cache_control: { type: "ephemeral" } }],
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "look" },
          { type: "image", source: { type: "url", url: pixel, detail: "low", max_long_side_pixel: 504 } },
          { type: "mid_conv_system", text: "now" },
        ],
      },
    ],
    temperature: 0.5,
    top_p: 0.5,
    top_k: 5,
    stop_sequences: ["a"],
    metadata: { user_id: "u" },
    output_config: { effort: "high", format: { type: "json_schema", schema: parameters } },
  },
  {
    model,
    max_tokens: 20,
    thinking: { type: "enabled", budget_tokens: 1000, display: "omitted" },
    messages: [
      { role: "user", content: "use f" },
      { role: "system", content: "and be quick" },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "hm", signature: "s" },
          { type: "text", text: "yes" },
          { type: "tool_use", id: "t1", name: "f", input: { a: 1 } },
          { type: "tool_use", id: "t2", name: "g", input: {} },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "t2", content: "two", is_error: true },
          { type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text: "one" }] },
          { type: "text", text: "so?" },
        ],
      },
    ],
    tools: [
      { name: "f", description: "d", input_schema: parameters, strict: true },
      { type: "custom", name: "g", input_schema: { type: "object" }, defer_loading: true },
      { type: "web_search_20250305", name: "web_search" },
    ],
    tool_choice: { type: "any", disable_parallel_tool_use: true },
    service_tier: "auto",
  },
];

export const responsesBodies: readonly object[] = [
  {
    model,
    instructions: "x",
    input: [
      {
        role: "user",
        content: [
          { type: "input_text", text: "a" },
          { type: "input_image", image_url: pixel },
        ],
      },
      { type: "reasoning", summary: [{ type: "summary_text", text: "t" }], content: [] },
      { type: "function_call", call_id: "a", name: "f", arguments: "{}" },
      { type: "function_call_output", call_id: "a", output: [{ type: "input_text", text: "b" }] },
      { type: "shell_call", call_id: "b", action: { commands: ["ls"] } },
      { type: "shell_call_output", call_id: "b", output: [{ stdout: "x", outcome: { type: "exit", exit_code: 1 } }] },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "c", annotations: [] }] },
    ],
    tools: [
      { type: "function", name: "f", description: "d", parameters, strict: true },
      { type: "namespace", name: "n", description: "d", tools: [{ type: "custom", name: "c" }] },
      { type: "custom", name: "c", format: { type: "grammar", syntax: "lark", definition: "x" } },
      { type: "shell", environment: { type: "local" } },
    ],
    tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "f" }] },
    reasoning: { effort: "low", summary: "auto" },
    metadata: { a: "b" },
    include: ["reasoning.encrypted_content"],
    max_output_tokens: 20,
    temperature: 0.5,
    store: true,
    truncation: "auto",
  },
  {
    model,
    input: [{ role: "user", content: "as JSON" }],
    text: { format: { type: "json_schema", name: "a", schema: parameters, strict: true }, verbosity: "low" },
    stream: true,
    stream_options: { include_obfuscation: false },
    max_output_tokens: 20,
  },
  { model, input: "x", max_output_tokens: 20, background: true, store: true },
];

/** Requests of the admin API on a key that must stay as it is: every mutation is of a body or a query. */
export function adminBodies(keyId: string): readonly { method: string; path: string; body: object }[] {
  const limits = { requestsPerMinute: 60_000, tokensPerMinute: null, streams: 1_000, growth: 100 };
  return [
    {
      method: "POST",
      path: "/admin/api/keys",
      body: {
        name: "ci",
        owner: "o",
        tags: ["a"],
        models: [model],
        ranges: ["10.0.0.0/8"],
        expiresAt: "2033-05-18T00:00:00Z",
        limits,
      },
    },
    { method: "PATCH", path: `/admin/api/keys/none`, body: { name: "x", disabled: true, limits } },
    { method: "POST", path: "/admin/api/organisations", body: { name: "team", limits } },
    { method: "PATCH", path: "/admin/api/organisations/none", body: { name: "team", disabled: false } },
    { method: "POST", path: `/admin/api/accounts/key:${keyId}/credit`, body: { amountMicros: 5_000_000 } },
    { method: "PATCH", path: "/admin/api/accounts/key:none", body: { balanceMicros: 5, budgetMicros: null } },
    { method: "GET", path: "/admin/api/ledger", body: { limit: 5 } },
    {
      method: "GET",
      path: "/admin/api/usage",
      body: { by: "key", from: "2026-11-01", to: "2026-12-01", format: "csv" },
    },
  ];
}

import { describe, expect, it, test } from "vitest";
import { chatBody } from "../../../src/engine/upstream/dialect/request.ts";
import { dialects } from "../../../src/engine/upstream/dialect/dialect.ts";
import type { GenerationRequest } from "../../../src/model/request.ts";
import * as chat from "../chat/support.ts";
import * as messages from "../messages/support.ts";
import * as responses from "../responses/harness.ts";

/** One conversation, written as each of the three protocols has it, must reach the engine as one and the same request. */

const picture = "data:image/png;base64,iVBORw0KGgo=";
const parameters = { type: "object", properties: { city: { type: "string" } } };
const args = '{"city":"Bern"}';

/** Without the places in the caller's body, which differ. */
function asked({ items, tools, ...request }: GenerationRequest): unknown {
  return JSON.parse(
    JSON.stringify({ ...request, items, tools }, (key, value: unknown) =>
      key === "param" || key === "path" ? undefined : value,
    ),
  );
}

test("text, thinking, two tools and a picture", () => {
  const onChat = chat.parse({
    thinking: { type: "adaptive" },
    messages: [
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: "Weather?" },
          { type: "image_url", image_url: { url: picture, detail: "high" } },
        ],
      },
      {
        role: "assistant",
        content: "I look.",
        reasoning_content: "Two cities.",
        tool_calls: ["c1", "c2"].map((id) => ({ id, type: "function", function: { name: "look", arguments: args } })),
      },
      { role: "tool", tool_call_id: "c1", content: "rain" },
      { role: "tool", tool_call_id: "c2", content: "sun" },
      { role: "user", content: "So?" },
    ],
    tools: [
      { type: "function", function: { name: "look", description: "Looks.", parameters } },
      { type: "function", function: { name: "stop" } },
    ],
    max_completion_tokens: 100,
  });
  const onResponses = responses.parseM3({
    reasoning: { effort: "high" },
    instructions: "Be brief.",
    input: [
      {
        role: "user",
        content: [
          { type: "input_text", text: "Weather?" },
          { type: "input_image", image_url: picture, detail: "high" },
        ],
      },
      { type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "Two cities." }] },
      { role: "assistant", content: "I look." },
      ...["c1", "c2"].map((id) => ({ type: "function_call", call_id: id, name: "look", arguments: args })),
      { type: "function_call_output", call_id: "c1", output: "rain" },
      { type: "function_call_output", call_id: "c2", output: "sun" },
      { role: "user", content: "So?" },
    ],
    tools: [
      { type: "function", name: "look", description: "Looks.", parameters },
      { type: "function", name: "stop" },
    ],
    max_output_tokens: 100,
  });
  const onMessages = messages.parse({
    thinking: { type: "adaptive" },
    system: "Be brief.",
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "Weather?" },
          {
            type: "image",
            source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=", detail: "high" },
          },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "Two cities.", signature: "s" },
          { type: "text", text: "I look." },
          ...["c1", "c2"].map((id) => ({ type: "tool_use", id, name: "look", input: { city: "Bern" } })),
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "c1", content: "rain" },
          { type: "tool_result", tool_use_id: "c2", content: [{ type: "text", text: "sun" }] },
          { type: "text", text: "So?" },
        ],
      },
    ],
    tools: [
      { name: "look", description: "Looks.", input_schema: parameters },
      { name: "stop", input_schema: { type: "object", properties: {} } },
    ],
    max_tokens: 100,
  });
  const wanted = asked(onChat.request);
  const { id, createdAt } = onChat.request;
  expect(asked({ ...onResponses.request, id, createdAt })).toEqual(wanted);
  expect(asked(onMessages.request)).toEqual(wanted);
});

describe("effort", () => {
  const model = "MiniMax-M3.1-Flash";
  it.each([
    [undefined, "max"],
    ["low", "low"],
    ["minimal", "low"],
    ["xhigh", "xhigh"],
    ["max", "max"],
  ])("%s is %s on all of them", (word, effort) => {
    expect(chat.parse({ model, reasoning_effort: word }).request).toMatchObject({ effort, reasoning: "on" });
    expect(messages.parse({ model, output_config: { effort: word } }).request).toMatchObject({ effort });
    expect(responses.parseM3({ model, reasoning: { effort: word } }).request).toMatchObject({ effort });
  });

  it("means nothing where a model has no levels, and unknown words mean nothing", () => {
    expect(chat.parse({ reasoning_effort: "low" }).request).not.toHaveProperty("effort");
    expect(messages.parse({ output_config: { effort: "low" } }).request).not.toHaveProperty("effort");
    expect(chat.parse({ model, reasoning_effort: "enormous" }).request.effort).toBe("max");
    expect(chat.parse({ model, reasoning_effort: "none" }).request).toMatchObject({ effort: "max", reasoning: "on" });
  });

  it("does not let thinking be switched off, which chat says", () => {
    expect(chat.refusal({ model, thinking: { type: "disabled" } })).toMatchObject({
      kind: "invalid",
      param: "thinking.type",
      message: "MiniMax-M3.1-Flash requires adaptive thinking",
    });
    expect(messages.parse({ model, thinking: { type: "disabled" } }).request.reasoning).toBe("on");
  });

  it.each([
    ["vllm", { chat_template_kwargs: { thinking_mode: "enabled", enable_thinking: true, reasoning_effort: "low" } }],
    ["sglang", { chat_template_kwargs: { thinking_mode: "enabled", enable_thinking: true, reasoning_effort: "low" } }],
    ["llama-server", { chat_template_kwargs: { reasoning_effort: "low" } }],
    ["minimax", { thinking: { type: "adaptive" }, reasoning_effort: "low" }],
    ["parley", { thinking: { type: "adaptive" }, reasoning_effort: "low" }],
  ] as const)("is sent to %s in its own words", (dialect, fields) => {
    const { request } = chat.parse({ model, reasoning_effort: "low" });
    expect(chatBody(request, dialects[dialect], "m3")).toMatchObject(fields);
  });

  it.each(["generic", "ollama"] as const)("is not sent to %s, which may refuse it", (dialect) => {
    const { request } = chat.parse({ model, reasoning_effort: "low" });
    expect(JSON.stringify(chatBody(request, dialects[dialect], "m3"))).not.toContain("reasoning_effort");
  });
});

describe("ten turns of tools with thinking in each", () => {
  const history = Array.from({ length: 10 }, (_, turn) => [
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: `Thought ${turn}.`, signature: messages.sign(`Thought ${turn}.`) },
        { type: "tool_use", id: `toolu_${turn}`, name: "look", input: { turn } },
      ],
    },
    { role: "user", content: [{ type: "tool_result", tool_use_id: `toolu_${turn}`, content: `Result ${turn}.` }] },
  ]).flat();
  const { request } = messages.parse({
    thinking: { type: "adaptive" },
    messages: [{ role: "user", content: "Go." }, ...history],
    tools: [{ name: "look", input_schema: parameters }],
  });

  it.each(
    (["vllm", "sglang", "llama-server", "minimax"] as const).flatMap((dialect) =>
      (["m2", "m3"] as const).map((family) => [dialect, family] as const),
    ),
  )("reach %s with %s complete, each once in each field and in its own turn", (dialect, family) => {
    const sent = chatBody(request, dialects[dialect], family)["messages"] as Record<string, unknown>[];
    const assistants = sent.filter(({ role }) => role === "assistant");
    expect(assistants).toHaveLength(10);
    for (const [turn, message] of assistants.entries()) {
      for (const field of dialects[dialect].reasoningHistory) {
        expect(JSON.stringify(message[field]).match(/Thought \d+\./g)).toEqual([`Thought ${turn}.`]);
      }
      expect(message["content"] ?? "").not.toContain("Thought");
      expect(JSON.stringify(message["tool_calls"])).toContain(`toolu_${turn}`);
    }
  });
});

import { describe, expect, test } from "vitest";
import { ParleyError } from "../../../src/model/error.ts";
import { chatSurface } from "../../../src/surface/chat/index.ts";
import { eventsOf, fold, gather, parse, read, refusal, stream } from "./support.ts";

/** Where the vendor's own pages disagree: one test per row that concerns chat. */
describe("contradictions", () => {
  const bodyOf = (change: Record<string, unknown>, spoken: Parameters<typeof eventsOf>[0]): Record<string, unknown> =>
    chatSurface().json(fold([eventsOf(spoken)]), parse(change)) as Record<string, unknown>;
  const user = { role: "user", content: "hi" };
  const chat = (...messages: object[]): Record<string, unknown> => ({ messages });

  test("1 temperature: 0 to 2 on M3 and M2.x, above 0 to 1 on M2-her", () => {
    for (const model of ["MiniMax-M3", "MiniMax-M2.7", "MiniMax-M2.1"]) {
      for (const temperature of [0, 0.5, 1, 2])
        expect(parse({ model, temperature }).request.sampling.temperature).toBe(temperature);
      expect(refusal({ model, temperature: 5 }).param).toBe("temperature");
    }
    expect(refusal({ model: "M2-her", temperature: 0 }).message).toBe("temperature: must be in (0, 1]");
    expect(refusal({ model: "M2-her", temperature: 1.5 }).param).toBe("temperature");
  });

  test("2 top_p default: 0.95 on M3, 0.9 on M2.x", () => {
    expect(parse().request.sampling.topP).toBe(0.95);
    expect(parse({ model: "MiniMax-M2.5" }).request.sampling.topP).toBe(0.9);
  });

  test("3 top_p 0 is the smallest nucleus; M2-her refuses it", () => {
    const { topP } = parse({ top_p: 0 }).request.sampling;
    expect(topP).toBeGreaterThan(0);
    expect(topP).toBeLessThan(0.001);
    expect(refusal({ model: "M2-her", top_p: 0 }).param).toBe("top_p");
  });

  test("4 and 5 output limits by model: above is refused, on M2-her cut", () => {
    expect(parse({ max_completion_tokens: 524_288 }).request.sampling.maxTokens).toBe(524_288);
    expect(refusal({ max_completion_tokens: 524_289 }).message).toBe(
      "max_completion_tokens: must be at most 524288 for MiniMax-M3",
    );
    expect(parse({ model: "MiniMax-M2.7", max_tokens: 204_800 }).request.sampling.maxTokens).toBe(204_800);
    expect(refusal({ model: "MiniMax-M2.7", max_tokens: 204_801 }).param).toBe("max_tokens");
    expect(parse({ model: "M2-her", max_tokens: 4_096 }).request.sampling.maxTokens).toBe(2_048);
  });

  test("6 thinking: on by default, always on M2.x", () => {
    expect(parse().request.reasoning).toBe("adaptive");
    expect(parse({ thinking: { type: "disabled" } }).request.reasoning).toBe("off");
    expect(parse({ model: "MiniMax-M2", thinking: { type: "disabled" } }).request.reasoning).toBe("on");
  });

  test("7 an unknown model is refused, never served by another", () => {
    expect(refusal({ model: "gpt-5" })).toMatchObject({ kind: "invalid", message: "model: unknown model 'gpt-5'" });
  });

  test("8 the union of roles is taken on every model", () => {
    const roles = [
      "root",
      "system",
      "developer",
      "user_system",
      "group",
      "sample_message_user",
      "sample_message_ai",
      "user",
      "assistant",
    ];
    for (const model of ["MiniMax-M3", "MiniMax-M2.7", "M2-her"]) {
      const items = parse({ model, messages: roles.map((role) => ({ role, content: role })) }).request.items;
      expect(items.map((item) => (item.type === "message" ? item.role : ""))).toEqual(roles);
    }
    expect(refusal(chat({ role: "moderator", content: "x" })).message).toBe("invalid role: moderator");
  });

  test("9 several system messages are taken, in order; strict M2.x refuses, strict M3 does not", () => {
    const messages = [{ role: "system", content: "a" }, { role: "system", content: "b" }, user];
    expect(parse({ messages, model: "MiniMax-M2.7" }).request.items).toHaveLength(3);
    expect(refusal({ messages, model: "MiniMax-M2.7" }, { strict: true }).message).toBe("invalid chat setting");
    expect(parse({ messages }, { strict: true }).request.items).toHaveLength(3);
  });

  test("10 a system message without content sets nothing", () => {
    for (const content of [undefined, null, "", []]) {
      expect(parse(chat({ role: "system", name: "MiniMax AI", content }, user)).request.items).toHaveLength(1);
    }
  });

  test("11 base_resp says nothing", () => {
    expect(bodyOf({}, { text: "x" })["base_resp"]).toEqual({ status_code: 0, status_msg: "" });
  });

  test.each([
    ["MiniMax-M3", "<think>\nhm\n</think>\nHi"],
    ["MiniMax-M2.7", "<think>\nhm\n</think>\n\nHi"],
    ["MiniMax-M2.5", "<think>hm</think>\n\nHi"],
    ["MiniMax-M2.1", "<think>hm</think>\n\nHi"],
  ])("12 think form of %s; after the tag stand its newlines, whatever the model wrote", (model, content) => {
    for (const text of ["Hi", "\nHi", "\n\n\nHi"]) {
      expect(bodyOf({ model }, { reasoning: "\nhm\n", text })).toMatchObject({ choices: [{ message: { content } }] });
    }
  });

  test.each([
    ["MiniMax-M3", 0, { prompt_tokens_details: { cached_tokens: 0 } }],
    ["MiniMax-M3", 4, { prompt_tokens_details: { cached_tokens: 4 } }],
    ["MiniMax-M2.7", 0, { completion_tokens_details: { reasoning_tokens: 3 } }],
    [
      "MiniMax-M2.7",
      4,
      { prompt_tokens_details: { cached_tokens: 4 }, completion_tokens_details: { reasoning_tokens: 3 } },
    ],
    ["MiniMax-M2.5", 0, {}],
  ])("13 usage details of %s with %i cached", (model, cached, details) => {
    const usage = { input: 10, cached, output: 5, reasoning: 3 };
    const plain = { total_tokens: 15, total_characters: 0, prompt_tokens: 10, completion_tokens: 5 };
    expect(bodyOf({ model }, { text: "x", usage })["usage"]).toEqual({ ...plain, ...details });
  });

  test("13 cached never exceeds the prompt, reasoning never the output", () => {
    const usage = { input: 3, cached: 9, output: 2, reasoning: 8 };
    expect(bodyOf({ model: "MiniMax-M2.7" }, { text: "x", usage })["usage"]).toMatchObject({
      prompt_tokens_details: { cached_tokens: 3 },
      completion_tokens_details: { reasoning_tokens: 2 },
    });
  });

  test("14 usage in a stream: null, and one more chunk when asked for", () => {
    const usage = { input: 1, cached: 0, output: 2, reasoning: 0 };
    const without = read(stream(parse({ stream: true }), [eventsOf({ text: "x", usage })])).chunks;
    expect(without.map((chunk) => chunk.usage)).toEqual([null]);
    const asked = parse({ stream: true, stream_options: { include_usage: true } });
    const chunks = read(stream(asked, [eventsOf({ text: "x", usage })])).chunks;
    expect(chunks.map((chunk) => chunk.usage?.total_tokens)).toEqual([undefined, 3]);
  });

  test("15 [DONE] by default, a switch takes it away", () => {
    expect(read(stream(parse({ stream: true }), [eventsOf({ text: "x" })])).done).toBe(true);
    const live = stream(parse({ stream: true }), [eventsOf({ text: "x" })], {
      surface: chatSurface({ sseDone: false }),
    });
    expect(read(live).done).toBe(false);
  });

  test("17 split reasoning is incremental, in both members alike", () => {
    const spoken = { reasoning: "One thing leads to another, and then to one more.", text: "Yes." };
    const wire = stream(
      parse({ stream: true, reasoning_split: true }),
      eventsOf(spoken, 6).map((event) => [event]),
    );
    const deltas = read(wire)
      .chunks.map((chunk) => chunk.choices[0]?.delta)
      .filter((delta) => delta?.reasoning_content !== undefined);
    expect(deltas.length).toBeGreaterThan(1);
    for (const delta of deltas)
      expect(delta?.reasoning_details?.map((detail) => detail.text)).toEqual([delta?.reasoning_content]);
    expect(gather(wire)).toMatchObject({ reasoning: spoken.reasoning, content: "Yes." });
  });

  test("20 and 21 detail auto is default; long sides snap down to multiples of 28", () => {
    const url = "https://example.com/a.png";
    const part = { type: "image_url", image_url: { url, detail: "auto", max_long_side_pixel: 300 } };
    const item = parse(chat({ role: "user", content: [part] })).request.items[0];
    expect(item).toMatchObject({ parts: [{ detail: "default", maxLongSide: 280 }] });
  });

  test("22 every OpenAI form of tool_choice", () => {
    const tools = [{ type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }];
    const named = { type: "function", function: { name: "f" } };
    const allowed = { type: "allowed_tools", allowed_tools: { mode: "required", tools: [named] } };
    const choices = ["auto", "none", "required", named, allowed].map(
      (tool_choice) => parse({ tools, tool_choice }).request.toolChoice,
    );
    expect(choices).toEqual(["auto", "none", "required", { name: "f" }, "required"]);
  });

  test("23 a tool without parameters takes none; strict refuses it", () => {
    for (const parameters of [undefined, null, {}]) {
      const tools = [{ type: "function", function: { name: "f", parameters } }];
      expect(parse({ tools }).request.tools[0]?.parameters).toEqual({ type: "object", properties: {} });
      expect(refusal({ tools }, { strict: true }).message).toBe("function name or parameters is empty");
    }
  });

  test("27 sensitive input and output: 422 with 1026 and 1027", () => {
    const error = new ParleyError("input-sensitive", "matched");
    expect(chatSurface().error(error, "r")).toMatchObject({
      status: 422,
      body: { error: { message: "input new_sensitive (1026)", http_code: "422" }, request_id: "r" },
    });
    const reply = chatSurface().error(new ParleyError("output-sensitive", ""), "r");
    expect(reply).toMatchObject({
      status: 422,
      body: { error: { message: "output new_sensitive (1027)", http_code: "422" } },
    });
  });

  test("28 sensitive types are 0 when nothing was marked", () => {
    expect(bodyOf({}, { text: "x" })).toMatchObject({
      input_sensitive: false,
      input_sensitive_type: 0,
      output_sensitive_type: 0,
    });
  });
});

test("service_tier is what the engine says it used, else what was asked for", () => {
  const tierOf = (asked: string, used?: "standard" | "priority"): unknown => {
    const events = eventsOf({ text: "hi" });
    const told = used === undefined ? events : [events[0], { type: "tier" as const, tier: used }, ...events.slice(1)];
    const transcript = fold([told.filter((event) => event !== undefined)]);
    return (chatSurface().json(transcript, parse({ service_tier: asked })) as Record<string, unknown>)["service_tier"];
  };
  expect([tierOf("priority"), tierOf("priority", "standard"), tierOf("standard", "priority")]).toEqual([
    "priority",
    "standard",
    "priority",
  ]);
});

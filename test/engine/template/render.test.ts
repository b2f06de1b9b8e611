import { describe, expect, it } from "vitest";
import { familyOf, promptFamilies, withOverrides } from "../../../src/engine/template/family.ts";
import { compileTemplate, renderPrompt } from "../../../src/engine/template/render.ts";
import type { Steps } from "../../../src/lib/time-slices.ts";
import { type Item, textPart } from "../../../src/model/item.ts";
import type { GenerationRequest } from "../../../src/model/request.ts";
import { message, requestOf, weatherTool } from "../../contract/engine.ts";

/** Shows what a template is given. */
const show = [
  "{{ bos_token }}",
  "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}",
  "{% if tools %}{% for t in tools %}{{ t | tojson }}{% endfor %}{% endif %}",
  "{% if add_generation_prompt %}<{{ thinking_mode }},{{ enable_thinking }}>{% endif %}",
].join("");

function rendered(changes: Partial<GenerationRequest>, family = promptFamilies.generic): string {
  return renderPrompt(show, requestOf("hi", { reasoning: "on", ...changes }), { family, bosToken: "<s>" }).text;
}

describe("renderPrompt", () => {
  it("gives the template messages, switches and tokens", () => {
    expect(rendered({})).toBe("<s>[user]hi<enabled,true>");
    expect(rendered({ reasoning: "off" })).toBe("<s>[user]hi<disabled,false>");
    expect(rendered({ reasoning: "adaptive" })).toBe("<s>[user]hi<adaptive,true>");
  });

  it("refuses, without rendering it, what would hold the event loop for long", () => {
    const many = <Value>(count: number, of: (at: number) => Value): Value[] =>
      Array.from({ length: count }, (_, at) => of(at));
    const messages = (count: number): Item[] => many(count, () => message("user", "x"));
    const call = (args: unknown, at = 0): Item => ({
      type: "call",
      id: `c${at}`,
      name: "f",
      args: JSON.stringify(args),
    });
    expect(rendered({ items: messages(5_000) })).toContain("[user]x[user]x");
    const properties = Object.fromEntries(many(30_000, (at) => [`k${at}`, { type: "string" }]));
    const tooMuch: [string, Partial<GenerationRequest>][] = [
      ["messages", { items: messages(66_000) }],
      ["messages", { items: messages(5_001) }],
      ["messages", { items: [call({ a: many(500_000, () => 1) })] }],
      ["messages", { items: many(9_000, (at) => call({}, at)) }],
      ["messages", { items: messages(3_000), tools: [{ name: "f", parameters: { enum: many(40_000, () => 1) } }] }],
      ["tools", { tools: many(20_000, (at) => ({ name: `f${at}`, parameters: {} })) }],
      ["tools", { tools: [{ name: "f", parameters: { properties } }] }],
    ];
    for (const [param, changes] of tooMuch) {
      const render = (): string => rendered(changes);
      expect(render).toThrow(`${param}: too many, or too many values in them`);
      expect(render).toThrow(expect.objectContaining({ kind: "invalid", param }));
    }
    expect(rendered({ toolChoice: "none", tools: [{ name: "f", parameters: { properties } }] })).toContain("hi");
  });

  it("offers tools in the caller's key order, and none when none may be called", () => {
    const parameters = { type: "object", properties: { z: { type: "string" }, a: { type: "integer" } } };
    const tools = [{ name: "f", parameters }, weatherTool];
    expect(rendered({ tools })).toContain(
      '{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "integer"}}}}}',
    );
    expect(rendered({ tools })).toContain('"description": "Get the current weather of a city"');
    expect(rendered({ tools, toolChoice: "none" })).not.toContain("function");
  });

  it("says by configuration whether the answer begins inside thought, and closes thought that is not wanted", () => {
    const think = (family: keyof typeof promptFamilies, thinking: GenerationRequest["reasoning"]): unknown =>
      renderPrompt("P", requestOf("hi", { reasoning: thinking }), { family: promptFamilies[family] });
    const m2Tags = ["think", "mm:think", "thinking"];
    const m3Tags = ["mm:think", "think", "thinking"];
    expect(think("m2", "on")).toEqual({ text: "P", think: { tags: m2Tags, startsInside: true } });
    expect(think("m2", "off")).toEqual({ text: "P\n</think>\n\n", think: { tags: m2Tags, startsInside: false } });
    expect(think("tiny", "off")).toEqual({ text: "P", think: { tags: ["think"], startsInside: false } });
    expect(think("m3", "on")).toEqual({ text: "P", think: { tags: m3Tags, startsInside: true } });
    expect(think("m3", "adaptive")).toEqual({ text: "P", think: { tags: m3Tags, startsInside: false } });
    expect(think("generic", "on")).toEqual({ text: "P", think: { tags: ["think"], startsInside: false } });
    expect(think("silent", "on")).toEqual({ text: "P", think: { tags: [], startsInside: false } });
  });

  it("makes what the template raises the caller's to mend", () => {
    const template = compileTemplate("{{ raise_exception('no tool before its call') }}");
    expect(() => renderPrompt(template, requestOf("hi"), { family: promptFamilies.m2 })).toThrow(
      expect.objectContaining({
        kind: "invalid",
        param: "messages",
        message: expect.stringContaining("no tool before"),
      }),
    );
  });

  it("offers a plainer conversation to a template that takes no system message or long ids", () => {
    const strict = [
      "{% for m in messages %}",
      "{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}",
      "{% for c in m.tool_calls or [] %}{% if c.id | length != 9 %}{{ raise_exception('ids') }}{% endif %}({{ c.id }}){% endfor %}",
      "[{{ m.role }}{{ m.tool_call_id }}]{{ m.content }}",
      "{% endfor %}",
    ].join("");
    const items: Item[] = [
      message("system", "S"),
      message("user", "a"),
      { type: "call", id: "call_function_abc_1", name: "f", args: "{}" },
      { type: "result", id: "call_function_abc_1", parts: [textPart("r")], failed: false },
      message("user", "b"),
      message("user", "c"),
    ];
    const prompt = renderPrompt(strict, requestOf("", { items }), { family: promptFamilies.generic });
    expect(prompt.text).toBe("[user]S\n\na(call00001)[assistant][toolcall00001]r[user]b\n\nc");
  });

  it("blames nobody outside for a template it cannot read", () => {
    expect(() => compileTemplate("{% if %}")).toThrow(expect.objectContaining({ kind: "internal" }));
  });

  it("guards every text of the caller", () => {
    function* guard(text: string): Steps<string> {
      yield;
      return text.replaceAll("!", "?");
    }
    const tools = [{ name: "f", description: "wow!", parameters: { "a!": "b!" } }];
    const prompt = renderPrompt(show, requestOf("hi!", { tools }), { family: promptFamilies.generic, guard });
    expect(prompt.text).not.toContain("!");
    expect(prompt.text).toContain('"parameters": {"a?": "b?"}');
  });
});

describe("familyOf", () => {
  it("reads the file's own words, and takes overrides", () => {
    expect(familyOf("tiny-chat", "llama")).toBe(promptFamilies.tiny);
    expect(familyOf("x", "minimax-m2")).toBe(promptFamilies.m2);
    expect(familyOf(undefined, "qwen3")).toBe(promptFamilies.generic);
    expect(withOverrides(promptFamilies.generic, { think: ["thought"], startsInside: true, calls: "none" })).toEqual({
      thinkTags: ["thought"],
      opensReasoning: { on: true, adaptive: true, off: true },
      closeReasoning: "\n</thought>\n\n",
      calls: "none",
      ownRoles: [],
    });
    expect(withOverrides(promptFamilies.m3, {})).toEqual(promptFamilies.m3);
  });
});

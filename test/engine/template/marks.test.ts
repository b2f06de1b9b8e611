import { describe, expect, it } from "vitest";
import { promptFamilies } from "../../../src/engine/template/family.ts";
import { markGuard, templateMarks } from "../../../src/engine/template/marks.ts";
import { renderPrompt } from "../../../src/engine/template/render.ts";
import { finish } from "../../../src/lib/time-slices.ts";
import type { Item } from "../../../src/model/item.ts";
import { textPart } from "../../../src/model/item.ts";
import { growth } from "../../support/cpu.ts";
import { generationRequest } from "../../support/request.ts";

interface Row {
  /** The literals of the model's published template, around a loop that is short enough to be read here. */
  source: string;
  /** What a caller must not be able to write. */
  marks: readonly string[];
}

const each = (before: string, after: string, end: string): string =>
  `{% for m in messages %}${before}{{ m['content'] }}${after}{% endfor %}${end}`;

const templates: Readonly<Record<string, Row>> = {
  gemma: {
    source: each(
      "{{ '<start_of_turn>' + m['role'] + '\\n' }}",
      "{{ '<end_of_turn>\\n' }}",
      "{{ '<start_of_turn>model\\n' }}",
    ),
    marks: ["<start_of_turn>", "<end_of_turn>"],
  },
  "llama 2": {
    source: each(
      "{{ bos_token + '[INST] ' + '<<SYS>>\\\\n' }}",
      "{{ '\\\\n<</SYS>>\\\\n\\\\n' + ' [/INST] ' + eos_token }}",
      "",
    ),
    marks: ["[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>"],
  },
  mistral: {
    source: each(
      `{{- "[AVAILABLE_TOOLS] [" }}{{- "[/AVAILABLE_TOOLS]" }}{{- "[INST] " }}`,
      `{{- "[/INST]" }}{{- "[TOOL_CALLS] [" }}{{- '[TOOL_RESULTS] {"content": ' }}{{- "[/TOOL_RESULTS]" }}{{ eos_token }}`,
      "",
    ),
    marks: [
      "[INST]",
      "[/INST]",
      "[AVAILABLE_TOOLS]",
      "[/AVAILABLE_TOOLS]",
      "[TOOL_CALLS]",
      "[TOOL_RESULTS]",
      "[/TOOL_RESULTS]",
      "</s>",
    ],
  },
  deepseek: {
    source: each(
      "{{'<｜User｜>'}}",
      "{{'<｜Assistant｜>'}}{{'<｜tool▁calls▁begin｜>'}}{{'<｜end▁of▁sentence｜>'}}",
      "{{'<｜Assistant｜>'}}",
    ),
    marks: ["<｜User｜>", "<｜Assistant｜>", "<｜tool▁calls▁begin｜>", "<｜end▁of▁sentence｜>"],
  },
  chatml: {
    source: each("{{'<|im_start|>' + m['role'] + '\n'}}", "{{'<|im_end|>' + '\n'}}", "{{ '<|im_start|>assistant\n' }}"),
    marks: ["<|im_start|>", "<|im_end|>"],
  },
  qwen: {
    source: each(
      "{{- '<|im_start|>' + m.role }}{{- '\\n<tool_response>\\n' }}",
      '{{- \'<tool_call>\\n{"name": "\' }}<|im_end|>',
      "<think>",
    ),
    marks: ["<|im_start|>", "<|im_end|>", "<tool_response>", "<tool_call>", "<think>"],
  },
  "llama 3": {
    source: each(
      "{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' }}",
      "{{ '<|eot_id|>' }}{{ '<|eom_id|>' }}",
      "",
    ),
    marks: ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>"],
  },
  granite: {
    source: each(
      "{{- '<|start_of_role|>' + m['role'] + '<|end_of_role|>' }}",
      "{{- '<|end_of_text|>\n' }}",
      "<|tool_call|>",
    ),
    marks: ["<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>", "<|tool_call|>"],
  },
  "command r": {
    source: each("{{ '<|START_OF_TURN_TOKEN|><|USER_TOKEN|>' }}", "{{ '<|END_OF_TURN_TOKEN|>' }}", "<|CHATBOT_TOKEN|>"),
    marks: ["<|START_OF_TURN_TOKEN|>", "<|USER_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|CHATBOT_TOKEN|>"],
  },
  phi: {
    source: each("{{ '<|' + m['role'] + '|>\n' }}", "{{ '<|end|>\n' }}", "{{ '<|assistant|>\n' }}"),
    marks: ["<|user|>", "<|system|>", "<|end|>", "<|assistant|>"],
  },
  exaone: {
    source: each("[|{{ m['role'] }}|]", "[|endofturn|]", "[|assistant|]"),
    marks: ["[|endofturn|]", "[|assistant|]"],
  },
  glm: {
    source: each("[gMASK]<sop><|{{ m.role }}|>", "", "<|assistant|>"),
    marks: ["[gMASK]", "<sop>", "<|assistant|>"],
  },
  m2: {
    source: each("]~!b[]~b]{{ m.role }}\n", "[e~[\n{{ '<minimax:tool_call>' }}", "]~b]ai\n<think>\n"),
    marks: ["]~!b[", "]~b]", "[e~[", "<minimax:tool_call>", "<think>"],
  },
  m3: {
    source: each(
      "{%- set ns_token = ']<]minimax[>[' -%}]~b]{{ m.role }}\n",
      "[e~[\n{{ ']<]start_of_image[>[' }}",
      "]~b]ai\n<mm:think>",
    ),
    marks: ["]<]minimax[>[", "]<]start_of_image[>[", "]~b]", "[e~[", "<mm:think>"],
  },
};

const message = (text: string, over: Partial<Extract<Item, { type: "message" }>> = {}): Item => ({
  type: "message",
  role: "user",
  parts: [textPart(text)],
  ...over,
});

function count(text: string, mark: string): number {
  return text.split(mark).length - 1;
}

describe("the marks of a template", () => {
  it.each(Object.entries(templates))("%s: a caller's text spells none of them", (_, { source, marks }) => {
    const guard = markGuard(templateMarks(source));
    const render = (text: string): string =>
      renderPrompt(source, generationRequest({ items: [message(text)] }), { family: promptFamilies.generic, guard })
        .text;
    const innocent = render("hi");
    for (const mark of marks) {
      for (const text of [
        mark,
        `a${mark}${mark}b`,
        `${mark.slice(0, -1)}${mark}`,
        mark + mark.slice(1),
        mark.slice(0, -1),
      ]) {
        expect({ mark, text, found: count(render(text), mark) }).toEqual({ mark, text, found: count(innocent, mark) });
        // nothing is lost, and nothing else is added
        expect(finish(guard(text)).replaceAll("\u2060", "")).toBe(text);
      }
    }
  });

  it("are guarded in every place that reaches a prompt", () => {
    const source = "{{ tools | tojson }}{% for m in messages %}{{ m | tojson }}<end_of_turn>{% endfor %}";
    const mark = "<end_of_turn>";
    const bad = (name: string): string => `${name}${mark}`;
    const tool = {
      name: bad("tool"),
      description: bad("about"),
      parameters: { type: "object", properties: { [bad("key")]: { enum: [bad("value")], description: bad("what") } } },
    };
    const items: Item[] = [
      message(bad("system"), { role: "system", name: bad("sender") }),
      message(bad("user"), { name: bad("one") }),
      message(bad("other"), { name: bad("two") }),
      { type: "reasoning", text: bad("thought") } as Item,
      {
        type: "call",
        id: bad("id"),
        name: bad("called"),
        args: JSON.stringify({ [bad("arg")]: [bad("deep")] }),
      } as Item,
      { type: "result", id: bad("id"), parts: [textPart(bad("result"))], failed: false } as Item,
    ];
    const guard = markGuard(templateMarks(source));
    const { text } = renderPrompt(source, generationRequest({ items, tools: [tool] }), {
      family: promptFamilies.generic,
      guard,
    });
    expect(count(text, "<\u2060end_of_turn>")).toBeGreaterThan(14);
    // the template's own, one for each message
    expect(count(text, mark)).toBe(5);
  });

  it("leave other texts as they are", () => {
    const guard = markGuard(
      templateMarks(
        Object.values(templates)
          .map(({ source }) => source)
          .join(""),
      ),
    );
    for (const text of [
      "a < b > c",
      "<b>bold</b>",
      "x[0][1] ]]",
      "[link](url)",
      "Vec<Vec<u8>>",
      "~b",
      "[A]",
      "1 <| 2",
      "中文 😀",
    ]) {
      expect(finish(guard(text))).toBe(text);
    }
  });

  it("are guarded in a long text too, which is read in steps", () => {
    const marks = templateMarks(templates["gemma"]?.source ?? "");
    const guard = markGuard([...marks, "<|im_end|>", "]~b]", "😀mark"]);
    for (const mark of ["<end_of_turn>", "<|im_end|>", "]~b]", "😀mark"]) {
      const guarded = finish(guard(`${mark}y`));
      expect(guarded).toBe(`${[...mark][0]}\u2060${[...mark].slice(1).join("")}y`);
      // around the end of a step
      for (let before = 32_768 - 20; before < 32_768 + 3; before++) {
        const text = "x".repeat(before);
        expect(finish(guard(`${text + mark}y`)) === text + guarded).toBe(true);
      }
    }
    let steps = 0;
    for (const _ of guard("]~b]".repeat(500_000))) steps += 1;
    expect(steps).toBeGreaterThan(25);
  });

  it("are guarded in linear time", () => {
    const guard = markGuard(
      templateMarks(
        Object.values(templates)
          .map(({ source }) => source)
          .join(""),
      ),
    );
    for (const mark of ["]~b]", "<|", "<|im_end|>", "[INST]", "<"]) {
      const marked = (times: number) => (): void => void finish(guard(mark.repeat(times)));
      expect(growth(marked(50_000), marked(400_000))).toBeLessThan(30);
    }
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ParleyError } from "../../../../src/model/error.ts";
import type { Family } from "../../../../src/model/card.ts";
import { decode } from "./decode.ts";
import { bytePieces, foldEvents } from "../fake.ts";

/** Words that mean something somewhere in these streams. */
const word = fc.constantFrom(
  "",
  " ",
  "\n",
  "a",
  "<think>",
  "</think>",
  "<mm:think>",
  "</mm:think>",
  "<minimax:tool_call>",
  '\n<invoke name="f">',
  '<parameter name="a">1</parameter>',
  "</invoke>",
  "</minimax:tool_call>",
  "]<]minimax[>[<tool_call>",
  ']<]minimax[>[<invoke name="f">',
  "]<]minimax[>[</tool_call>",
  "`",
  "```",
  "{",
  "}",
  '{"a": 1}',
  '"',
  "中👋",
);
const text = fc.array(word, { maxLength: 4 }).map((words) => words.join(""));
const odd = fc.oneof(text, fc.jsonValue());
const call = fc.record(
  {
    index: fc.oneof(fc.nat(3), odd),
    id: fc.oneof(fc.constantFrom("1", "2", ""), odd),
    function: fc.oneof(fc.record({ name: fc.constantFrom("f", "g", ""), arguments: odd }, { requiredKeys: [] }), odd),
  },
  { requiredKeys: [] },
);
const delta = fc.record(
  {
    content: odd,
    reasoning: odd,
    reasoning_content: odd,
    reasoning_details: fc.oneof(fc.array(fc.record({ text })), odd),
    tool_calls: fc.oneof(fc.array(call, { maxLength: 3 }), odd),
    function_call: odd,
    role: odd,
  },
  { requiredKeys: [] },
);
const choice = fc.record(
  {
    index: fc.oneof(fc.constant(0), fc.jsonValue()),
    delta: fc.oneof(delta, fc.jsonValue()),
    message: delta,
    text: odd,
    finish_reason: fc.oneof(fc.constantFrom(null, "stop", "length", "tool_calls"), fc.jsonValue()),
  },
  { requiredKeys: [] },
);
const usage = fc.record({
  prompt_tokens: fc.oneof(fc.nat(99), fc.jsonValue()),
  completion_tokens: fc.oneof(fc.nat(99), fc.jsonValue()),
});
const chunk = fc.oneof(
  { weight: 8, arbitrary: fc.record({ choices: fc.array(choice, { maxLength: 2 }) }) },
  { weight: 2, arbitrary: fc.record({ choices: fc.constant([]), usage }) },
  {
    weight: 1,
    arbitrary: fc.record(
      { error: fc.jsonValue(), detail: fc.jsonValue(), choices: fc.jsonValue() },
      { requiredKeys: [] },
    ),
  },
);
const frame = fc.oneof(
  { weight: 20, arbitrary: chunk.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.constantFrom("[DONE]", "ping", "{", "null") },
);
const stream = fc
  .array(frame, { maxLength: 12 })
  .map((frames) => new TextEncoder().encode(frames.map((data) => `data: ${data}\n\n`).join("")));

describe("whatever an upstream sends", () => {
  it.each(["m2", "m3", undefined] as (Family | undefined)[])(
    "keeps the grammar or is a clear error, for family %s",
    (family) => {
      fc.assert(
        fc.property(stream, fc.array(fc.nat(300), { maxLength: 12 }), (bytes, lengths) => {
          try {
            const transcript = foldEvents(decode(bytePieces(bytes, lengths), { family }));
            for (const { args } of transcript.finish?.reason === "calls" ? transcript.calls() : []) JSON.parse(args);
            const { input = 0, output = 0, cached = 0, reasoning = 0 } = transcript.usage ?? {};
            expect([input, output, cached, reasoning].every((count) => Number.isInteger(count) && count >= 0)).toBe(
              true,
            );
            expect(reasoning).toBeLessThanOrEqual(output);
          } catch (thrown) {
            if (!(thrown instanceof ParleyError)) throw thrown;
            expect(thrown.kind).not.toBe("internal");
          }
        }),
        { numRuns: 400 },
      );
    },
  );
});

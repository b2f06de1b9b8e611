import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ParleyError } from "../../../src/model/error.ts";
import { needsRecall } from "../../../src/model/response.ts";
import { answer, folded, parse, streamed, surfaceWith } from "./harness.ts";

function fixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../fixture/responses/${name}.json`, import.meta.url), "utf8"));
}

const full = {
  model: "MiniMax-M3",
  instructions: "x",
  input: [
    {
      role: "user",
      content: [
        { type: "input_text", text: "a" },
        { type: "input_image", image_url: { url: "data:," } },
      ],
    },
    { type: "reasoning", summary: [{ type: "summary_text", text: "t" }], content: [], encrypted_content: "x" },
    { type: "function_call", call_id: "a", name: "f", arguments: "{}" },
    { type: "function_call_output", call_id: "a", output: [{ type: "input_video", video_url: "data:,", fps: 1 }] },
    { type: "shell_call", call_id: "b", action: { commands: ["ls"] } },
    { type: "shell_call_output", call_id: "b", output: [{ stdout: "x", outcome: { type: "exit", exit_code: 1 } }] },
    { type: "mcp_call", id: "c", name: "f", arguments: "{}", error: { a: 1 } },
    { id: "reference" },
  ],
  tools: [
    { type: "function", name: "f", description: "d", parameters: { type: "object" }, strict: true },
    { type: "namespace", name: "n", description: "d", tools: [{ type: "custom", name: "c" }] },
    { type: "custom", name: "c", format: { type: "grammar", syntax: "lark", definition: "x" } },
    { type: "shell", environment: { type: "local" } },
    { type: "web_search" },
  ],
  tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "f" }] },
  text: { format: { type: "json_schema", name: "a", schema: {}, strict: true }, verbosity: "low" },
  reasoning: { effort: "low", summary: "auto" },
  metadata: { a: "b" },
  include: ["reasoning.encrypted_content"],
  stream_options: { include_obfuscation: false },
  max_output_tokens: 5,
  temperature: 0.5,
  top_p: 0.5,
  store: true,
  background: true,
  truncation: "auto",
  previous_response_id: "r",
};
const bodies = [full, fixture("codex-first-turn"), fixture("codex-tool-result"), fixture("pi-first-turn")];

const words = [
  "",
  "auto",
  "input",
  "message",
  "function",
  "type",
  "__proto__",
  "constructor",
  "none",
  "\ud800",
  "data:,",
];
const replacement = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    1e308,
    0.5,
    [],
    {},
    [null],
    [[]],
    { type: "message" },
    { type: {} },
    undefined,
  ),
  fc.constantFrom(...words),
  fc.jsonValue({ maxDepth: 2 }),
);

/** Walks down a copy of a body by the given steps and puts the replacement there. */
function mutated(body: unknown, steps: readonly number[], value: unknown): unknown {
  const [step, ...rest] = steps;
  if (step === undefined || typeof body !== "object" || body === null) return value;
  if (Array.isArray(body)) {
    const at = body.length === 0 ? 0 : step % body.length;
    return body.map((child: unknown, index) => (index === at ? mutated(child, rest, value) : child));
  }
  const keys = Object.keys(body);
  const key = keys[step % Math.max(keys.length, 1)] ?? "type";
  return { ...body, [key]: mutated((body as Record<string, unknown>)[key], rest, value) };
}

/** What is wrong with how an act failed; empty when it did not fail, or failed as it should. */
function faultOf(act: () => void): string {
  try {
    act();
    return "";
  } catch (thrown) {
    if (!(thrown instanceof ParleyError)) return String(thrown);
    return thrown.kind === "invalid" && !/undefined|NaN|\[object/.test(thrown.message) ? "" : thrown.message;
  }
}

test("whatever a caller sends, the answer is a named fault of the request or a response", () => {
  const events = answer((emitter) => {
    emitter.reasoning("r");
    emitter.callStart("call_1", "c");
    emitter.callDelta('{"input":"x"}');
    emitter.callStart("call_2", "shell");
    emitter.callDelta("not json");
  }, "calls");
  const transcript = folded(events);
  let accepted = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...bodies),
      fc.array(fc.tuple(fc.array(fc.nat(30), { maxLength: 6 }), replacement), { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      (body, changes, strict) => {
        const changed = changes.reduce<unknown>((before, [steps, value]) => mutated(before, steps, value), body);
        expect(
          faultOf(() => {
            const parsed = parse(changed, { strict });
            if (!needsRecall(parsed.answerOptions)) accepted += 1;
            JSON.stringify(surfaceWith().json(transcript, parsed));
            streamed(parsed, [events]);
          }),
        ).toBe("");
      },
    ),
    { numRuns: 5000 },
  );
  expect(accepted).toBeGreaterThan(100);
});

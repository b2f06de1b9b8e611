import fc from "fast-check";
import { expect, test } from "vitest";
import { ParleyError } from "../../../src/model/error.ts";
import { chatSurface } from "../../../src/surface/chat/index.ts";
import { context, eventsOf, fold, gather, stream } from "./support.ts";
import { growth } from "../../support/cpu.ts";

/** A body with every field this surface reads. */
const full = {
  model: "MiniMax-M3",
  messages: [
    { role: "root", content: "top" },
    { role: "system", name: "MiniMax AI", content: "be brief" },
    {
      role: "user",
      name: "Tom",
      content: [
        { type: "text", text: "look" },
        { type: "image_url", image_url: { url: "https://example.com/a.png", detail: "low", max_long_side_pixel: 504 } },
        { type: "video_url", video_url: { url: "mm_file://1", fps: 1, detail: "high" } },
      ],
    },
    {
      role: "assistant",
      content: "<think>\nhm\n</think>\n",
      reasoning_content: "hm",
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
  stream: true,
  stream_options: { include_usage: true },
  max_completion_tokens: 100,
  max_tokens: 10,
  temperature: 0.5,
  top_p: 0.5,
  n: 1,
  seed: 1,
  stop: ["a"],
  tools: [
    {
      type: "function",
      function: { name: "f", description: "d", parameters: { type: "object", properties: { a: { type: "integer" } } } },
    },
    { type: "function", function: { name: "g" } },
  ],
  tool_choice: {
    type: "allowed_tools",
    allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "f" } }] },
  },
  response_format: { type: "json_schema", json_schema: { name: "o", strict: true, schema: { type: "object" } } },
  parallel_tool_calls: true,
  service_tier: "priority",
  prompt_cache_key: "k",
};

type Node = { [key: string]: unknown } | unknown[];

/** Every place in a value: its holder and key. */
function places(value: unknown, found: { holder: Node; key: string }[] = []): { holder: Node; key: string }[] {
  if (typeof value !== "object" || value === null) return found;
  for (const key of Object.keys(value)) {
    found.push({ holder: value as Node, key });
    places((value as Record<string, unknown>)[key], found);
  }
  return found;
}

const strange = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -1,
    1e308,
    0.1,
    "",
    " ",
    [],
    {},
    [[]],
    [null],
    "\u0000",
    "\ud800",
    "__proto__",
    "constructor",
    "<think>",
    "</think>",
    "\n</think>\n",
    "{",
    "x".repeat(20_000),
    "<think>".repeat(5_000),
    "\n".repeat(50_000),
    2 ** 53,
    "NaN",
  ),
  fc.jsonValue({ maxDepth: 4 }),
  fc.string(),
);

function mutate(body: unknown, draw: { place: number; act: string; value: unknown }): void {
  const all = places(body);
  const { holder, key } = all[draw.place % Math.max(1, all.length)] ?? { holder: [], key: "0" };
  const record = holder as Record<string, unknown>;
  if (draw.act === "drop" && Array.isArray(holder)) holder.splice(Number(key), 1);
  else if (draw.act === "drop") delete record[key];
  else if (draw.act === "twice" && Array.isArray(holder)) holder.push(structuredClone(record[key]));
  else if (draw.act === "swap") record[key] = structuredClone(all[(draw.place * 7) % all.length]?.holder);
  else record[key] = draw.value;
}

test("10,000 mutated bodies: accepted, or refused as the caller's fault; never anything else", () => {
  const surface = chatSurface();
  const models = ["MiniMax-M3", "MiniMax-M3", "MiniMax-M2.7", "MiniMax-M2.5", "M2-her"];
  const draw = fc.record({
    place: fc.nat(),
    act: fc.constantFrom("drop", "set", "set", "twice", "swap"),
    value: strange,
  });
  const events = eventsOf({ reasoning: "hm", text: "so" });
  let accepted = 0;
  let refused = 0;
  fc.assert(
    fc.property(
      fc.array(draw, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...models),
      fc.boolean(),
      (draws, model, strict) => {
        const value: Record<string, unknown> = { ...structuredClone(full), model };
        if (model !== "MiniMax-M3") value["messages"] = structuredClone(full.messages.slice(3));
        for (const one of draws) mutate(value, one);
        try {
          const parsed = surface.parse(value, context({ strict }));
          expect(parsed.request.items.length).toBeGreaterThan(0);
          expect(gather(stream(parsed, [events])).finish).toBe("stop");
          expect(surface.json(fold([events]), parsed)).toMatchObject({ object: "chat.completion" });
          accepted += 1;
        } catch (thrown) {
          if (!(thrown instanceof ParleyError)) throw thrown;
          expect(thrown.kind).toBe("invalid");
          if (thrown.param !== "model") expect(thrown.message.length).toBeLessThan(400);
          refused += 1;
        }
      },
    ),
    { numRuns: 10_000, seed: 20_261_120, endOnFailure: true },
  );
  expect(accepted + refused).toBeGreaterThanOrEqual(10_000);
  expect(accepted).toBeGreaterThan(500);
});

test.each([
  ["open tags", (size: number) => ({ content: "<think>".repeat(size / 7) })],
  ["blocks", (size: number) => ({ content: "<think>a</think>".repeat(size / 16) })],
  ["newlines", (size: number) => ({ content: "\n".repeat(size) })],
  ["close tags", (size: number) => ({ content: "\n</thin".repeat(size / 7) })],
  ["deep arguments", (size: number) => ({ tool_calls: [deepCall(size / 2)] })],
])("a megabyte of %s is read or refused in time that grows with its length only", (_name, message) => {
  const parse = (size: number): (() => void) => {
    const messages = [
      { role: "assistant", ...message(size) },
      { role: "user", content: "x" },
    ];
    return () => {
      try {
        chatSurface().parse({ model: "MiniMax-M3", messages }, context());
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(ParleyError);
      }
    };
  };
  // 16 times the text: 256 where each part is read again for every other one
  expect(growth(parse(65_536), parse(1_048_576))).toBeLessThan(80);
});

function deepCall(levels: number): object {
  const deep = `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`;
  return { id: "c", type: "function", function: { name: "f", arguments: deep } };
}

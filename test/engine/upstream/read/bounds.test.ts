import { describe, expect, it } from "vitest";
import type { GenerationEvent } from "../../../../src/model/event.ts";
import { cpuMs } from "../../../support/cpu.ts";
import { doneFrame, foldEvents, frame } from "../fake.ts";
import { decode } from "./decode.ts";

const stop = frame({}, "stop") + doneFrame;
const call = (index: number, args: string, name = "f"): string =>
  frame({ tool_calls: [{ index, id: `c${index}`, function: { name, arguments: args } }] });
const more = (index: number, args: string): string => frame({ tool_calls: [{ index, function: { arguments: args } }] });

/** In network reads of 16 kB. */
function read(text: string): GenerationEvent[] {
  const bytes = new TextEncoder().encode(text);
  const reads = Array.from({ length: Math.ceil(bytes.length / 16_384) }, (_, at) =>
    bytes.subarray(at * 16_384, (at + 1) * 16_384),
  );
  return decode(reads, { family: "m2" });
}

function outcome(text: string): string {
  try {
    const { finish } = foldEvents(read(text));
    return finish?.error?.message ?? finish?.reason ?? "";
  } catch (thrown) {
    return (thrown as Error).message;
  }
}

/** What upstreams sent to hold the whole server, and how it ends. */
const hostile: readonly (readonly [string, () => string, string])[] = [
  ["1,000 calls", () => Array.from({ length: 1_000 }, (_, at) => call(at, "{}")).join("") + stop, "calls"],
  [
    "100,000 calls",
    () => Array.from({ length: 100_000 }, (_, at) => call(at, "{}")).join(""),
    "more than 1000 tool calls",
  ],
  [
    "100,000 calls in one delta",
    () => frame({ tool_calls: Array.from({ length: 50_000 }, (_, index) => ({ index, function: { name: "f" } })) }),
    "more than 1000 tool calls",
  ],
  ["a call in 100,000 pieces", () => call(0, '{"a":"') + more(0, "x").repeat(100_000) + more(0, '"}') + stop, "calls"],
  [
    "a call that waits and is named in each piece",
    () => call(0, '{"a":"') + call(1, '{"b":"') + call(1, "xxxxxxxxxxxxxxxx").repeat(30_000) + stop,
    "not valid JSON",
  ],
  [
    "arguments without end",
    () => call(0, '{"a":"') + more(0, "x".repeat(900_000)).repeat(12),
    "arguments of a tool call without end",
  ],
  ["30 MB in one delta", () => frame({ content: "x".repeat(30_000_000) }) + stop, "an event without end"],
  ["a million empty deltas", () => frame({}).repeat(300_000) + stop, "stop"],
  ["huge numbers", () => call(1e308, "{}") + call(-5, "{}", "g") + call(2 ** 53, "{}", "h") + stop, "calls"],
  [
    "100,000 choices",
    () =>
      `data: {"choices":[${'{"index":7,"delta":{"content":"x"}},'.repeat(30_000)}{"delta":{"content":"y"}}]}\n\n${stop}`,
    "stop",
  ],
  [
    "JSON that nests",
    () =>
      `data: {"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}}]}}]}\n\n`,
    "nests too deep",
  ],
  ["white space", () => frame({ content: " \n" }).repeat(20_000) + stop, "stop"],
  [
    "content inside a call",
    () => call(0, '{"a":"') + frame({ content: "x" }).repeat(50_000) + more(0, '"}') + stop,
    "calls",
  ],
];

describe("an upstream's answer is bounded, and read in linear time", () => {
  it.each(hostile)("%s", (_, text, expected) => {
    const sent = text();
    let found = "";
    const spent = cpuMs(() => (found = outcome(sent)));
    expect(found).toContain(expected);
    // quadratic, these took 10 s and more; linear, a tenth of a second for each 3 MB
    expect(spent).toBeLessThan(4_000);
  });

  it("ends an answer of text without end", () => {
    const piece = new TextEncoder().encode(frame({ content: "x".repeat(1_000_000) }));
    const endless = Array.from({ length: 80 }, () => piece);
    expect(foldEvents(decode(endless)).finish?.error?.message).toContain("has no end");
  });
});

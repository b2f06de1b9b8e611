import fc from "fast-check";
import { expect, test } from "vitest";
import { ChunkCoalescer } from "../../../src/surface/shared/chunk-coalescer.ts";
import { defaultChunkSize } from "../../../src/surface/shared/chunk-size.ts";
import type { ChunkSize } from "../../../src/surface/shared/chunk-size.ts";
import { ReasoningLayout } from "../../../src/surface/chat/reasoning-layout.ts";
import { eventsOf, parse, read, stream } from "./support.ts";
import { growth } from "../../support/cpu.ts";

const chunkSizes: ChunkSize[] = [defaultChunkSize, { minChars: 8, maxChars: 120, maxWaitMs: 80 }];

/** How long a text is in code points, as the vendor's checks count. */
const points = (text: string): number => Array.from(text).length;

interface Shares {
  tiny: number;
  normal: number;
  long: number;
}
function shares(list: readonly string[]): Shares {
  const sizes = list.map(points).filter((size) => size > 0);
  const part = (keep: (size: number) => boolean): number => sizes.filter(keep).length / sizes.length;
  return {
    tiny: part((size) => size < 5),
    normal: part((size) => size >= 5 && size <= 200),
    long: part((size) => size > 200),
  };
}

const token = fc.oneof(
  { weight: 6, arbitrary: fc.string({ minLength: 1, maxLength: 8 }) },
  { weight: 2, arbitrary: fc.constantFrom("天", "你好", "。", "的") },
  { weight: 1, arbitrary: fc.constantFrom("😀", "👩‍💻", "🇨🇭", "e\u0301") },
  { weight: 1, arbitrary: fc.string({ minLength: 200, maxLength: 900 }) },
);

test.each(chunkSizes)("the vendor's chunk sizes over random streams, $minChars to $maxChars", (size) => {
  fc.assert(
    fc.property(fc.array(token, { minLength: 200, maxLength: 400 }), (tokens) => {
      const coalescer = new ChunkCoalescer(size);
      const out: string[] = [];
      for (const text of tokens) {
        coalescer.push(text, false);
        out.push(...coalescer.take());
      }
      out.push(...coalescer.drain());
      expect(out.join("")).toBe(tokens.join(""));
      const { tiny, normal, long } = shares(out);
      expect(tiny).toBeLessThanOrEqual(0.05);
      expect(normal).toBeGreaterThanOrEqual(0.95);
      expect(long).toBeLessThanOrEqual(0.02);
    }),
    { numRuns: 60, seed: 11, endOnFailure: true },
  );
});

test("a slow model: a flush after every token still gives no drip", () => {
  for (const [token, count] of [
    ["天", 400],
    ["ab ", 300],
    ["word ", 200],
  ] as const) {
    const coalescer = new ChunkCoalescer(defaultChunkSize);
    const out: string[] = [];
    for (let index = 0; index < count; index++) {
      coalescer.push(token, false);
      out.push(...coalescer.take(), ...coalescer.wait());
    }
    out.push(...coalescer.drain());
    expect(out.join("")).toBe(token.repeat(count));
    expect(shares(out).normal).toBeGreaterThanOrEqual(0.95);
    expect(Math.max(...out.map(points))).toBeLessThan(20);
  }
});

test("arguments of a call keep the law too, in a whole stream", () => {
  const args = JSON.stringify({
    path: "/srv/data/report.txt",
    lines: Array.from({ length: 200 }, (_, index) => index),
  });
  const events = eventsOf({ calls: [{ id: "call_function_a_1", name: "write", args }], finish: "calls" }, 3);
  const wire = stream(
    parse({ stream: true }),
    events.map((event) => [event]),
  );
  const list = read(wire).chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls?.[0]?.function.arguments ?? []);
  expect(list.join("")).toBe(args);
  expect(shares(list).normal).toBeGreaterThanOrEqual(0.95);
});

test("the first chunk leaves early, and the last is no crumb", () => {
  const events = eventsOf(
    { reasoning: "The user greets me, so I greet back.", text: "Hello! How can I help you today?" },
    4,
  );
  const chunks = read(
    stream(
      parse({ stream: true }),
      events.map((event) => [event]),
    ),
  ).chunks;
  const list = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "");
  expect(points(list[0] ?? "")).toBeLessThanOrEqual(16);
  expect(points(list.at(-1) ?? "")).toBeGreaterThanOrEqual(5);
});

test("tags are never cut, wherever the text around them is", () => {
  for (let length = 1; length < 60; length++) {
    const coalescer = new ChunkCoalescer({ minChars: 5, maxChars: 12, maxWaitMs: 0 });
    const out: string[] = [];
    const layout = new ReasoningLayout(parse(), {
      content: (text, atomic) => coalescer.push(text, atomic),
      reasoning: () => undefined,
    });
    for (const letter of "x".repeat(length)) {
      layout.reasoning(letter);
      out.push(...coalescer.take());
    }
    layout.reasoningEnd();
    out.push(...coalescer.take());
    layout.text("y".repeat(length));
    out.push(...coalescer.take(), ...coalescer.drain());
    expect(out.join("")).toBe(`<think>\n${"x".repeat(length)}\n</think>\n${"y".repeat(length)}`);
    expect(out.filter((chunk) => chunk.includes("<think>\n"))).toHaveLength(1);
    expect(out.filter((chunk) => chunk.includes("\n</think>\n"))).toHaveLength(1);
  }
});

test("no chunk ends inside a surrogate pair or a grapheme, flushed or not", () => {
  const cluster = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  const text = "👩‍👩‍👧‍👦👍🏽🇨🇭🇩🇪e\u0301가각\u1100\u1161❤️ ok\r\n".repeat(30);
  const whole = new Set([...cluster.segment(text)].map((part) => part.index));
  for (const unit of [1, 2, 3, 7, 50, 1_000]) {
    const coalescer = new ChunkCoalescer({ minChars: 8, maxChars: 40, maxWaitMs: 0 });
    const out: string[] = [];
    for (let at = 0; at < text.length; at += unit) {
      coalescer.push(text.slice(at, at + unit), false);
      out.push(...coalescer.take());
    }
    out.push(...coalescer.drain());
    expect(out.join("")).toBe(text);
    let place = 0;
    for (const chunk of out) {
      expect(whole.has(place)).toBe(true);
      place += chunk.length;
    }
  }
});

test("a flush holds back half a surrogate pair and an open joiner", () => {
  const coalescer = new ChunkCoalescer(defaultChunkSize);
  coalescer.push("abcdefgh\ud83d", false);
  expect(coalescer.wait()).toEqual(["abcdefgh"]);
  expect(coalescer.pending).toBe(true);
  coalescer.push("\ude00 abcdef👩\u200d", false);
  expect(coalescer.wait()).toEqual(["😀 abcdef"]);
  expect(coalescer.drain()).toEqual(["👩\u200d"]);
});

test("a cluster longer than any chunk still comes through, pairs whole", () => {
  const text = `a${"\u0301".repeat(500)}😀${"\u0301".repeat(500)}`;
  const coalescer = new ChunkCoalescer({ minChars: 8, maxChars: 40, maxWaitMs: 0 });
  coalescer.push(text, false);
  const out = coalescer.drain();
  expect(out.join("")).toBe(text);
  expect(out.every((chunk) => chunk.isWellFormed())).toBe(true);
  expect(out.length).toBeGreaterThan(10);
});

test("minimum 0 passes every piece through", () => {
  const coalescer = new ChunkCoalescer({ minChars: 0, maxChars: 200, maxWaitMs: 0 });
  for (const piece of ["a", "bc", " "]) {
    coalescer.push(piece, false);
    expect(coalescer.take()).toEqual([piece]);
  }
});

test("a megabyte in one delta is cut in time that grows with its length only", () => {
  const cut = (times: number): (() => void) => {
    const text = "长文本，每个字都要到。".repeat(times);
    return () => {
      const coalescer = new ChunkCoalescer(defaultChunkSize);
      coalescer.push(text, false);
      expect([...coalescer.take(), ...coalescer.drain()].join("") === text).toBe(true);
    };
  };
  // 16 times the text: 256 where all of it is read again for every chunk
  expect(growth(cut(5_950), cut(95_200))).toBeLessThan(80);
});

test("one delta of any length leaves no crumb", () => {
  for (const unit of ["x", "😀", "a👩‍💻", "🇨🇭é"]) {
    for (let count = 20; count < 500; count++) {
      for (const size of chunkSizes) {
        const coalescer = new ChunkCoalescer(size);
        coalescer.push(unit.repeat(count), false);
        const taken = coalescer.take();
        coalescer.push("tail", false);
        const sizes = [...taken, ...coalescer.take(), ...coalescer.drain()].map(points);
        expect(Math.min(...sizes)).toBeGreaterThanOrEqual(4);
        expect(sizes.filter((size) => size < 5).length).toBeLessThanOrEqual(sizes.length * 0.05);
      }
    }
  }
});

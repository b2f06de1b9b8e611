import fc from "fast-check";
import { expect, test } from "vitest";
import { Composer } from "../../../src/surface/chat/composer.ts";
import { defaultPacket } from "../../../src/surface/chat/packet.ts";
import type { Packet } from "../../../src/surface/chat/packet.ts";
import { PacketShaper } from "../../../src/surface/chat/shaper.ts";
import { eventsOf, parse, read, stream } from "./support.ts";

const packets: Packet[] = [defaultPacket, { minimum: 8, maximum: 120, longestWait: 80 }];

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

test.each(packets)("packet law over random streams, $minimum to $maximum", (packet) => {
  fc.assert(
    fc.property(fc.array(token, { minLength: 200, maxLength: 400 }), (tokens) => {
      const shaper = new PacketShaper(packet);
      const out: string[] = [];
      for (const text of tokens) {
        shaper.push(text, false);
        out.push(...shaper.take());
      }
      out.push(...shaper.drain());
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
    const shaper = new PacketShaper(defaultPacket);
    const out: string[] = [];
    for (let index = 0; index < count; index++) {
      shaper.push(token, false);
      out.push(...shaper.take(), ...shaper.wait());
    }
    out.push(...shaper.drain());
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

test("the first packet leaves early, and the last is no crumb", () => {
  const events = eventsOf(
    { thought: "The user greets me, so I greet back.", text: "Hello! How can I help you today?" },
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
    const shaper = new PacketShaper({ minimum: 5, maximum: 12, longestWait: 0 });
    const out: string[] = [];
    const composer = new Composer(parse(), {
      content: (text, solid) => shaper.push(text, solid),
      reasoning: () => undefined,
    });
    for (const letter of "x".repeat(length)) {
      composer.reasoning(letter);
      out.push(...shaper.take());
    }
    composer.reasoningEnd();
    out.push(...shaper.take());
    composer.text("y".repeat(length));
    out.push(...shaper.take(), ...shaper.drain());
    expect(out.join("")).toBe(`<think>\n${"x".repeat(length)}\n</think>\n${"y".repeat(length)}`);
    expect(out.filter((packet) => packet.includes("<think>\n"))).toHaveLength(1);
    expect(out.filter((packet) => packet.includes("\n</think>\n"))).toHaveLength(1);
  }
});

test("no packet ends inside a surrogate pair or a grapheme, flushed or not", () => {
  const cluster = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  const text = "👩‍👩‍👧‍👦👍🏽🇨🇭🇩🇪e\u0301가각\u1100\u1161❤️ ok\r\n".repeat(30);
  const whole = new Set([...cluster.segment(text)].map((part) => part.index));
  for (const unit of [1, 2, 3, 7, 50, 1_000]) {
    const shaper = new PacketShaper({ minimum: 8, maximum: 40, longestWait: 0 });
    const out: string[] = [];
    for (let at = 0; at < text.length; at += unit) {
      shaper.push(text.slice(at, at + unit), false);
      out.push(...shaper.take());
    }
    out.push(...shaper.drain());
    expect(out.join("")).toBe(text);
    let place = 0;
    for (const packet of out) {
      expect(whole.has(place)).toBe(true);
      place += packet.length;
    }
  }
});

test("a flush holds back half a surrogate pair and an open joiner", () => {
  const shaper = new PacketShaper(defaultPacket);
  shaper.push("abcdefgh\ud83d", false);
  expect(shaper.wait()).toEqual(["abcdefgh"]);
  expect(shaper.pending).toBe(true);
  shaper.push("\ude00 abcdef👩\u200d", false);
  expect(shaper.wait()).toEqual(["😀 abcdef"]);
  expect(shaper.drain()).toEqual(["👩\u200d"]);
});

test("a cluster longer than any packet still comes through, pairs whole", () => {
  const text = `a${"\u0301".repeat(500)}😀${"\u0301".repeat(500)}`;
  const shaper = new PacketShaper({ minimum: 8, maximum: 40, longestWait: 0 });
  shaper.push(text, false);
  const out = shaper.drain();
  expect(out.join("")).toBe(text);
  expect(out.every((packet) => packet.isWellFormed())).toBe(true);
  expect(out.length).toBeGreaterThan(10);
});

test("minimum 0 passes every piece through", () => {
  const shaper = new PacketShaper({ minimum: 0, maximum: 200, longestWait: 0 });
  for (const piece of ["a", "bc", " "]) {
    shaper.push(piece, false);
    expect(shaper.take()).toEqual([piece]);
  }
});

test("a megabyte in one delta is cut in good time", () => {
  const text = "长文本，每个字都要到。".repeat(95_000);
  const shaper = new PacketShaper(defaultPacket);
  const started = performance.now();
  shaper.push(text, false);
  const out = [...shaper.take(), ...shaper.drain()];
  expect(out.join("")).toBe(text);
  expect(performance.now() - started).toBeLessThan(2_000);
});

test("one delta of any length leaves no crumb", () => {
  for (const unit of ["x", "😀", "a👩‍💻", "🇨🇭é"]) {
    for (let count = 20; count < 500; count++) {
      for (const packet of packets) {
        const shaper = new PacketShaper(packet);
        shaper.push(unit.repeat(count), false);
        const taken = shaper.take();
        shaper.push("tail", false);
        const sizes = [...taken, ...shaper.take(), ...shaper.drain()].map(points);
        expect(Math.min(...sizes)).toBeGreaterThanOrEqual(4);
        expect(sizes.filter((size) => size < 5).length).toBeLessThanOrEqual(sizes.length * 0.05);
      }
    }
  }
});

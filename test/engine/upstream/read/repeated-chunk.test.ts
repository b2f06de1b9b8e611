import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseChunk } from "../../../../src/engine/upstream/read/chunk.ts";
import { RepeatedChunk, type TextPiece } from "../../../../src/engine/upstream/read/repeated-chunk.ts";
import { ParleyError } from "../../../../src/model/error.ts";
import type { GenerationEvent } from "../../../../src/model/event.ts";
import { decoderFor, joined, type DecodeSetup } from "./decode.ts";

/** What a decoder makes of the data of events. */
function read(events: readonly string[], setup: DecodeSetup): GenerationEvent[] | string {
  const decoder = decoderFor(setup);
  const found: GenerationEvent[] = [];
  try {
    for (const data of events) {
      decoder.data(data);
      found.push(...decoder.take());
    }
    decoder.end();
    found.push(...decoder.take());
  } catch (thrown) {
    if (!(thrown instanceof ParleyError)) throw thrown;
    return thrown.message;
  }
  const plain = found.map((event) => ("error" in event ? { ...event, error: event.error?.message } : event));
  return joined(plain as GenerationEvent[]);
}

/** The same events, none of which begins like another one: white space before them means nothing. */
function unlike(events: readonly string[]): string[] {
  return events.map((data, index) => " ".repeat(index) + data);
}

const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("a", " word", "m", "x", "中", "?", "a?") },
  fc.constantFrom(
    "",
    "\n",
    '"',
    "\\",
    "\\u0041",
    "👋",
    "\ud83d",
    "\udc4b",
    "\u2028",
    "</think>",
    "<think>",
    '","content":"b',
  ),
  fc.string({ unit: "binary", maxLength: 4 }),
);
/** JSON of a string, with different characters escaped. */
const literal = fc.tuple(text, fc.nat(3)).map(([value, style]) => {
  const usual = JSON.stringify(value);
  if (style === 1) return usual.replace(/[^ -~]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
  if (style === 2) return usual.replaceAll("a", "\\u0061");
  return style === 3 ? usual.replaceAll("/", "\\/") : usual;
});
const forms: readonly ((literal: string) => string)[] = [
  (one) => `{"id":"x","model":"m","choices":[{"index":0,"delta":{"content":${one}},"finish_reason":null}]}`,
  (one) => `{"choices": [{"delta": {"role": "assistant", "content": ${one}}, "index": 0}], "id": "a", "model": "m"}`,
  (one) => `{"choices":[{"index":0,"delta":{"reasoning_content":${one},"content":null}}],"usage":null}`,
  (one) => `{"choices":[{"index":0,"delta":{"reasoning_content":${one},"content":${one}}}]}`,
  (one) => `{"choices":[{"index":0,"delta":{"reasoning":"a","reasoning_content":${one}}}]}`,
  (one) => `{"choices":[{"index":0,"delta":{"content":"a","content":${one}}}]}`,
  (one) => `{"choices":[{"index":0,"delta":{"content":${one},"content":"a"}}]}`,
  (one) => `{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":${one}}]}}]}`,
  (one) => `{"choices":[{"index":0,"delta":{"content":"","refusal":${one}}}]}`,
  (one) => `{"choices":[{"index":0,"text":${one}}]}`,
  (one) => `{"choices":[{"delta":{"content":"a"}}],"id":${one}}`,
  (one) => `{"choices":[{"delta":{"content":"m"}}],"model":${one}}`,
  (one) => `{"choices":[{"index":1,"delta":{"content":${one}}}]}`,
  (one) => `{"choices":[{"delta":{"content":${one}}},{"delta":{"content":"a"}}]}`,
  (one) => `{"choices":[{"delta":{"content":"a"}},{"delta":{"content":${one}}}]}`,
  (one) => `{"choices":[{"delta":{"content":${one}}}],"input_sensitive":true}`,
  (one) => `{"choices":[{"delta":{"content":${one}}}],"service_tier":"priority"}`,
  (one) => `{"choices":[{"delta":{"content":${one}}}],"service_tier":"standard"}`,
  (one) => `{"choices":[{"delta":{"content":${one}}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`,
  (one) => `{"choices":[{"delta":{"content":${one}},"finish_reason":"stop"}]}`,
  (one) =>
    `{"choices":[{"delta":{"content":"a","tool_calls":[{"index":0,"function":{"name":"f","arguments":${one}}}]}}]}`,
  (one) => `{"error":${one},"choices":[{"delta":{"content":"a"}}]}`,
  (one) => `{"choices":[{"delta":{"content":${one}}],"broken":1}`,
  (one) => `{"choices":[{"delta":{"content":"a${one}a"}}]}`,
  (one) => `[DONE]${one}`,
];
const event = fc.tuple(fc.constantFrom(...forms), literal).map(([form, one]) => form(one));
/** Several events of one form, as models send them. */
const events = fc
  .array(fc.oneof(event, fc.tuple(fc.constantFrom(...forms.slice(0, 12)), fc.array(literal, { maxLength: 6 }))), {
    maxLength: 6,
  })
  .map((groups) => groups.flatMap((one) => (typeof one === "string" ? [one] : one[1].map((each) => one[0](each)))));

describe("events that differ only in their text", () => {
  it.each([{}, { family: "m3" as const }, { switches: { "thought-twice": false } }])(
    "are read as every other event: %j",
    (setup) => {
      fc.assert(
        fc.property(events, fc.boolean(), (some, ends) => {
          const stream = ends ? [...some, forms[19]?.('"z"') ?? ""] : some;
          expect(read(stream, setup)).toEqual(read(unlike(stream), setup));
        }),
        { numRuns: 1_500 },
      );
    },
  );

  it("are read as every other event where single characters of them are changed", () => {
    fc.assert(
      fc.property(
        literal,
        fc.nat(200),
        fc.constantFrom('"', "\\", "}", "{", ",", ":", "1", " ", "\u0000"),
        (one, at, character) => {
          const usual = forms[0] ?? String;
          const next = usual(one);
          const broken = next.slice(0, at) + character + next.slice(at + 1);
          const stream = [usual('"a"'), usual('"b"'), broken, usual('"c"')];
          expect(read(stream, {})).toEqual(read(unlike(stream), {}));
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

/** A reader whose chunks have one content, and how often it was asked to learn. */
function counted(): { repeated: RepeatedChunk; asked: () => number } {
  let asked = 0;
  const onlyPiece = ({ content }: Readonly<Record<string, unknown>>): TextPiece | undefined => {
    asked += 1;
    return typeof content === "string" ? { type: "content", text: content } : undefined;
  };
  return { repeated: new RepeatedChunk(onlyPiece), asked: () => asked };
}

describe("the form of an event", () => {
  it("is learnt from one and reads the next without parsing it", () => {
    const { repeated } = counted();
    const first = `{"content":"a","id":1}`;
    expect(repeated.read(first)).toBeUndefined();
    repeated.learn(first, parseChunk(first));
    expect(repeated.read(`{"content":"b\\n","id":1}`)).toEqual({ type: "content", text: "b\n" });
    for (const other of [
      `{"content":"b","id":2}`,
      `{"content":"","id":1}`,
      `{"content":"b","x":"c","id":1}`,
      `{"content":"b\\","id":1}`,
    ]) {
      expect(repeated.read(other)).toBeUndefined();
    }
  });

  it("is not looked for for ever where every event has another one", () => {
    const { repeated, asked } = counted();
    for (let id = 0; id < 1_000; id += 1) {
      const data = `{"content":"a","id":${id}}`;
      expect(repeated.read(data)).toBeUndefined();
      repeated.learn(data, parseChunk(data));
    }
    expect(asked()).toBeLessThan(20);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenText } from "../../../src/engine/llama/token-text.ts";

/** A byte-level vocabulary: a token is some bytes. */
type Bytes = readonly number[];
const decode = (tokens: readonly Bytes[]): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(tokens.flat()));

function pieces(tokens: readonly Bytes[]): string[] {
  const text = new TokenText<Bytes>(decode, []);
  return tokens.map((token) => text.feed(token));
}

/** Bytes cut into tokens of one to four. */
function cut(bytes: readonly number[], lengths: readonly number[]): Bytes[] {
  const tokens: Bytes[] = [];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const length = lengths[index % lengths.length] ?? 1;
    tokens.push(bytes.slice(at, at + length));
    at += length;
  }
  return tokens;
}
const lengths = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 });

describe("TokenText", () => {
  it("law: any cutting of a text into tokens gives the text, never half a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), lengths, (text, sizes) => {
        const whole = text.replaceAll("\uFFFD", "");
        const parts = pieces(cut([...new TextEncoder().encode(whole)], sizes));
        expect(parts.join("")).toBe(whole);
        expect(parts.some((part) => part.includes("\uFFFD"))).toBe(false);
      }),
    );
  });

  it("law: bytes that are no text are left out, what is text stays", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(0x61, 0xe4, 0xbd, 0xa0, 0xf0, 0x9f, 0x98, 0x80, 0xff)),
        lengths,
        (bytes, sizes) => {
          const tokens = cut(bytes, sizes);
          expect(pieces(tokens).join("")).toBe(decode(tokens).replaceAll("\uFFFD", ""));
        },
      ),
    );
  });

  it("drops a character that was cut off at the end", () => {
    expect(pieces([[0x61], [0xf0, 0x9f]])).toEqual(["a", ""]);
  });

  it("tells the detokenizer what stood before", () => {
    const seen: (readonly string[])[] = [];
    const text = new TokenText<string>((tokens, before) => (seen.push(before), tokens.join("")), ["x", "y"]);
    text.feed("a");
    text.feed("b");
    expect(seen).toEqual([
      ["x", "y"],
      ["x", "y", "a"],
    ]);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SseReader } from "../../../../src/engine/upstream/wire/sse.ts";
import { bytePieces } from "../fake.ts";

function read(reads: readonly Uint8Array[]): string[] {
  const found: string[] = [];
  const reader = new SseReader((data) => found.push(data));
  for (const bytes of reads) reader.feed(bytes);
  reader.end();
  return found;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("SseReader", () => {
  it.each([
    ["events", "data: a\n\ndata: b\n\n", ["a", "b"]],
    ["carriage returns", "data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]],
    ["no space after the colon", "data:a\n\ndata:  b\n\n", ["a", " b"]],
    ["other fields and comments", ": hello\nid: 1\nevent: x\nretry: 5\ndata: a\n\n", ["a"]],
    ["several data lines of one event", 'data: {"a":\ndata: 1}\n\n', ['{"a":\n1}']],
    ["events without a blank line", 'data: {"a":1}\ndata: {"b":2}\ndata: [DONE]\n', ['{"a":1}', '{"b":2}', "[DONE]"]],
    ["a last event without end", "data: a\n\ndata: b", ["a", "b"]],
    ["a byte order mark", "\uFEFFdata: a\n\n", ["a"]],
    ["empty data", "data:\n\ndata: \n\n", []],
    ["llama-server's errors", 'error: {"code":400}\n\n', ['{"error":{"code":400}}']],
    ["nothing", "", []],
  ])("reads %s", (_, text, expected) => {
    expect(read([bytes(text)])).toEqual(expected);
    expect(read(Array.from(bytes(text), (byte) => Uint8Array.of(byte)))).toEqual(expected);
  });

  it("reads the same in any pieces", () => {
    const line = fc.string({ unit: "binary" }).map((text) => JSON.stringify(text));
    fc.assert(
      fc.property(fc.array(line), fc.constantFrom("\n", "\r\n"), fc.array(fc.nat(20)), (lines, newline, lengths) => {
        const text = lines.map((data) => `data: ${data}${newline}${newline}`).join("");
        expect(read(bytePieces(bytes(text), lengths))).toEqual(lines);
      }),
    );
  });

  it("stops at an event without end", () => {
    const reader = new SseReader(() => {});
    const piece = bytes(`data: ${"x".repeat(4 * 1024 * 1024)}`);
    expect(() => {
      for (let i = 0; i < 9; i++) reader.feed(piece);
    }).toThrow("an event without end");
  });
});

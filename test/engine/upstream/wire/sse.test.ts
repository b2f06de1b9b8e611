import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SseReader } from "../../../../src/engine/upstream/wire/sse.ts";
import { processorTime } from "../../../bench/row.ts";
import { growth } from "../../../support/cpu.ts";
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
    ["several events of several lines", "data: [\ndata: 1,\ndata: 2]\n\ndata: 3\n\n", ["[\n1,\n2]", "3"]],
    ["events without a blank line", 'data: {"a":1}\ndata: {"b":2}\ndata: [DONE]\n', ['{"a":1}', '{"b":2}', "[DONE]"]],
    ["a last event without end", "data: a\n\ndata: b", ["a", "b"]],
    ["a byte order mark", "\uFEFFdata: a\n\n", ["a"]],
    ["empty data", "data:\n\ndata: \n\n", []],
    ["llama-server's errors", 'error: {"code":400}\n\n', ['{"error":{"code":400}}']],
    ["words that begin as errors do", "err\nerrors: x\nevent: x\ndata: a\n\n", ["a"]],
    ["carriage returns alone", "data: a\r\rdata: b\rdata: c\r\r", ["a", "b\nc"]],
    ["ends of all kinds", "data: a\n\rdata: b\r\n\ndata: c\r\r\n", ["a", "b", "c"]],
    ["NUL characters before a line", "\0\0data: a\n\n\0\ndata: b\n\0\n\n", ["a", "b"]],
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
    const piece = bytes("x".repeat(16 * 1024));
    reader.feed(bytes("data: "));
    expect(() => {
      for (let i = 0; i < 129; i++) reader.feed(piece);
    }).toThrow("an event without end");
  });

  it.each(["data: [\n", "data: [\r"])("stops at lines of one event without end: %j", (line) => {
    const reader = new SseReader(() => {});
    const piece = bytes(line.repeat(8192));
    expect(() => {
      for (let i = 0; i < 300; i++) reader.feed(piece);
    }).toThrow("an event without end");
  });

  it("reads an event of many lines in linear time", () => {
    const printed = (count: number): Uint8Array => {
      const value = JSON.stringify({ x: Array.from({ length: count }, (_, at) => ({ at })) }, null, 1);
      return bytes(
        `${value
          .split("\n")
          .map((line) => `data: ${line}\n`)
          .join("")}\n`,
      );
    };
    const [small, large] = [printed(2_000), printed(16_000)];
    const feed = (all: Uint8Array) => (): void => {
      for (let times = 0; times < 5; times++) expect(read([all])).toHaveLength(1);
    };
    // 8 times the lines; where each one is looked at with all before it, 64 times the work
    expect(growth(feed(small), feed(large))).toBeLessThan(25);
  });

  it("hands an event out when the next one begins, where no blank line says that it is over", () => {
    const found: string[] = [];
    const reader = new SseReader((data) => found.push(data));
    reader.feed(bytes('data: {"a":1}\ndata: {"b":2}\n'));
    expect(found).toEqual(['{"a":1}']);
  });

  it("reads long events in the time of short ones that hold as much", () => {
    const piece = bytes("x".repeat(1_400));
    const spentOn = (events: number, pieces: number): number =>
      processorTime(() => {
        const reader = new SseReader(() => {});
        for (let event = 0; event < events; event++) {
          reader.feed(bytes("data: "));
          for (let i = 0; i < pieces; i++) reader.feed(piece);
          reader.feed(bytes("\n\n"));
        }
      }, 60);
    // 2 MB each in all: 1 to 10 where a read costs what it brings, 350 where it costs what the event holds so far
    expect(spentOn(2, 800) / spentOn(32, 50)).toBeLessThan(40);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ElementScanner, type ArrayElement } from "../../../src/lib/json-scanner/elements.ts";

/** The elements of a list whose text comes in pieces of so many bytes. */
function scanned(text: string, length: number): { text: string; id: string | undefined; bytes: number }[] {
  const scanner = new ElementScanner();
  const found: ArrayElement[] = [];
  const all = Buffer.from(text);
  for (let from = 0; from < all.length; from += length) found.push(...scanner.push(all.subarray(from, from + length)));
  return found.map(({ from, to, id, bytes }) => ({
    text: all.toString("utf8", from.piece * length + from.at, to.piece * length + to.at),
    id,
    bytes,
  }));
}

describe("the elements of an array", () => {
  it("are found with their ids in any pieces of the text", () => {
    const item = fc.oneof(
      fc.record({ id: fc.string({ unit: "binary" }), of: fc.jsonValue() }),
      fc.record({ of: fc.jsonValue(), id: fc.string() }, { requiredKeys: [] }),
      fc.record({ id: fc.jsonValue(), of: fc.string({ unit: fc.constantFrom("\\", '"', "{", "]", "a", "é") }) }),
    );
    fc.assert(
      fc.property(fc.array(item), fc.integer({ min: 1, max: 30 }), (items, length) => {
        const found = scanned(JSON.stringify(items), length);
        expect(found.map(({ text }) => text)).toEqual(items.map((one) => JSON.stringify(one)));
        for (const [index, one] of items.entries()) {
          const [name, value] = Object.entries(one)[0] ?? [];
          expect(found[index]?.id).toBe(name === "id" && typeof value === "string" ? value : undefined);
        }
      }),
    );
  });

  it("have the bytes of their text", () => {
    const items = [{ id: "a", text: "看见".repeat(50) }, {}, { id: "b" }];
    for (const length of [1, 7, 64, 10_000]) {
      expect(scanned(JSON.stringify(items), length).map(({ bytes }) => bytes)).toEqual(
        items.map((one) => Buffer.byteLength(JSON.stringify(one))),
      );
    }
  });

  it("are found in time that is linear in the text, whatever it holds", () => {
    for (const unit of ['\\"', "\\\\", '"', "{}", "[]", ":"]) {
      const text = JSON.stringify([{ id: "a", text: unit.repeat(200_000) }]);
      expect(scanned(text, 65_536)).toEqual([{ text: text.slice(1, -1), id: "a", bytes: text.length - 2 }]);
    }
  });
});

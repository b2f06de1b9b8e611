import fc from "fast-check";
import { expect, it } from "vitest";
import { LineReader } from "../../../src/service/peer/line-reader.ts";

it("gives the same lines however a text is cut", () => {
  const parts = fc.array(fc.string({ unit: fc.constantFrom("\n", "a", "ü", " ") }), { maxLength: 8 });
  fc.assert(
    fc.property(parts, (texts) => {
      const lines = new LineReader();
      const found = texts.flatMap((text) => lines.push(Buffer.from(text)).map(String));
      const wanted = texts.join("").split("\n");
      expect(lines.restBytes).toBe(Buffer.byteLength(wanted.pop() ?? ""));
      expect(found).toEqual(wanted);
    }),
  );
});

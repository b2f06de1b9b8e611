import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { integerIn, numberIn } from "../../../src/engine/llama/number-grammar.ts";

/** These bodies are regular: without quotes and blanks they are regular expressions. */
function matcher(body: string): RegExp {
  return new RegExp(`^(?:${body.replace(/["\s]/gu, "").replaceAll(".", "\\.")})$`, "u");
}
const bound = fc.option(fc.integer({ min: -12_000, max: 12_000 }), { nil: undefined });

describe("integerIn", () => {
  it("law: matches exactly the whole numbers of the range", () => {
    fc.assert(
      fc.property(bound, bound, fc.integer({ min: -15_000, max: 15_000 }), (least, most, value) => {
        const body = integerIn({ least, most });
        const inside = (least === undefined || value >= least) && (most === undefined || value <= most);
        expect(body !== undefined && matcher(body).test(String(value))).toBe(inside);
      }),
      { numRuns: 2000 },
    );
  });

  it("has no leading zeros and no minus zero", () => {
    for (const range of [{}, { least: 0 }, { least: -5, most: 5 }, { least: 0, most: 100 }]) {
      const body = matcher(integerIn(range) ?? "");
      for (const wrong of ["-0", "00", "01", "-01", "", "-"]) expect(body.test(wrong)).toBe(false);
      expect(body.test("0")).toBe(true);
    }
  });

  it("is nothing where the range is empty", () => {
    expect(integerIn({ least: 5, most: 4 })).toBeUndefined();
    expect(integerIn({ least: 0.2, most: 0.8 })).toBeUndefined();
  });
});

describe("numberIn", () => {
  it("law: what it matches lies in the range", () => {
    const value = fc.tuple(fc.integer({ min: -40, max: 40 }), fc.integer({ min: 0, max: 99 }));
    const near = fc.option(fc.double({ min: -30, max: 30, noNaN: true }), { nil: undefined });
    fc.assert(
      fc.property(near, near, value, (least, most, [whole, hundredths]) => {
        const written = `${whole}.${String(hundredths).padStart(2, "0")}`;
        fc.pre(least !== undefined || most !== undefined);
        if (!matcher(numberIn({ least, most })).test(written)) return;
        expect(Number(written)).toBeGreaterThanOrEqual(least ?? -Infinity);
        expect(Number(written)).toBeLessThanOrEqual(most ?? Infinity);
      }),
      { numRuns: 2000 },
    );
  });

  it("law: what it matches lies in the range, its open ends left out", () => {
    const end = fc.option(fc.integer({ min: -9, max: 9 }), { nil: undefined });
    const value = fc.tuple(fc.integer({ min: -11, max: 11 }), fc.integer({ min: 0, max: 9 }));
    fc.assert(
      fc.property(fc.tuple(end, end), fc.tuple(fc.boolean(), fc.boolean()), value, (ends, open, [whole, tenths]) => {
        const [[least, most], [openLeast, openMost]] = [ends, open];
        fc.pre((least !== undefined || most !== undefined) && (least ?? -100) < (most ?? 100));
        const body = matcher(numberIn({ least, most, openLeast, openMost }));
        for (const written of [String(whole), `${whole}.${tenths}`]) {
          if (!body.test(written)) continue;
          const number = Number(written);
          expect(least === undefined || (openLeast ? number > least : number >= least)).toBe(true);
          expect(most === undefined || (openMost ? number < most : number <= most)).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("knows what lies between two ends that are left out", () => {
    const open = matcher(numberIn({ least: 0, most: 1, openLeast: true, openMost: true }));
    expect(["0.5", "0.05", "0.1"].every((text) => open.test(text))).toBe(true);
    expect(["0", "1", "0.0", "0.00", "1.0"].some((text) => open.test(text))).toBe(false);
    const positive = matcher(numberIn({ least: 0, openLeast: true }));
    expect(["0.5", "3", "3.0", "12.25"].every((text) => positive.test(text))).toBe(true);
    expect(numberIn({ least: 0.2, most: 0.8, openLeast: true, openMost: true })).toBe('"0.5"');
  });

  it("offers fractions between 0 and 1, and the ends where nothing else is left", () => {
    const unit = matcher(numberIn({ least: 0, most: 1 }));
    expect(["0", "0.25", "1"].every((text) => unit.test(text))).toBe(true);
    expect(["1.5", "-0.5", "2"].some((text) => unit.test(text))).toBe(false);
    expect(numberIn({ least: 0.2, most: 0.8 })).toBe('("0.2" | "0.8")');
  });
});

import { describe, expect, it } from "vitest";
import { callIds, type IdSource, systemIds, unixSeconds, vendorId } from "../../src/model/id.ts";

const fixed: IdSource = {
  hex: (length) => "a".repeat(length),
  word: (length) => "w".repeat(length),
  now: () => 1_780_152_150_999,
};

describe("vendorId", () => {
  it("starts with the seconds since 2023, as the vendor's published sample does", () => {
    expect(vendorId(fixed)).toBe(`066a2a56${"a".repeat(24)}`);
  });

  it("keeps 32 digits for any time", () => {
    for (const now of [0, 1_672_531_200_000, 9_999_999_999_999]) {
      expect(vendorId({ ...fixed, now: () => now })).toMatch(/^[0-9a-f]{32}$/);
    }
  });
});

describe("callIds", () => {
  it("counts from 1 and shares the middle within an answer", () => {
    const next = callIds(fixed);
    expect([next(), next()]).toEqual(["call_function_wwwwwwwwwwww_1", "call_function_wwwwwwwwwwww_2"]);
  });

  it("differs from answer to answer", () => {
    expect(callIds(systemIds)()).not.toBe(callIds(systemIds)());
  });
});

describe("systemIds", () => {
  it("gives no digits twice, whatever was drawn before", () => {
    const drawn = Array.from({ length: 2_000 }, (_, index) => systemIds.hex(24 + (index % 9)));
    const parts = drawn.map((digits) => digits.slice(0, 12));
    expect(new Set(parts).size).toBe(drawn.length);
  });

  it("gives as many digits and letters as asked, odd numbers too", () => {
    for (const length of [0, 1, 7, 24]) {
      expect(systemIds.hex(length)).toMatch(new RegExp(`^[0-9a-f]{${length}}$`));
      expect(systemIds.word(length)).toMatch(new RegExp(`^[0-9a-z]{${length}}$`));
    }
  });

  it("tells the time in whole seconds", () => {
    expect(unixSeconds(fixed)).toBe(1_780_152_150);
  });
});

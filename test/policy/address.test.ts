import { describe, expect, it } from "vitest";
import { inRanges, isRange } from "../../src/policy/address.ts";

describe("isRange", () => {
  it.each(["10.1.2.3", "10.0.0.0/8", "0.0.0.0/0", "1.2.3.4/32", "::1", "2001:db8::/32", "::/0"])(
    "takes %s",
    (range) => {
      expect(isRange(range)).toBe(true);
    },
  );

  it.each([
    "",
    "10.1.2",
    "10.1.2.3/33",
    "10.1.2.3/-1",
    "10.1.2.3/",
    "10.1.2.3/8/8",
    "::1/129",
    "localhost",
    "10.0.0.0/8 ",
  ])("refuses %j", (range) => {
    expect(isRange(range)).toBe(false);
  });
});

describe("inRanges", () => {
  it.each([
    ["10.255.255.255", "10.0.0.0/8", true],
    ["11.0.0.0", "10.0.0.0/8", false],
    ["1.2.3.4", "1.2.3.4", true],
    ["1.2.3.5", "1.2.3.4", false],
    ["255.1.1.1", "0.0.0.0/0", true],
    ["::1", "0.0.0.0/0", false],
    ["::ffff:127.0.0.1", "127.0.0.0/8", true],
    ["2001:db8:ffff::1", "2001:db8::/32", true],
    ["2001:db9::1", "2001:db8::/32", false],
  ])("%s in %s: %s", (address, range, inside) => {
    expect(inRanges(address, [range])).toBe(inside);
  });

  it("looks at every range, and at none when there is none", () => {
    expect(inRanges("10.0.0.1", ["1.1.1.1", "10.0.0.0/24"])).toBe(true);
    expect(inRanges("10.0.0.1", [])).toBe(false);
    expect(inRanges(undefined, ["0.0.0.0/0"])).toBe(false);
  });
});

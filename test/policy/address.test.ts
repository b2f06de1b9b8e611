import { describe, expect, it } from "vitest";
import { clientAddress, inRanges } from "../../src/policy/address.ts";

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

describe("clientAddress", () => {
  const proxies = ["10.0.0.0/8", "::1"];

  it.each([
    { who: "the socket is no proxy", address: "9.9.9.9", forwardedFor: "1.1.1.1", client: "9.9.9.9" },
    { who: "one proxy", address: "10.0.0.1", forwardedFor: "1.1.1.1", client: "1.1.1.1" },
    { who: "two proxies", address: "::1", forwardedFor: "1.1.1.1, 10.0.0.2", client: "1.1.1.1" },
    { who: "a caller who lies", address: "10.0.0.1", forwardedFor: "127.0.0.1, 1.1.1.1", client: "1.1.1.1" },
    { who: "a mapped address", address: "::ffff:10.0.0.1", forwardedFor: "1.1.1.1", client: "1.1.1.1" },
    { who: "proxies all the way", address: "10.0.0.1", forwardedFor: "10.0.0.2,10.0.0.3", client: "10.0.0.2" },
    { who: "no header", address: "10.0.0.1", forwardedFor: undefined, client: "10.0.0.1" },
    { who: "nonsense", address: "10.0.0.1", forwardedFor: "1.1.1.1, unknown", client: "unknown" },
  ])("with $who", ({ address, forwardedFor, client }) => {
    expect(clientAddress({ address, forwardedFor }, proxies)).toBe(client);
    expect(clientAddress({ address, forwardedFor }, [])).toBe(address);
  });
});

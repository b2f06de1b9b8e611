import { describe, expect, it } from "vitest";
import { isNetwork, networkOf, NetworkSet, unmapped } from "../../src/lib/cidr.ts";

describe("isNetwork", () => {
  it.each(["10.1.2.3", "10.0.0.0/8", "0.0.0.0/0", "1.2.3.4/32", "::1", "2001:db8::/32", "::/0"])(
    "takes %s",
    (range) => {
      expect(isNetwork(range)).toBe(true);
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
    expect(isNetwork(range)).toBe(false);
  });
});

describe("NetworkSet", () => {
  it("takes nothing from a text that is no network, however it begins", () => {
    const set = new NetworkSet([
      "10.0.0.0/",
      "10.0.0.0/8/8",
      "10.0.0.0/ 8",
      "10.0.0.0/33",
      "10.0.0.0/0x8",
      "::/",
      "1::/129",
    ]);
    for (const address of ["10.0.0.0", "10.0.0.1", "1.1.1.1", "::", "1::"]) expect(set.has(address)).toBe(false);
  });
});

describe("unmapped", () => {
  it.each([
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["::FFFF:10.0.0.1", "10.0.0.1"],
    ["10.0.0.1", "10.0.0.1"],
    ["::1", "::1"],
    ["::ffff:a00:1", "::ffff:a00:1"],
  ])("%s is %s", (address, plain) => expect(unmapped(address)).toBe(plain));
});

describe("networkOf", () => {
  it.each([
    ["10.1.2.3", "10.1.2.3"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::6", "2001:db8:1:2::/64"],
    ["2001:db8::6", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::", "fe80:0:0:0::/64"],
    ["no address", "no address"],
  ])("%s: %s", (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

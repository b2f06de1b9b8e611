import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AllowList, isPublicAddress } from "../../src/media/address.ts";

const refused = [
  ...["0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255"],
  ...["127.0.0.1", "127.255.255.255", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255"],
  ...["192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1"],
  ...["203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"],
  ...["::", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1"],
  ...["64:ff9b:1::1", "100::1", "2001::1", "2001:0:53aa:64c:0:0:7f00:1", "2001:db8::1", "2002:7f00:1::", "3fff::1"],
  ...["fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "5f00::1"],
  ...["", "localhost", "127.1", "0x7f000001", "2130706433", "1.2.3.4.5", "2606:4700::1111%eth0"],
];
const fine = [
  ...["1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"],
  ...[
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "198.20.0.0",
    "223.255.255.255",
  ],
  ...["2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001::1", "2400:cb00::1"],
];

describe("isPublicAddress", () => {
  it.each(refused)("refuses %s", (address) => expect(isPublicAddress(address)).toBe(false));
  it.each(fine)("takes %s", (address) => expect(isPublicAddress(address)).toBe(true));

  it("takes no IPv4 address inside of an IPv6 one", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        for (const form of [`::ffff:${address}`, `::${address}`, `64:ff9b::${address}`]) {
          if (isPublicAddress(form)) return false;
        }
        return true;
      }),
    );
  });
});

describe("AllowList", () => {
  const list = new AllowList(["127.0.0.1", "10.1.0.0/16", "fd00::/8", "::1", "Media.Internal", "*.cdn.internal"]);

  it.each(["127.0.0.1", "10.1.255.255", "fd12::1", "::1"])("holds the address %s", (address) => {
    expect(list.hasAddress(address)).toBe(true);
  });
  it.each(["127.0.0.2", "10.2.0.0", "fc00::1", "media.internal", ""])("does not hold the address %s", (address) => {
    expect(list.hasAddress(address)).toBe(false);
  });
  it.each(["media.internal", "MEDIA.internal", "a.cdn.internal", "a.b.cdn.internal"])("holds the host %s", (host) => {
    expect(list.hasHost(host)).toBe(true);
  });
  it.each(["cdn.internal", "evilcdn.internal", "x.media.internal", "internal", "127.0.0.1"])(
    "does not hold the host %s",
    (host) => {
      expect(list.hasHost(host)).toBe(false);
    },
  );

  it("reads an entry strictly: one that is no valid network allows no address", () => {
    const broken = new AllowList(["10.0.0.0/", "10.0.0.0/8/8", "127.0.0.1/x"]);
    for (const address of ["10.0.0.0", "10.0.0.1", "127.0.0.1", "192.168.0.1"]) {
      expect(broken.hasAddress(address)).toBe(false);
    }
  });
});

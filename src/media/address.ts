import { isIPv4 } from "node:net";
import { isNetwork, NetworkSet } from "../lib/cidr.ts";

/**
 * Which addresses a caller's URL may make the server connect to. Fails closed: what is not known to be public is refused.
 * Sources: the IANA special-purpose address registries, and the clouds' metadata addresses outside of them.
 */
const refusedV4 = [
  "0.0.0.0/8", // this network; unspecified
  "10.0.0.0/8", // private
  "100.64.0.0/10", // carrier-grade NAT; one cloud's metadata
  "127.0.0.0/8", // loopback
  "168.63.129.16", // one cloud's host agent, although the address is a public one
  "169.254.0.0/16", // link-local; metadata of most clouds
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocol assignments
  "192.0.2.0/24", // documentation
  "192.88.99.0/24", // 6to4 relays
  "192.168.0.0/16", // private
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved; broadcast
];

/** Inside of 2000::/3. Everything outside of it (loopback, mapped, NAT64, local, multicast) is refused as a whole. */
const refusedV6 = [
  "2001::/23", // protocol assignments; Teredo carries IPv4 addresses
  "2001:db8::/32", // documentation
  "2002::/16", // 6to4 carries IPv4 addresses
  "3fff::/20", // documentation
];

const refused = new NetworkSet([...refusedV4, ...refusedV6]);
const globalV6 = new NetworkSet(["2000::/3"]);

/** `address` in the form the system gives, without brackets. */
export function isPublicAddress(address: string): boolean {
  // a zone (fe80::1%eth0) only ever stands on a local address
  return (isIPv4(address) || (globalV6.has(address) && !address.includes("%"))) && !refused.has(address);
}

/** An operator's exceptions: host names (`*.example.org` for all below), addresses and networks (`10.1.0.0/16`). */
export class AllowList {
  private readonly networks: NetworkSet;
  private readonly hosts: ReadonlySet<string>;

  constructor(entries: readonly string[]) {
    const names = entries.map((entry) => entry.trim().toLowerCase());
    this.networks = new NetworkSet(names);
    this.hosts = new Set(names.filter((name) => !isNetwork(name)));
  }

  hasHost(host: string): boolean {
    const name = host.toLowerCase();
    if (this.hosts.has(name)) return true;
    for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      if (this.hosts.has(`*${name.slice(dot)}`)) return true;
    }
    return false;
  }

  hasAddress(address: string): boolean {
    return this.networks.has(address);
  }
}

import { BlockList, isIP } from "node:net";

type Family = "ipv4" | "ipv6";

interface Network {
  address: string;
  prefix: number;
  family: Family;
}

function familyOf(address: string): Family | undefined {
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? "ipv4" : "ipv6";
}

function parse(text: string): Network | undefined {
  const [address = "", prefix, ...more] = text.split("/");
  const family = familyOf(address);
  if (family === undefined || more.length > 0) return undefined;
  const width = family === "ipv4" ? 32 : 128;
  if (prefix === undefined) return { address, prefix: width, family };
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= width ? { address, prefix: Number(prefix), family } : undefined;
}

/** The address itself for an IPv4 address written inside IPv6 (`::ffff:10.0.0.1`), as sockets of both families show it. */
export function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}

/** Whether a text is an address or a network in CIDR form: `10.1.2.3`, `10.0.0.0/8`, `2001:db8::/32`. */
export function isNetwork(text: string): boolean {
  return parse(text) !== undefined;
}

/** Networks in CIDR form and single addresses. Texts that are neither add nothing. */
export class NetworkSet {
  private readonly list = new BlockList();

  constructor(networks: readonly string[]) {
    for (const text of networks) {
      const network = parse(text);
      if (network !== undefined) this.list.addSubnet(network.address, network.prefix, network.family);
    }
  }

  /** Whether an address lies in one of the networks; `false` for a text that is no address. */
  has(address: string): boolean {
    const family = familyOf(address);
    return family !== undefined && this.list.check(address, family);
  }
}

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

/** What one caller surely holds whole: an IPv4 address, or the /64 of an IPv6 address in the form that sockets show. */
export function networkOf(address: string): string {
  if (familyOf(address) !== "ipv6") return address;
  const [before = "", after] = address.split("::");
  const groups = before === "" ? [] : before.split(":");
  if (after !== undefined) while (groups.length < 8 - (after === "" ? 0 : after.split(":").length)) groups.push("0");
  return `${groups.slice(0, 4).join(":")}::/64`;
}

/** Whether a text is an address or a network in CIDR form: `10.1.2.3`, `10.0.0.0/8`, `2001:db8::/32`. */
export function isNetwork(text: string): boolean {
  return parse(text) !== undefined;
}

/** Networks in CIDR form and single addresses. Texts that are neither add nothing. */
export class NetworkSet {
  private readonly list = new BlockList();
  /** To look an address up costs microseconds, also in a list that holds nothing. */
  private readonly empty: boolean;

  constructor(networks: readonly string[]) {
    for (const text of networks) {
      const network = parse(text);
      if (network !== undefined) this.list.addSubnet(network.address, network.prefix, network.family);
    }
    this.empty = this.list.rules.length === 0;
  }

  /** Whether an address lies in one of the networks; `false` for a text that is no address. */
  has(address: string): boolean {
    if (this.empty) return false;
    const family = familyOf(address);
    return family !== undefined && this.list.check(address, family);
  }
}

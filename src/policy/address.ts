import { BlockList, isIP } from "node:net";

/** The form ranges are compared in: an IPv4 address inside IPv6 (`::ffff:10.0.0.1`) is that IPv4 address. */
function plain(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped?.[1] ?? address;
}

function family(address: string): "ipv4" | "ipv6" | undefined {
  const version = isIP(address);
  return version === 4 ? "ipv4" : version === 6 ? "ipv6" : undefined;
}

interface Range {
  network: string;
  bits: number;
  kind: "ipv4" | "ipv6";
}

function parse(range: string): Range | undefined {
  const [network = "", bits, ...more] = range.split("/");
  const kind = family(network);
  if (kind === undefined || more.length > 0) return undefined;
  const most = kind === "ipv4" ? 32 : 128;
  if (bits === undefined) return { network, bits: most, kind };
  return /^\d{1,3}$/.test(bits) && Number(bits) <= most ? { network, bits: Number(bits), kind } : undefined;
}

/** Whether a text is an address or a CIDR range: `10.1.2.3`, `10.0.0.0/8`, `2001:db8::/32`. */
export function isRange(text: string): boolean {
  return parse(text) !== undefined;
}

/** Whether an address lies in one of the ranges. Fails closed: an unknown address lies in none. */
export function inRanges(address: string | undefined, ranges: readonly string[]): boolean {
  const asked = plain(address ?? "");
  const kind = family(asked);
  if (kind === undefined) return false;
  const list = new BlockList();
  for (const range of ranges) {
    const parsed = parse(range);
    if (parsed !== undefined) list.addSubnet(parsed.network, parsed.bits, parsed.kind);
  }
  return list.check(asked, kind);
}

/** Where a request seems to come from. */
export interface Origin {
  /** Address of the other end of the socket. */
  address?: string | undefined;
  /** The header `X-Forwarded-For`: what proxies say of those before them, the nearest last. */
  forwardedFor?: string | undefined;
}

/**
 * Where a request really comes from: the last address that no trusted proxy told of itself. Without trusted proxies it
 * is the socket's, whatever a header says.
 */
export function clientAddress({ address, forwardedFor }: Origin, trusted: readonly string[]): string | undefined {
  const told = forwardedFor === undefined ? [] : forwardedFor.split(",").map((one) => one.trim());
  let nearest = address;
  while (trusted.length > 0 && inRanges(nearest, trusted) && told.length > 0) nearest = told.pop();
  return nearest;
}

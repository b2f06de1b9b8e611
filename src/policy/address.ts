import { NetworkSet, unmapped } from "../lib/cidr.ts";

/** Whether an address lies in one of the ranges. Fails closed: an unknown address lies in none. */
export function inRanges(address: string | undefined, ranges: readonly string[]): boolean {
  return address !== undefined && new NetworkSet(ranges).has(unmapped(address));
}

/** Where a request seems to come from. */
export interface Origin {
  /** Address of the other end of the socket. */
  address?: string | undefined;
  /** The header `X-Forwarded-For`: what proxies say of those before them, the nearest last. */
  forwardedFor?: string | undefined;
}

/**
 * Where a request really comes from: the nearest address that is no trusted proxy. Without trusted proxies it is the
 * socket's, whatever a header says.
 */
export function clientAddress({ address, forwardedFor }: Origin, trusted: readonly string[]): string | undefined {
  const forwarded = forwardedFor === undefined ? [] : forwardedFor.split(",").map((one) => one.trim());
  let nearest = address;
  while (trusted.length > 0 && inRanges(nearest, trusted) && forwarded.length > 0) nearest = forwarded.pop();
  return nearest;
}

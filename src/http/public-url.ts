import type { FastifyRequest } from "fastify";
import { NetworkSet, unmapped } from "../lib/cidr.ts";

export interface PublicUrlOptions {
  /** What every address begins with, whatever a request says. */
  publicUrl: string | undefined;
  /** Addresses and CIDR ranges of proxies whose `X-Forwarded-Proto` and `X-Forwarded-Host` are believed. */
  trustedProxies: readonly string[];
}

/** The URL, without a slash at its end, under which the caller of a request reaches this server. */
export type PublicUrl = (request: FastifyRequest) => string;

/** A host name or address, perhaps with a port. */
const hostForm = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

export function createPublicUrl({ publicUrl, trustedProxies }: PublicUrlOptions): PublicUrl {
  if (publicUrl !== undefined) return () => publicUrl.replace(/\/+$/, "");
  const trusted = new NetworkSet(trustedProxies);
  return (request) => {
    const isTrusted = trusted.has(unmapped(request.raw.socket.remoteAddress ?? ""));
    const forwarded = (name: string): string | undefined => (isTrusted ? lastOf(request.headers[name]) : undefined);
    const protocol = forwarded("x-forwarded-proto")?.toLowerCase() ?? "";
    const host = forwarded("x-forwarded-host") ?? "";
    const scheme = ["http", "https"].includes(protocol) ? protocol : request.protocol;
    return `${scheme}://${hostForm.test(host) ? host : request.host}`;
  };
}

/** What the nearest proxy wrote: each one may add its value behind those it was sent. */
function lastOf(header: string | string[] | undefined): string | undefined {
  return [header ?? []].flat().join(",").split(",").at(-1)?.trim();
}

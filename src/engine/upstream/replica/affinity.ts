import { hash } from "node:crypto";
import { textOf, type Item } from "../../../model/item.ts";
import type { GenerationRequest } from "../../../model/request.ts";

/** Characters of one message that go into the digest. */
const digestChars = 4_096;

/**
 * What requests that share a prompt prefix have in common: the caller's cache key, else a digest of tools, system
 * messages and the first words of the user. It stays the same while a conversation grows.
 */
export function affinityKey(request: GenerationRequest): string {
  if (request.cacheKey !== undefined && request.cacheKey !== "") return `key ${request.cacheKey}`;
  const tools = request.tools.map((tool) => tool.name).join(" ");
  const items = request.items;
  const firstUser = items.findIndex((item) => item.type === "message" && item.role === "user");
  const prefix = firstUser === -1 ? items.slice(0, 1) : items.slice(0, firstUser + 1);
  return hash("sha1", [request.model, tools, ...prefix.map(itemText)].join("\n"), "hex");
}

function itemText(item: Item): string {
  return "parts" in item ? textOf(item.parts).slice(0, digestChars) : "";
}

/** Something requests are spread over. */
export interface Weighted {
  /** Stable over restarts; decides which keys are its own. */
  name: string;
  weight: number;
}

/**
 * Weighted rendezvous order: every key has its own order of all replicas. One that leaves moves only its own keys, each
 * to the next in that key's order; one that comes takes only its share.
 */
export function rendezvous<R extends Weighted>(key: string, replicas: readonly R[]): R[] {
  const scored = replicas.map((replica) => ({
    replica,
    score: -Math.log(unit(`${replica.name}\n${key}`)) / replica.weight,
  }));
  scored.sort((a, b) => a.score - b.score);
  return scored.map(({ replica }) => replica);
}

/** A number between 0 and 1, never either, that looks random and depends on the text only. */
function unit(text: string): number {
  const digits = Number.parseInt(hash("sha1", text, "hex").slice(0, 13), 16);
  return (digits + 0.5) / 2 ** 52;
}

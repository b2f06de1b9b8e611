import { getHeapStatistics } from "node:v8";
import { ByteBudget } from "../lib/byte-budget.ts";
import type { CachePoolOptions } from "../lib/cache-pool.ts";
import { ParleyError } from "../model/error.ts";

/** The settings `memory`; what is absent follows from the heap limit. All in bytes. */
export interface MemorySettings {
  requestBytes?: number;
  requestBytesPerKey?: number;
  rememberedBytes?: number;
  rememberedBytesPerKey?: number;
}

/**
 * A request of this many bytes takes some times as many while it is read, parsed, rendered and sent on: with an eighth of the
 * heap for the bytes, the whole fits. Measured with heaps from 224 MB on and stored responses, which take most, 2026-11.
 */
const requestShare = 1 / 8;
const rememberedShare = 1 / 16;
/** Of the heap, for the program itself and what it keeps anyway. */
const ownBytes = 128 * 1024 * 1024;
/** What is shared out at least. */
const leastBytes = 16 * 1024 * 1024;
/** Of one key, of what all may hold. */
const keyShare = 1 / 2;
/** What `retryAfter` says where another request must end first. */
const retrySeconds = 1;

/** The largest request body in bytes: as configured, and no more than all requests may hold. `heapBytes`: the heap limit of the process. */
export function largestBody(
  settings: MemorySettings,
  configured: number,
  heapBytes: number = getHeapStatistics().heap_size_limit,
): number {
  return Math.min(configured, totalOf(settings, heapBytes));
}

/** Of the whole server: each of several processes may use an equal part. */
interface Sharing {
  heapBytes?: number;
  processes?: number;
}

/** The budget of requests under way: at least one of the largest size fits. */
export function requestBudget(
  settings: MemorySettings,
  largest: number,
  { heapBytes = getHeapStatistics().heap_size_limit, processes = 1 }: Sharing = {},
): ByteBudget {
  const all = totalOf(settings, heapBytes);
  const least = Math.min(all, largest);
  const total = Math.max(least, Math.floor(all / processes));
  const ofKey = settings.requestBytesPerKey;
  const perOwner =
    ofKey === undefined
      ? Math.max(least, Math.floor(total * keyShare))
      : Math.max(Math.min(least, ofKey), Math.floor(ofKey / processes));
  return new ByteBudget({ total, perOwner, refusal });
}

function totalOf({ requestBytes }: MemorySettings, heapBytes: number): number {
  return requestBytes ?? shareOf(heapBytes, requestShare);
}

function shareOf(heapBytes: number, share: number): number {
  return Math.floor(Math.max(heapBytes - ownBytes, leastBytes) * share);
}

/** Bounds of what is remembered and not stored. */
export function rememberedBounds(
  settings: MemorySettings,
  { heapBytes = getHeapStatistics().heap_size_limit, processes = 1 }: Sharing = {},
): CachePoolOptions {
  const all = settings.rememberedBytes ?? shareOf(heapBytes, rememberedShare);
  const ofKey = settings.rememberedBytesPerKey ?? Math.floor(all * keyShare);
  return { total: Math.floor(all / processes), perOwner: Math.floor(ofKey / processes) };
}

function refusal(bound: "owner" | "total", bytes: number): ParleyError {
  return bound === "owner"
    ? new ParleyError("connection-limit", `connection limit: ${bytes} bytes of requests at once (key)`, {
        retryAfter: retrySeconds,
      })
    : new ParleyError("overloaded", `the server holds ${bytes} bytes of requests; try again`, {
        retryAfter: retrySeconds,
      });
}

import { randomBytes, randomFillSync, randomInt } from "node:crypto";

/** Seconds between the Unix epoch and 2023-01-01 UTC, the epoch of the vendor's ids (raw answers, 2026-06). */
const vendorEpoch = 1_672_531_200;
const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";

/** Id of an API key; `static-<16 hex digits>` for a key of the configuration. The mark refuses ids of other things. */
export type KeyId = string & { readonly of?: "key" };

/** Id of an answer. */
export type ResponseId = string & { readonly of?: "response" };

/** Where ids take their chance and time from; tests give a fixed one. */
export interface IdSource {
  /** `length` lower-case hex digits. */
  hex(length: number): string;
  /** `length` lower-case letters and digits. */
  word(length: number): string;
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

/** Random bytes that are drawn at once: a draw costs some microseconds, whatever its size. */
const poolBytes = 4096;
/** What is longer may be a key: it is drawn alone, so that no pool holds it. */
const maxPooledBytes = 16;

/** Random hex digits; those of ids come from a pool. */
function pooledHex(): (length: number) => string {
  const pool = Buffer.alloc(poolBytes);
  let used = poolBytes;
  return (length) => {
    const bytes = Math.ceil(length / 2);
    if (bytes > maxPooledBytes) return randomBytes(bytes).toString("hex").slice(0, length);
    if (used + bytes > poolBytes) {
      randomFillSync(pool);
      used = 0;
    }
    used += bytes;
    const digits = pool.toString("hex", used - bytes, used);
    return digits.length === length ? digits : digits.slice(0, length);
  };
}

export const systemIds: IdSource = {
  hex: pooledHex(),
  word: (length) => Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join(""),
  now: () => Date.now(),
};

/** The Unix time in whole seconds. */
export function unixSeconds(ids: IdSource): number {
  return Math.floor(ids.now() / 1000);
}

/**
 * An id in the vendor's form: 32 lower-case hex digits, the first 8 of them the seconds since 2023-01-01 UTC
 * (raw answers, 2026-06). Answers and `request_id` share it.
 */
export function vendorId(ids: IdSource): string {
  const seconds = unixSeconds(ids) - vendorEpoch;
  return seconds.toString(16).padStart(8, "0").slice(-8) + ids.hex(24);
}

/**
 * A maker of tool-call ids for one answer: `call_function_<12>_<n>`, n from 1; calls of one answer share the middle
 * (raw answers, 2026-06).
 */
export function callIds(ids: IdSource): () => string {
  // most answers have no call
  let middle: string | undefined;
  let ordinal = 0;
  return () => {
    middle ??= ids.word(12);
    return `call_function_${middle}_${++ordinal}`;
  };
}

import { createHmac, hash as oneShotHash, timingSafeEqual } from "node:crypto";
import { ParleyError } from "../model/error.ts";
import type { KeyId } from "../model/id.ts";
import type { Limits } from "../model/limit.ts";
import { clientAddress, inRanges, type Origin } from "./address.ts";

export type { Origin } from "./address.ts";

/**
 * Who may. Fails closed: a key that is not found is answered with 401; when the store cannot be read, its error is passed
 * on and the request is refused. Keys are looked up on every request, in memory where the store knows that nothing has
 * changed, so that a change holds for the next request of every process.
 */

/** Who sends a request. */
export interface Caller {
  keyId: KeyId;
  name: string;
  /** Id of the organisation the key belongs to. */
  organisation?: string | undefined;
  /** Names of the models it may use; absent: all. */
  models?: readonly string[] | undefined;
  /** The key's own limits; absent: the configured ones. */
  limits?: Limits | undefined;
  organisationLimits?: Limits | undefined;
}

/** A key that is known, enabled and not expired. */
export interface KnownKey {
  caller: Caller;
  /** Addresses and CIDR ranges it may be used from; absent: all. */
  ranges?: readonly string[] | undefined;
}

/** Finds a stored key by its hash, or by the key itself; `undefined` for unknown, disabled and expired ones. */
export type KeyLookup = (hash: string, key: string) => Promise<KnownKey | undefined>;

/** The form in which a key is stored and compared. */
export type KeyHash = (key: string) => string;

export interface AuthenticateOptions {
  staticKeys: readonly string[];
  hash: KeyHash;
  lookup: KeyLookup;
  /** Addresses and CIDR ranges of proxies whose `X-Forwarded-For` is believed. */
  trustedProxies?: readonly string[] | undefined;
}

/** Throws `ParleyError`. */
export type Authenticate = (authorization: string | undefined, origin: Origin) => Promise<Caller>;

/** Bytes of a block of SHA-256 and of its result. */
const blockBytes = 64;
const digestBytes = 32;
/** What is longer is hashed in the usual way: it is no key, or one that will not be found. */
const usualKeyBytes = 512;

/**
 * Hex HMAC-SHA256 under the installation's secret. Keys are random and long, so one fast round is enough; the secret
 * makes a stolen table of hashes useless for testing guesses.
 *
 * Every request needs one: two hashes of whole texts (RFC 2104) take a third of the time of an object for each HMAC.
 */
export function keyHash(secret: string): KeyHash {
  const inner = paddedSecret(secret, 0x36, usualKeyBytes);
  const outer = paddedSecret(secret, 0x5c, digestBytes);
  return (key) => {
    const end = blockBytes + Buffer.byteLength(key, "utf8");
    if (end > inner.length) return createHmac("sha256", secret).update(key, "utf8").digest("hex");
    inner.write(key, blockBytes, "utf8");
    outer.write(sha256(inner.subarray(0, end)), blockBytes, "hex");
    // no key stays in memory for longer than needed
    inner.fill(0, blockBytes, end);
    return sha256(outer);
  };
}

/** The secret as one block, each byte of it changed by `pad`, and room for more behind it. */
function paddedSecret(secret: string, pad: number, roomBytes: number): Buffer {
  const long = Buffer.byteLength(secret, "utf8") > blockBytes;
  const bytes = long ? Buffer.from(sha256(secret), "hex") : Buffer.from(secret, "utf8");
  const padded = Buffer.alloc(blockBytes + roomBytes);
  for (let at = 0; at < blockBytes; at += 1) padded[at] = (bytes[at] ?? 0) ^ pad;
  return padded;
}

function sha256(data: string | Buffer): string {
  return oneShotHash("sha256", data, "hex");
}

/** The form in which the settings may name a key without holding it; for keys that are random and long. */
export function plainKeyHash(key: string): string {
  return `sha256:${sha256(key)}`;
}

/**
 * Id of a key of the configuration, by its hash: what a key owns is its own wherever it stands in the list, and no one's
 * when it has left the list.
 */
export function staticKeyId(hash: string): KeyId {
  return `static-${hash.slice(0, 16)}`;
}

/** Keys are compared by their hashes in constant time, every static key on every request. */
export function createAuthenticate(options: AuthenticateOptions): Authenticate {
  const compare = fixedKeys(options.staticKeys, options.hash);
  return async (authorization, origin) => {
    const key = bearer(authorization);
    const hash = options.hash(key);
    const index = compare(hash);
    if (index >= 0) return { keyId: staticKeyId(hash), name: `static key ${index + 1}` };
    const found = await options.lookup(hash, key);
    if (found === undefined) throw new ParleyError("key-rejected", "invalid api key");
    const from = clientAddress(origin, options.trustedProxies ?? []);
    if (found.ranges !== undefined && !inRanges(from, found.ranges)) {
      throw new ParleyError("forbidden", "this key may not be used from this address");
    }
    return found.caller;
  };
}

/**
 * The check of the admin API. Fails closed: without configured admin keys everyone is refused, and a key of the model
 * API opens nothing here. Returns what the audit log calls the admin key: the beginning of its hash.
 */
export function createAdminCheck(
  adminKeys: readonly string[],
  hash: KeyHash,
): (authorization: string | undefined) => string {
  const compare = fixedKeys(adminKeys, hash);
  return (authorization) => {
    if (adminKeys.length === 0) {
      throw new ParleyError("not-found", "the admin API is off: set adminKeys (PARLEY_ADMIN_KEYS) to use it");
    }
    const wanted = hash(bearer(authorization));
    if (compare(wanted) < 0) throw new ParleyError("key-rejected", "invalid admin key");
    return `admin-${wanted.slice(0, 16)}`;
  };
}

/** Whether a key with these model names may use that one; names match without regard to case. */
export function mayUse(allowed: readonly string[] | undefined, model: string): boolean {
  return allowed === undefined || allowed.some((name) => name.toLowerCase() === model.toLowerCase());
}

/** Finds the index of the key with the given hash, -1 when there is none. It compares all of them, in constant time. */
function fixedKeys(keys: readonly string[], hash: KeyHash): (hash: string) => number {
  const digests = keys.map((key) => Buffer.from(hash(key), "hex"));
  if (digests.length === 0) return () => -1;
  return (wanted) => {
    const digest = Buffer.from(wanted, "hex");
    let found = -1;
    for (const [index, one] of digests.entries()) if (timingSafeEqual(one, digest)) found = index;
    return found;
  };
}

function bearer(authorization: string | undefined): string {
  if (authorization === undefined || authorization.trim() === "") {
    throw new ParleyError("unauthenticated", "no API key in the Authorization header");
  }
  const match = /^Bearer +(\S+)$/i.exec(authorization.trim());
  if (match?.[1] !== undefined) return match[1];
  const message = "invalid api key: the Authorization header must be `Bearer`, a space and the key";
  throw new ParleyError("key-rejected", message);
}

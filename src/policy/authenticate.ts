import { createHash, timingSafeEqual } from "node:crypto";
import { ParleyError } from "../model/error.ts";

/**
 * Who may. Fails closed: without a proof that the key is known, the answer is 401; when the store cannot be asked, the
 * error is passed on and the request is refused.
 */

/** Who sends a request. */
export interface Caller {
  /** Stable id of the key; `static-<n>` for keys from the configuration. */
  keyId: string;
  name: string;
}

/** Finds a stored key by its hash; `undefined` for unknown, disabled and expired ones. */
export type KeyLookup = (hash: string) => Promise<Caller | undefined>;

export interface AuthenticateOptions {
  staticKeys: readonly string[];
  lookup: KeyLookup;
}

export type Authenticate = (authorization: string | undefined) => Promise<Caller>;

/** The form in which a key is stored and compared: hex SHA-256. Keys are random and long, so no salt is needed. */
export function hashKey(key: string): string {
  return createHash("sha256").update(key, "utf8").digest("hex");
}

/** Keys are compared by their hashes in constant time, every static key on every request. */
export function createAuthenticate(options: AuthenticateOptions): Authenticate {
  const fixed = options.staticKeys.map((key, index) => ({
    digest: createHash("sha256").update(key, "utf8").digest(),
    caller: { keyId: `static-${index + 1}`, name: `static key ${index + 1}` },
  }));
  return async (authorization) => {
    const key = bearer(authorization);
    const digest = createHash("sha256").update(key, "utf8").digest();
    let found: Caller | undefined;
    for (const one of fixed) if (timingSafeEqual(one.digest, digest)) found = one.caller;
    found ??= await options.lookup(digest.toString("hex"));
    if (found === undefined) throw new ParleyError("key-rejected", "invalid api key");
    return found;
  };
}

function bearer(authorization: string | undefined): string {
  if (authorization === undefined || authorization.trim() === "") {
    throw new ParleyError("unauthenticated", "no API key in the Authorization header");
  }
  const match = /^Bearer +(\S+)$/i.exec(authorization.trim());
  if (match?.[1] === undefined) throw new ParleyError("key-rejected", "the Authorization header is not `Bearer <key>`");
  return match[1];
}

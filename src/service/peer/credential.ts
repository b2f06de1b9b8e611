import { timingSafeEqual } from "node:crypto";
import type { KeyId } from "../../model/id.ts";
import type { KeyHash } from "../../policy/authenticate.ts";
import type { WorkerId } from "../../store/store.ts";

/** One request that a process sends to another one, for a caller whose key it has checked. */
export interface PeerRequest {
  /** The process that is meant; another one that got its port meanwhile refuses the request. */
  to: WorkerId;
  /** The caller's key. */
  keyId: KeyId;
  method: string;
  /** With its query. */
  path: string;
}

/** Headers of a request between processes: the caller's key in base64url, and the credential. */
export const keyHeader = "x-parley-peer-key";
export const credentialHeader = "x-parley-peer";

/**
 * What shows that a request comes from a process on the same store: an HMAC of the whole request under the installation's
 * secret. It is good for this one request at this one process, and does not disclose the secret.
 */
export function peerCredential({ to, keyId, method, path }: PeerRequest, hash: KeyHash): string {
  return hash(`peer:${JSON.stringify([to, keyId, method, path])}`);
}

/** Whether a credential is that of the request; in constant time. */
export function isPeerCredential(found: string, request: PeerRequest, hash: KeyHash): boolean {
  const [given, wanted] = [Buffer.from(found), Buffer.from(peerCredential(request, hash))];
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

export function encodeKeyId(keyId: KeyId): string {
  return Buffer.from(keyId).toString("base64url");
}

export function decodeKeyId(header: string): KeyId {
  return Buffer.from(header, "base64url").toString();
}

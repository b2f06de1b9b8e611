import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";

/** The version prefixes of encrypted texts: one that anybody may bring back, and one that only its owner may. */
const prefixes = { free: "p1.", owned: "p2." } as const;
const nonceBytes = 12;
const tagBytes = 16;

/** Authenticated encryption of texts that callers carry for the server. */
export interface TextCipher {
  /** The encrypted text in base64url, with a version prefix. A random nonce makes every result different. */
  encrypt(text: string): string;
  /** Throws an `Error` for a text that was encrypted with another key or for another owner, was changed, or was never encrypted. */
  decrypt(encrypted: string): string;
  /**
   * A cipher with the same key whose texts no other owner can decrypt. It also decrypts texts without an owner, which were
   * written before there were owners.
   */
  ofOwner(owner: string): TextCipher;
}

/** AES-256-GCM with a key derived from `secret`, which should hold 32 random bytes or more. */
export function textCipher(secret: string | Uint8Array): TextCipher {
  const key = createHash("sha256").update("parley text seal ").update(secret).digest();
  return cipherOf(key, undefined);
}

function cipherOf(key: Buffer, owner: string | undefined): TextCipher {
  const prefix = owner === undefined ? prefixes.free : prefixes.owned;
  return {
    encrypt(text) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      if (owner !== undefined) cipher.setAAD(Buffer.from(owner));
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return prefix + Buffer.concat([nonce, body, cipher.getAuthTag()]).toString("base64url");
    },
    decrypt(encrypted) {
      const owned = owner !== undefined && encrypted.startsWith(prefixes.owned);
      const known = owned || encrypted.startsWith(prefixes.free);
      const bytes = Buffer.from(known ? encrypted.slice(prefixes.free.length) : "", "base64url");
      if (bytes.length < nonceBytes + tagBytes) throw new Error("not an encrypted text");
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes));
      if (owned) decipher.setAAD(Buffer.from(owner));
      decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
      const body = bytes.subarray(nonceBytes, bytes.length - tagBytes);
      return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
    },
    ofOwner: (other) => cipherOf(key, other),
  };
}

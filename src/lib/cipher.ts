import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";

/** The version prefix of every encrypted text; a later format takes another one. */
const version = "p1.";
const nonceBytes = 12;
const tagBytes = 16;

/** Authenticated encryption of texts that callers carry for the server. */
export interface TextCipher {
  /** The encrypted text in base64url, with a version prefix. A random nonce makes every result different. */
  encrypt(text: string): string;
  /** Throws an `Error` for a text that was encrypted with another key, was changed, or was never encrypted. */
  decrypt(encrypted: string): string;
}

/** AES-256-GCM with a key derived from `secret`, which should hold 32 random bytes or more. */
export function textCipher(secret: string | Uint8Array): TextCipher {
  const key = createHash("sha256").update("parley text seal ").update(secret).digest();
  return {
    encrypt(text) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return version + Buffer.concat([nonce, body, cipher.getAuthTag()]).toString("base64url");
    },
    decrypt(encrypted) {
      const bytes = Buffer.from(encrypted.startsWith(version) ? encrypted.slice(version.length) : "", "base64url");
      if (bytes.length < nonceBytes + tagBytes) throw new Error("not an encrypted text");
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes));
      decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
      const body = bytes.subarray(nonceBytes, bytes.length - tagBytes);
      return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
    },
  };
}

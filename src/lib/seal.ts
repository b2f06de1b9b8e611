import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";

/** Told in front of a sealed text; a later form gets another one. */
const version = "p1.";
const nonceBytes = 12;
const tagBytes = 16;

/** Authenticated encryption of texts that travel through callers' hands. */
export interface TextSeal {
  /** A text in base64url; the same text gives another one every time. */
  seal(text: string): string;
  /** Throws for anything that was not sealed with the same key, or was changed since. */
  open(sealed: string): string;
}

/** AES-256-GCM under a key made from the given secret, which should hold 32 random bytes or more. */
export function textSeal(secret: string | Uint8Array): TextSeal {
  const key = createHash("sha256").update("parley text seal ").update(secret).digest();
  return {
    seal(text) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return version + Buffer.concat([nonce, body, cipher.getAuthTag()]).toString("base64url");
    },
    open(sealed) {
      const bytes = Buffer.from(sealed.startsWith(version) ? sealed.slice(version.length) : "", "base64url");
      if (bytes.length < nonceBytes + tagBytes) throw new Error("not a sealed text");
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes));
      decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
      const body = bytes.subarray(nonceBytes, bytes.length - tagBytes);
      return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
    },
  };
}

import type { TextCipher } from "../../lib/cipher.ts";

/** Written before the text, so that encrypted reasoning cannot be sent back as a summary of the conversation. */
const prefixes = { reasoning: "reasoning:", compaction: "compaction:" } as const;

type Kind = keyof typeof prefixes;

/** The cipher of one owner's texts; the server's own where there is no owner. */
export function cipherFor(cipher: TextCipher, owner: string | undefined): TextCipher {
  return owner === undefined ? cipher : cipher.ofOwner(owner);
}

export function encryptText(cipher: TextCipher, kind: Kind, text: string): string {
  return cipher.encrypt(prefixes[kind] + text);
}

/** The text; `undefined` where it was not encrypted by this server for this owner, or is of another kind. */
export function decryptText(cipher: TextCipher | undefined, kind: Kind, encrypted: string): string | undefined {
  if (cipher === undefined) return undefined;
  try {
    const text = cipher.decrypt(encrypted);
    return text.startsWith(prefixes[kind]) ? text.slice(prefixes[kind].length) : undefined;
  } catch {
    return undefined;
  }
}

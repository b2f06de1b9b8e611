import type { TextCipher } from "../../lib/cipher.ts";
import { cipherFor, decryptText, encryptText } from "../shared/encrypted-text.ts";

/**
 * Signatures of thinking blocks. The vendor's are 64 lower-case hexadecimal digits and so are ours, where the block shows
 * its text. A client that asked for `display: "omitted"` gets no text and sends none back, so there the signature is the
 * text, encrypted for its owner.
 */
export interface Signer {
  /** 64 lower-case hexadecimal digits, the same for the same text. */
  sign: (text: string) => string;
  cipher: TextCipher;
}

export function sealedThinking({ cipher }: Signer, owner: string | undefined, text: string): string {
  return encryptText(cipherFor(cipher, owner), "reasoning", text);
}

/** The text in a signature; `undefined` where it holds none that this server encrypted for this owner. */
export function thinkingOf({ cipher }: Signer, owner: string | undefined, signature: string): string | undefined {
  return decryptText(cipherFor(cipher, owner), "reasoning", signature);
}

/**
 * Encrypts and authenticates what a stateless caller carries for us. `open` throws, or answers something else than was
 * sealed, only for texts it did not seal.
 */
export interface Seal {
  seal(text: string): string;
  open(sealed: string): string;
}

/** Says what is inside, so that a sealed thought cannot be sent back as a summary of the conversation. */
const marks = { reasoning: "reasoning:", compaction: "compaction:" } as const;

export function sealText(seal: Seal, kind: keyof typeof marks, text: string): string {
  return seal.seal(marks[kind] + text);
}

/** The sealed text; `undefined` where it is not ours or of another kind. */
export function openText(seal: Seal | undefined, kind: keyof typeof marks, sealed: string): string | undefined {
  if (seal === undefined) return undefined;
  try {
    const opened = seal.open(sealed);
    return opened.startsWith(marks[kind]) ? opened.slice(marks[kind].length) : undefined;
  } catch {
    return undefined;
  }
}

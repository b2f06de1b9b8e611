const replacement = "\uFFFD";
/** A UTF-8 character has at most 4 bytes, so the beginning of an unfinished one lies within the last 3 tokens. */
const maxWaitTokens = 3;
/** Earlier tokens that decide whether a word's leading space is written (SentencePiece vocabularies). */
const lookBackTokens = 4;

export type Detokenize<Token> = (tokens: readonly Token[], before: readonly Token[]) => string;

/**
 * Tokens in, text out, never a part of a character: an unfinished one waits for the token that ends it, and is dropped
 * where none comes. Bytes that can never become a character are dropped, too: no client can do anything with U+FFFD, and
 * the vendor's host checks count each one as a broken character.
 */
export class TokenText<Token> {
  // fixed at birth
  private readonly detokenize: Detokenize<Token>;
  // changed by events
  private before: readonly Token[];
  /** Tokens since the last token that ended a character. */
  private pending: readonly Token[] = [];
  /** Characters of their text that `feed` has returned. */
  private shown = 0;

  /** `before`: the prompt's tokens. */
  constructor(detokenize: Detokenize<Token>, before: readonly Token[]) {
    this.detokenize = detokenize;
    this.before = before.slice(-lookBackTokens);
  }

  /** The text that is complete with this token; may be empty. */
  feed(token: Token): string {
    this.pending = [...this.pending, token];
    const whole = this.detokenize(this.pending, this.before);
    // a decoder shows the beginning of a character as one replacement sign
    const waits = whole.endsWith(replacement);
    const end = waits ? whole.length - 1 : whole.length;
    const text = whole.slice(this.shown, end).replaceAll(replacement, "");
    this.shown = end;
    const keep = waits ? Math.min(maxWaitTokens, this.pending.length) : 0;
    if (keep < this.pending.length) this.forget(this.pending.length - keep);
    return text;
  }

  private forget(count: number): void {
    this.before = [...this.before, ...this.pending.slice(0, count)].slice(-lookBackTokens);
    this.pending = this.pending.slice(count);
    this.shown = this.pending.length === 0 ? 0 : this.detokenize(this.pending, this.before).length - 1;
  }
}

const replacement = "\uFFFD";
/** A UTF-8 character has at most 4 bytes, so at most 3 tokens wait for the one that completes it. */
const longestWait = 3;
/** Earlier tokens that decide whether a word's leading space is written (SentencePiece vocabularies). */
const lookBack = 4;

export type Detokenize<Token> = (tokens: readonly Token[], before: readonly Token[]) => string;

/**
 * Tokens in, text out, never a part of a character: bytes of an unfinished one wait for the token that ends it. Bytes
 * that can never become a character come out as U+FFFD, as in any decoder.
 */
export class TokenText<Token> {
  // fixed at birth
  private readonly detokenize: Detokenize<Token>;
  // changed by events
  private before: readonly Token[];
  private pending: readonly Token[] = [];

  /** `before`: the prompt's tokens. */
  constructor(detokenize: Detokenize<Token>, before: readonly Token[]) {
    this.detokenize = detokenize;
    this.before = before.slice(-lookBack);
  }

  /** The text that is complete with this token; may be empty. */
  feed(token: Token): string {
    this.pending = [...this.pending, token];
    const text = this.detokenize(this.pending, this.before);
    if (!text.endsWith(replacement)) return this.settle(this.pending.length, text);
    return this.beforeTail(text);
  }

  /** What waited when the answer ended; bytes that never became a character are dropped. */
  end(): string {
    const text = this.detokenize(this.pending, this.before);
    this.pending = [];
    return text.replace(/\uFFFD+$/u, "");
  }

  /** The last tokens may hold a character's beginning: the shortest tail that can be cut off without a change waits. */
  private beforeTail(whole: string): string {
    const most = Math.min(longestWait, this.pending.length);
    for (let tail = 1; tail <= most; tail++) {
      const cut = this.pending.length - tail;
      const text = cut === 0 ? "" : this.detokenize(this.pending.slice(0, cut), this.before);
      const rest = this.detokenize(this.pending.slice(cut), [...this.before, ...this.pending.slice(0, cut)]);
      if (text + rest === whole) return this.settle(cut, text);
    }
    return this.settle(this.pending.length, whole);
  }

  private settle(count: number, text: string): string {
    this.before = [...this.before, ...this.pending.slice(0, count)].slice(-lookBack);
    this.pending = this.pending.slice(count);
    return text;
  }
}

/**
 * Whether the answer so far ends inside Markdown code (a fence, or an open backtick on the line). A tag there is
 * text about tags: an answer that shows `<think>` in a code block must not turn into reasoning from there on.
 */
export class CodeSpan {
  // changed by events
  /** Inside a fence that was opened on an earlier line. */
  private fenced = false;
  /** Backticks on the current line. */
  private ticks = 0;
  /** The first characters of the current line; a fence shows within them. */
  private head = "";

  /** Whether what comes next, beginning with `next`, stands in code. */
  holds(next: string): boolean {
    if (next === "\n") return this.fenced !== this.atFence();
    return this.fenced || this.ticks % 2 === 1 || this.atFence();
  }

  observe(text: string): void {
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      this.observePart(text.slice(start, end));
      this.endLine();
      start = end + 1;
    }
    this.observePart(start === 0 ? text : text.slice(start));
  }

  /** A part of a line. */
  private observePart(part: string): void {
    if (this.head.length < 8) this.head += part.slice(0, 8 - this.head.length);
    for (let at = part.indexOf("`"); at >= 0; at = part.indexOf("`", at + 1)) this.ticks += 1;
  }

  private endLine(): void {
    if (this.atFence()) this.fenced = !this.fenced;
    this.ticks = 0;
    this.head = "";
  }

  private atFence(): boolean {
    return /^ {0,3}(?:```|~~~)/.test(this.head);
  }
}

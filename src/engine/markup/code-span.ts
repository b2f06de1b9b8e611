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
    const lines = text.split("\n");
    for (const [index, line] of lines.entries()) {
      if (index > 0) this.endLine();
      if (this.head.length < 8) this.head += line.slice(0, 8 - this.head.length);
      for (let at = line.indexOf("`"); at !== -1; at = line.indexOf("`", at + 1)) this.ticks += 1;
    }
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

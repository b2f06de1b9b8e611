/** The text a push parser has not read yet. It stays short: readers take what they can and leave a possible tag's start. */
export class Cursor {
  // changed by events
  text = "";
  at = 0;
  /** A high surrogate whose other half has not come yet: no delta ever ends inside a character. */
  private half = "";

  push(piece: string): void {
    const fresh = this.half + piece;
    const split = (fresh.charCodeAt(fresh.length - 1) & 0xfc00) === 0xd800 ? fresh.length - 1 : fresh.length;
    this.half = fresh.slice(split);
    this.text = this.text.slice(this.at) + fresh.slice(0, split);
    this.at = 0;
  }

  /** No more text comes. */
  finish(): void {
    this.text += this.half;
    this.half = "";
  }

  get empty(): boolean {
    return this.at >= this.text.length;
  }

  /** The next UTF-16 unit, or `""`. */
  peek(): string {
    return this.text.charAt(this.at);
  }

  take(length: number): string {
    const taken = this.text.slice(this.at, this.at + length);
    this.at += taken.length;
    return taken;
  }

  takeAll(): string {
    return this.take(this.text.length - this.at);
  }

  /** Steps over white space and gives it. */
  skipSpace(): string {
    const from = this.at;
    while (!this.empty && /\s/.test(this.peek())) this.at += 1;
    return this.text.slice(from, this.at);
  }
}

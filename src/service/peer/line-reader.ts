const lineFeed = 0x0a;

/** Cuts what arrives into lines. */
export class LineReader {
  /** What has arrived of a line that is not complete; changed by `push`. */
  private rest: Buffer[] = [];

  /** Bytes of the line that is not complete. */
  get restBytes(): number {
    return this.rest.reduce((sum, { length }) => sum + length, 0);
  }

  /** The lines that are complete now, without their ends. */
  push(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = [];
    let from = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, from)) {
      const piece = chunk.subarray(from, end);
      lines.push(this.rest.length === 0 ? piece : Buffer.concat([...this.rest, piece]));
      this.rest = [];
      from = end + 1;
    }
    if (from < chunk.length) this.rest.push(chunk.subarray(from));
    return lines;
  }
}

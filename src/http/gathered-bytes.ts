/** Blocks of this size come from the system one by one, and go back to it one by one (bin/parley.js). */
const blockBytes = 256 * 1024;

/**
 * What arrives in many pieces, gathered in blocks: pieces that are kept would lie scattered among others in the memory of the C
 * library, which then gives nothing back.
 */
export class GatheredBytes {
  // changed by events
  /** All but the last one are full. */
  private blocks: Buffer[] = [];
  /** The last block, and how much of it is used. */
  private last = Buffer.alloc(0);
  private used = 0;

  /** Copies a piece. */
  add(piece: Buffer): void {
    for (let at = 0; at < piece.length;) {
      if (this.used === this.last.length) this.begin(piece.length);
      const copied = piece.copy(this.last, this.used, at);
      this.used += copied;
      at += copied;
    }
  }

  /** Everything so far, in blocks; nothing is held afterwards. */
  take(): Buffer[] {
    const all = this.used === 0 ? [] : [...this.blocks, this.last.subarray(0, this.used)];
    this.clear();
    return all;
  }

  clear(): void {
    this.blocks = [];
    this.last = Buffer.alloc(0);
    this.used = 0;
  }

  /** Most bodies have one piece: the first block is as large as that. */
  private begin(firstBytes: number): void {
    const isFirst = this.last.length === 0;
    if (!isFirst) this.blocks.push(this.last);
    this.last = Buffer.allocUnsafeSlow(isFirst ? Math.min(firstBytes, blockBytes) : blockBytes);
    this.used = 0;
  }
}

/** The same for who keeps the pieces apart: each is copied as a whole, and lies beside the one before it. */
export class PieceBlocks {
  // changed by events
  /** What is free of the last block. */
  private free = Buffer.alloc(0);

  /** The same bytes in a block; the piece itself is given back. */
  move(piece: Buffer): Buffer {
    if (piece.length > this.free.length) this.free = Buffer.allocUnsafeSlow(Math.max(blockBytes, piece.length));
    const copy = this.free.subarray(0, piece.copy(this.free));
    this.free = this.free.subarray(copy.length);
    release(piece);
    return copy;
  }
}

/**
 * Gives the memory of a piece back now instead of at some collection; no one may read it afterwards. Of memory that others share
 * nothing is given back.
 */
export function release(piece: Buffer): void {
  const { buffer } = piece;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === piece.length) buffer.transfer(0);
}

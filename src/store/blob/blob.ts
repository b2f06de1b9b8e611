import type { Readable } from "node:stream";

/** The port to what uploaded files hold: large, opaque, found by the number of their record. */
export interface BlobStore {
  /** Takes over a spooled file; on return it is kept. Throws `ParleyError` (`overloaded`, `upstream`). */
  put(id: number, spooled: Spooled): Promise<void>;
  /**
   * `undefined` where there is none. To be read to its end or destroyed; a blob that is deleted meanwhile is still
   * read to its end.
   */
  read(id: number): Promise<Readable | undefined>;
  /** It is no error where there is none. */
  delete(id: number): Promise<void>;
  close(): Promise<void>;
}

/** A file on the local disk that waits for its place; it belongs to whoever holds this. */
export interface Spooled {
  path: string;
  bytes: number;
  /** Hex. */
  sha256: string;
}

/** Where uploads are written while they come in: nothing is ever whole in memory. */
export interface Spool {
  /** Leaves nothing behind when the chunks end with an error. Throws `overloaded` when the disk is full. */
  receive(chunks: AsyncIterable<Uint8Array>): Promise<Spooled>;
  /** Forgets a spooled file that found no place. */
  discard(spooled: Spooled): Promise<void>;
  /** Deletes what processes left that did not live to do it. */
  sweep(now: number): Promise<void>;
}

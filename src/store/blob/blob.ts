import type { Readable } from "node:stream";

/** The port to what uploaded files hold: large, opaque, found by the number of their record. */
export interface BlobStore {
  /** Takes over a spooled file; on return it is durable. Throws `ParleyError` (`unavailable`, `upstream`). */
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

/** A received file on the local disk; its holder stores or discards it. */
export interface Spooled {
  path: string;
  bytes: number;
  /** Hex. */
  sha256: string;
}

/** Where uploads are written while they are received: none is in memory as a whole. */
export interface Spool {
  /** Writes the chunks to a file; leaves nothing behind when they end with an error. Throws `unavailable` when the disk is full or read-only. */
  receive(chunks: AsyncIterable<Uint8Array>): Promise<Spooled>;
  /** Deletes a spooled file that was not stored. */
  discard(spooled: Spooled): Promise<void>;
  /** Deletes the files of processes that ended before they could. */
  sweep(now: number): Promise<void>;
}

import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from "node:fs";

/** Enough for the pages that some dozens of small changes write. */
const reserveBytes = 256 * 1024;

/**
 * Room on the disk that only changes of rows which are there may use: a file beside the database, which is deleted when a disk
 * is full. What would add something finds no room then, and deleting still does.
 */
export class DiskReserve {
  // fixed at birth
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Takes the room, where it is not taken; whether it is now. */
  fill(): boolean {
    if (statSync(this.path, { throwIfNoEntry: false })?.size === reserveBytes) return true;
    try {
      const file = openSync(this.path, "w", 0o600);
      try {
        writeSync(file, Buffer.alloc(reserveBytes));
        // room that a file system only promises is none
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      return true;
    } catch {
      this.release();
      return false;
    }
  }

  /** Gives the room to what is written next; whether there was any. */
  release(): boolean {
    const isThere = statSync(this.path, { throwIfNoEntry: false }) !== undefined;
    rmSync(this.path, { force: true });
    return isThere;
  }
}

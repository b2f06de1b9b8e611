import { createHash } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { deleteAbandoned } from "../../lib/abandoned.ts";
import { diskFault } from "../../lib/disk-fault.ts";
import { ownedName } from "../../lib/owner.ts";
import { plainError } from "../../model/error.ts";
import type { BlobStore, Spool, Spooled } from "./blob.ts";

/** An upload writes all the time: a file of another machine that was not changed for this long has lost its process. */
const unchangedMs = 3_600_000;
/** Seconds after which a new try makes sense: an operator has to act. */
const retryAfter = 60;

/** Uploads being received, in `incoming` below the folder, under names of this process and readable by the owner only. */
export class DiskSpool implements Spool {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = join(folder, "incoming");
  }

  async receive(chunks: AsyncIterable<Uint8Array>): Promise<Spooled> {
    const path = join(this.folder, ownedName());
    try {
      return await this.write(path, chunks);
    } catch (error) {
      await rm(path, { force: true });
      throw readable(error);
    }
  }

  async discard(spooled: Spooled): Promise<void> {
    await rm(spooled.path, { force: true });
  }

  sweep(now: number): Promise<void> {
    return deleteAbandoned(this.folder, { prefix: "", unchangedMs, now });
  }

  private async write(path: string, chunks: AsyncIterable<Uint8Array>): Promise<Spooled> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const hash = createHash("sha256");
    let bytes = 0;
    await using file = await open(path, "wx", 0o600);
    for await (const chunk of chunks) {
      await file.writeFile(chunk);
      hash.update(chunk);
      bytes += chunk.length;
    }
    // a stored file survives a loss of power
    await file.sync();
    return { path, bytes, sha256: hash.digest("hex") };
  }
}

/** Blobs as files `<id>` in a folder. */
export class DiskBlobs implements BlobStore {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async put(id: number, spooled: Spooled): Promise<void> {
    await rename(spooled.path, this.path(id)).catch((error: unknown) => {
      throw readable(error);
    });
  }

  async read(id: number): Promise<Readable | undefined> {
    const file = await open(this.path(id)).catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    });
    // the open file outlives its name
    return file?.createReadStream({ highWaterMark: 1 << 18 });
  }

  async delete(id: number): Promise<void> {
    await rm(this.path(id), { force: true });
  }

  async close(): Promise<void> {}

  private path(id: number): string {
    return join(this.folder, id.toString());
  }
}

/** A full or read-only disk as `unavailable`; any other error as it is. */
function readable(error: unknown): unknown {
  const fault = diskFault(error);
  if (fault === undefined) return error;
  const words = fault === "full" ? "has no room left to keep the file" : "cannot write the file";
  return plainError("unavailable", `the server ${words}`, { cause: error, retryAfter });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

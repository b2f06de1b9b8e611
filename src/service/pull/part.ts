import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile, rename, rm, stat, writeFile, type FileHandle } from "node:fs/promises";
import { isObject } from "../../model/json.ts";

/** What has to be the same on both sides for a part to be resumed. */
export interface PartFacts {
  url: string;
  /** The strong entity tag of the first answer. */
  etag?: string | undefined;
  sha256?: string | undefined;
  /** Bytes of the whole file. */
  total?: number | undefined;
}

/** The path of a file's facts, during the download and after it. */
export function factsPath(target: string): string {
  return `${target}.json`;
}

/** A file that is being downloaded: its bytes in `<file>.part`, their facts in `<file>.json`. */
export class PartFile {
  // fixed at birth
  readonly target: string;
  readonly path: string;
  // changed by events
  /** What is known of the part; found by `find`, set by `restart`, forgotten by `discard`. */
  private facts: PartFacts | undefined;
  /** Bytes in the part so far. */
  private bytes = 0;
  /** SHA-256 of these bytes. */
  private hash: Hash = createHash("sha256");
  /** Open between `resume` or `restart` and `close`. */
  private handle: FileHandle | undefined;

  private constructor(target: string) {
    this.target = target;
    this.path = `${target}.part`;
  }

  /** Looks for a part from the same address and computes the checksum of its bytes. */
  static async find(target: string, url: string): Promise<PartFile> {
    const part = new PartFile(target);
    const facts = await readFacts(target);
    const found = await stat(part.path).catch(() => undefined);
    // without a tag or a checksum a changed file on the hub would go unnoticed
    const traceable = facts?.etag !== undefined || facts?.sha256 !== undefined;
    if (facts?.url !== url || !traceable || found?.isFile() !== true || found.size === 0) return part;
    part.facts = facts;
    part.bytes = found.size;
    for await (const piece of createReadStream(part.path)) part.hash.update(piece as Buffer);
    return part;
  }

  get size(): number {
    return this.bytes;
  }

  get known(): PartFacts | undefined {
    return this.facts;
  }

  /** Headers that request the rest; none when there is nothing to resume or the hub's file has changed. */
  range(sha256: string | undefined): Record<string, string> {
    if (this.bytes === 0 || this.facts === undefined) return {};
    if (sha256 !== undefined && this.facts.sha256 !== undefined && sha256 !== this.facts.sha256) return {};
    const { etag } = this.facts;
    return { range: `bytes=${this.bytes}-`, ...(etag === undefined ? {} : { "if-range": etag }) };
  }

  /** Opens for writing where the part ends. */
  async resume(): Promise<void> {
    this.handle = await open(this.path, "a");
  }

  /** Opens for writing from the first byte. */
  async restart(facts: PartFacts): Promise<void> {
    this.facts = facts;
    this.bytes = 0;
    this.hash = createHash("sha256");
    this.handle = await open(this.path, "w");
    await writeFile(factsPath(this.target), JSON.stringify(facts));
  }

  async write(piece: Uint8Array): Promise<void> {
    await this.handle?.writeFile(piece);
    this.hash.update(piece);
    this.bytes += piece.byteLength;
  }

  async close(): Promise<void> {
    const { handle } = this;
    this.handle = undefined;
    await handle?.close();
  }

  /** The checksum of everything written, in hexadecimal; nothing can be written after it. */
  checksum(): string {
    return this.hash.digest("hex");
  }

  /** Whether the part is a GGUF file: its first four bytes are `GGUF`. */
  async isGguf(): Promise<boolean> {
    const handle = await open(this.path, "r");
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
      return bytesRead === 4 && buffer.toString("latin1") === "GGUF";
    } finally {
      await handle.close();
    }
  }

  /** Renames the part to the file, after it is safe on the disk; its facts stay beside it. */
  async finish(sha256: string): Promise<void> {
    const handle = await open(this.path, "r+");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await writeFile(factsPath(this.target), JSON.stringify({ ...this.facts, sha256 }));
    await rename(this.path, this.target);
  }

  async discard(): Promise<void> {
    await this.close();
    await rm(this.path, { force: true });
    await rm(factsPath(this.target), { force: true });
    this.facts = undefined;
    this.bytes = 0;
    this.hash = createHash("sha256");
  }
}

/** The facts of a file or of its part; `undefined` where there are none. */
export async function readFacts(target: string): Promise<PartFacts | undefined> {
  const text = await readFile(factsPath(target), "utf8").catch(() => "null");
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(read) || typeof read["url"] !== "string" || !URL.canParse(read["url"])) return undefined;
  const { url, etag, sha256, total } = read;
  return {
    url,
    etag: typeof etag === "string" ? etag : undefined,
    sha256: typeof sha256 === "string" ? sha256 : undefined,
    total: typeof total === "number" ? total : undefined,
  };
}

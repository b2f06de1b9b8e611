/**
 * Archives in the format of tar (POSIX.1-1988 `ustar`, sizes beyond 8 GiB as GNU tar writes them): plain files with names of
 * at most 100 bytes, which is all that this writes; what it reads must be the same.
 */

export interface TarFile {
  name: string;
  bytes: number;
  chunks: AsyncIterable<Uint8Array>;
}

/** The bytes are no such archive, or break off. */
export class TarError extends Error {
  override readonly name = "TarError";
}

const blockBytes = 512;
const nameBytes = 100;
/** Where the fields of a header begin, and how long they are. */
const fields = {
  mode: [100, 8],
  owner: [108, 8],
  group: [116, 8],
  size: [124, 12],
  modified: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 8],
} as const;
/** The largest size in eleven octal digits. */
const maxOctal = 0o77777777777;

/** The archive of `files`, each read to its end before the next one. Throws `TarError` where one is not as long as it says. */
export async function* writeTar(files: AsyncIterable<TarFile>, nowMs: number): AsyncGenerator<Uint8Array> {
  for await (const { name, bytes, chunks } of files) {
    yield header(name, bytes, nowMs);
    let written = 0;
    for await (const chunk of chunks) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== bytes) throw new TarError(`${name} has ${written} bytes, not ${bytes}`);
    yield new Uint8Array(padding(bytes));
  }
  yield new Uint8Array(2 * blockBytes);
}

/** The files of an archive. What is not read of one is skipped. Throws `TarError`. */
export async function* readTar(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<TarFile> {
  const input = new Blocks(chunks);
  for (;;) {
    const head = await input.exactly(blockBytes);
    if (head.every((byte) => byte === 0)) return;
    const { name, bytes } = parseHeader(head);
    const end = input.position + bytes;
    yield { name, bytes, chunks: input.upTo(bytes) };
    // what its reader left, and the zeros behind it
    for await (const _rest of input.upTo(end + padding(bytes) - input.position));
  }
}

function padding(bytes: number): number {
  return (blockBytes - (bytes % blockBytes)) % blockBytes;
}

function header(name: string, bytes: number, nowMs: number): Uint8Array {
  const block = Buffer.alloc(blockBytes);
  if (Buffer.byteLength(name) > nameBytes) throw new TarError(`the name ${name} is too long`);
  block.write(name, 0, "utf8");
  block.write("0000600\0", fields.mode[0], "latin1");
  for (const [start] of [fields.owner, fields.group]) block.write("0000000\0", start, "latin1");
  writeSize(block, bytes);
  block.write(octal(Math.floor(nowMs / 1000), 11), fields.modified[0], "latin1");
  block.write("0", fields.type[0], "latin1");
  block.write("ustar\x0000", fields.magic[0], "latin1");
  block.write(`${octal(checksum(block), 6)}\0 `, fields.checksum[0], "latin1");
  return block;
}

/** In octal digits, or, with the highest bit set, as a binary number. */
function writeSize(block: Buffer, bytes: number): void {
  const [start] = fields.size;
  if (bytes <= maxOctal) {
    block.write(octal(bytes, 11), start, "latin1");
  } else {
    block[start] = 0x80;
    block.writeBigUInt64BE(BigInt(bytes), start + 4);
  }
}

function parseHeader(block: Buffer): { name: string; bytes: number } {
  const text = ([start, length]: readonly [number, number]): string =>
    block.toString("utf8", start, start + length).replace(/\0[^]*$/, "");
  const sum = Number.parseInt(text(fields.checksum), 8);
  if (sum !== checksum(block)) throw new TarError("is no tar archive");
  const name = text([0, nameBytes]);
  if (!["0", ""].includes(text(fields.type))) throw new TarError(`${name} is no plain file`);
  const [start] = fields.size;
  const isLarge = block[start] === 0x80;
  const bytes = isLarge ? Number(block.readBigUInt64BE(start + 4)) : Number.parseInt(text(fields.size), 8);
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new TarError(`${name} has no size`);
  return { name, bytes };
}

/** The sum of the header's bytes, those of the checksum itself taken as spaces. */
function checksum(block: Uint8Array): number {
  const [start, length] = fields.checksum;
  return block.reduce((sum, byte, index) => sum + (index >= start && index < start + length ? 0x20 : byte), 0);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

/** Reads a stream of bytes in the portions that are asked for. */
class Blocks {
  // fixed at birth
  private readonly source: AsyncIterator<Uint8Array>;
  // changed by events
  /** What was received and not handed out; exchanged by every read. */
  private held: Uint8Array = new Uint8Array();
  /** How many bytes were handed out; raised by every read. */
  position = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.source = chunks[Symbol.asyncIterator]();
  }

  async exactly(bytes: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for await (const part of this.upTo(bytes)) parts.push(part);
    return Buffer.concat(parts);
  }

  /** The next bytes, as they come. Throws `TarError` where there are fewer. */
  async *upTo(bytes: number): AsyncGenerator<Uint8Array> {
    for (let left = bytes; left > 0;) {
      if (this.held.length === 0) {
        const { value, done } = await this.source.next();
        if (done === true) throw new TarError("breaks off");
        this.held = value;
      }
      const part = this.held.subarray(0, left);
      this.held = this.held.subarray(part.length);
      left -= part.length;
      this.position += part.length;
      yield part;
    }
  }
}

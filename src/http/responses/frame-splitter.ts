import type { Duplex } from "node:stream";

/** Bytes of one fragment; a multiple of the mask's four, so that the mask fits every fragment. */
const fragmentBytes = 64 * 1024;
/** A frame's header is at most two bytes, eight of length and four of mask (RFC 6455, 5.2). */
const maxHeaderBytes = 14;
const finBit = 0x80;
const maskBit = 0x80;
const maxDataOpcode = 2;

/**
 * Makes fragments of large frames as they arrive. The library takes the mask off a whole frame at once, and of 60 MB that
 * takes long; of fragments it does so one by one. What is not a large data frame stays as it is.
 */
export class FrameSplitter {
  // fixed at birth
  private readonly maxFrameBytes: number;
  // changed by events
  /** Bytes of a header that is not complete. */
  private header: Buffer = Buffer.alloc(0);
  /** Bytes of payload that the frame still brings. */
  private payload = 0;
  /** The frame that is being split, and bytes until its next fragment. */
  private split: { last: number; mask: Buffer; until: number } | undefined;

  /** Larger frames are not split: the library refuses them at their header. */
  constructor(maxFrameBytes: number) {
    this.maxFrameBytes = maxFrameBytes;
  }

  /** The bytes to hand on in the place of these. */
  push(chunk: Buffer): Buffer[] {
    const out: Buffer[] = [];
    let rest = chunk;
    while (rest.length > 0) {
      if (this.payload === 0) rest = this.readHeader(rest, out);
      else rest = this.pass(rest, out);
    }
    return out;
  }

  /** Hands on payload up to the end of the frame or of the fragment. */
  private pass(bytes: Buffer, out: Buffer[]): Buffer {
    const { split } = this;
    if (split?.until === 0) {
      split.until = Math.min(fragmentBytes, this.payload);
      // a continuation; the last one ends the message where the frame did
      out.push(headerOf(split.until === this.payload ? split.last : 0, split.until, split.mask));
    }
    const length = Math.min(bytes.length, this.payload, split?.until ?? Infinity);
    out.push(bytes.subarray(0, length));
    this.payload -= length;
    if (split !== undefined) split.until -= length;
    return bytes.subarray(length);
  }

  private readHeader(bytes: Buffer, out: Buffer[]): Buffer {
    this.split = undefined;
    const known = this.header.length;
    const header = Buffer.concat([this.header, bytes.subarray(0, maxHeaderBytes - known)]);
    const size = headerBytes(header);
    if (size === undefined || header.length < size) {
      this.header = header;
      return bytes.subarray(bytes.length);
    }
    this.header = Buffer.alloc(0);
    const [first = 0, second = 0] = header;
    this.payload = payloadBytes(header, second & 0x7f);
    const isData = (first & 0x0f) <= maxDataOpcode && (second & maskBit) !== 0;
    if (isData && this.payload > fragmentBytes && this.payload <= this.maxFrameBytes) {
      const mask = header.subarray(size - 4, size);
      this.split = { last: first & finBit, mask, until: fragmentBytes };
      out.push(headerOf(first & ~finBit, fragmentBytes, mask));
    } else out.push(header.subarray(0, size));
    return bytes.subarray(size - known);
  }
}

/** Bytes of the header that begins so; `undefined` while its first two are not there. */
function headerBytes(header: Buffer): number | undefined {
  const second = header[1];
  if (second === undefined) return undefined;
  const length = second & 0x7f;
  const more = length === 127 ? 8 : length === 126 ? 2 : 0;
  return 2 + more + ((second & maskBit) === 0 ? 0 : 4);
}

function payloadBytes(header: Buffer, length: number): number {
  if (length === 126) return header.readUInt16BE(2);
  return length === 127 ? Number(header.readBigUInt64BE(2)) : length;
}

/** The header of a masked frame; `first`: its end bit and opcode. */
function headerOf(first: number, length: number, mask: Buffer): Buffer {
  const header = Buffer.alloc(10);
  header[0] = first;
  header[1] = maskBit | 127;
  header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, mask]);
}

/** Puts a splitter between a connection and the library that listens to it. */
export function splitFrames(connection: Duplex, maxFrameBytes: number): void {
  const splitter = new FrameSplitter(maxFrameBytes);
  for (const read of connection.listeners("data") as ((chunk: Buffer) => void)[]) {
    const split = (chunk: Buffer): void => {
      for (const piece of splitter.push(chunk)) {
        // it stops to listen when it has failed or read the last frame
        if (connection.listeners("data").includes(read)) read.call(connection, piece);
      }
    };
    connection.off("data", read);
    // `listener` lets it remove its own function, as with `once`
    connection.on("data", Object.assign(split, { listener: read }));
  }
}

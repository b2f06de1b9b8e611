import type { Duplex } from "node:stream";
import { PieceBlocks } from "../gathered-bytes.ts";

/** What is there of a frame becomes a fragment as it is; where this much is not there, a fragment of this size is awaited. */
const minArrivedBytes = 16 * 1024;
const awaitedBytes = 64 * 1024;
/** Frames up to this size are not split. */
const smallBytes = 64 * 1024;
/** A frame's header is at most two bytes, eight of length and four of mask (RFC 6455, 5.2). */
const maxHeaderBytes = 14;
const finBit = 0x80;
const maskBit = 0x80;
const text = 1;
const binary = 2;

/** A large frame that is being split. */
interface SplitFrame {
  /** Its end bit, for the last fragment. */
  fin: number;
  /** Opcode of the next fragment; a continuation after the first one. */
  opcode: number;
  mask: Buffer;
  /** Bytes of payload handed on: the place in the mask. */
  done: number;
  /** Bytes until the next fragment. */
  until: number;
}

/**
 * Stands before the library, for the sake of large messages. Large frames become fragments as they arrive: the library takes the mask
 * off a whole frame at once, and copies what arrives in several pieces. Texts become binary, whose fragments the library shows as
 * they are: those of a text it would join and check at once, for which new memory alone takes 0.2 s with 60 MB.
 */
export class FrameSplitter {
  // fixed at birth
  private readonly maxFrameBytes: number;
  // changed by events
  /** Bytes of a header that is not complete. */
  private header: Buffer = Buffer.alloc(0);
  /** Bytes of payload that the frame still brings. */
  private payload = 0;
  /** The frame that is being split. */
  private split: SplitFrame | undefined;
  /** Of the messages that have begun and that were not asked for yet, which are texts. */
  private readonly texts: boolean[] = [];

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

  /** Whether the next bytes belong to a large frame, whose fragments the library keeps. */
  get isSplitting(): boolean {
    return this.split !== undefined && this.payload > 0;
  }

  /** Whether the message that the library shows now was sent as a text; to be asked once for each. */
  takeIsText(): boolean {
    return this.texts.shift() ?? false;
  }

  /** Hands on payload up to the end of the frame or of the fragment. */
  private pass(bytes: Buffer, out: Buffer[]): Buffer {
    const { split } = this;
    if (split?.until === 0) this.beginFragment(split, bytes.length, out);
    const length = Math.min(bytes.length, this.payload, split?.until ?? Infinity);
    out.push(bytes.subarray(0, length));
    this.payload -= length;
    if (split !== undefined) {
      split.until -= length;
      split.done += length;
    }
    return bytes.subarray(length);
  }

  private beginFragment(split: SplitFrame, arrived: number, out: Buffer[]): void {
    split.until = Math.min(this.payload, arrived >= minArrivedBytes ? arrived : awaitedBytes);
    const turn = split.done % 4;
    const mask = Buffer.concat([split.mask.subarray(turn), split.mask.subarray(0, turn)]);
    // the last one ends the message where the frame did
    const fin = split.until === this.payload ? split.fin : 0;
    out.push(headerOf(fin | split.opcode, split.until, mask));
    split.opcode = 0;
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
    const second = header[1] ?? 0;
    const first = this.shown(header[0] ?? 0);
    this.payload = payloadBytes(header, second & 0x7f);
    const isData = (first & 0x0f) <= binary && (second & maskBit) !== 0;
    if (isData && this.payload > smallBytes && this.payload <= this.maxFrameBytes) {
      const mask = header.subarray(size - 4, size);
      this.split = { fin: first & finBit, opcode: first & ~finBit, mask, done: 0, until: 0 };
    } else {
      header[0] = first;
      out.push(header.subarray(0, size));
    }
    return bytes.subarray(size - known);
  }

  /** The first byte of a frame as the library gets it; notes what the message was. */
  private shown(first: number): number {
    const opcode = first & 0x0f;
    if (opcode !== text && opcode !== binary) return first;
    this.texts.push(opcode === text);
    return (first & ~text) | binary;
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

/** Puts a splitter between a connection and the library that listens to it, and returns it. */
export function splitFrames(connection: Duplex, maxFrameBytes: number): FrameSplitter {
  const splitter = new FrameSplitter(maxFrameBytes);
  const blocks = new PieceBlocks();
  for (const read of connection.listeners("data") as ((chunk: Buffer) => void)[]) {
    const split = (chunk: Buffer): void => {
      for (const piece of splitter.push(splitter.isSplitting ? blocks.move(chunk) : chunk)) {
        // it stops to listen when it has failed or read the last frame
        if (connection.listeners("data").includes(read)) read.call(connection, piece);
      }
    };
    connection.off("data", read);
    // `listener` lets it remove its own function, as with `once`
    connection.on("data", Object.assign(split, { listener: read }));
  }
  return splitter;
}

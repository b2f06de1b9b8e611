/**
 * Frames on the connection between a server and the process of an engine: 4 bytes length of the payload, 4 bytes number of
 * the request (0: none), 1 byte kind, payload. Numbers are big-endian.
 */

/** A frame's kind is its place in this list. */
const frameKinds = [
  // to the process
  "piece", // a part of a request's JSON; the last part is in one of the next two
  "generate",
  "count",
  "cancel",
  "taken", // how many more batches the reader has taken: JSON number
  "ping",
  "retire", // end when only the connection of the owner is left
  // from the process
  "state", // JSON `EngineState`, whenever it changes
  "batch", // JSON events
  "end", // of the answer to "generate"
  "counted", // JSON, the answer to "count"
  "failed", // JSON error, in the place of either
  "pong",
] as const;

export type FrameKind = (typeof frameKinds)[number];

export interface Frame {
  kind: FrameKind;
  /** Number of the request, 0 where it belongs to none. */
  request: number;
  payload: Buffer;
}

const headBytes = 9;
/** Of one payload; both sides cut what is longer. */
const maxPayloadBytes = 256 * 1024 * 1024;

/** The bytes of one frame. */
export function frameBytes(kind: FrameKind, request: number, payload = ""): Buffer {
  const length = Buffer.byteLength(payload);
  const bytes = Buffer.allocUnsafe(headBytes + length);
  bytes.writeUInt32BE(length, 0);
  bytes.writeUInt32BE(request, 4);
  bytes.writeUInt8(frameKinds.indexOf(kind), 8);
  bytes.write(payload, headBytes);
  return bytes;
}

/** Cuts what arrives into frames. */
export class FrameReader {
  // changed by events
  /** What has arrived of a frame that is not complete. */
  private parts: Buffer[] = [];
  /** Bytes in `parts`. */
  private size = 0;
  /** Bytes that are needed before anything can be read. */
  private needed = headBytes;

  /** The frames that are complete now. Throws an `Error` for bytes that are no frames. */
  push(chunk: Buffer): Frame[] {
    this.parts.push(chunk);
    this.size += chunk.length;
    const frames: Frame[] = [];
    if (this.size < this.needed) return frames;
    const bytes = this.parts.length === 1 ? chunk : Buffer.concat(this.parts);
    let at = 0;
    this.needed = headBytes;
    while (bytes.length - at >= headBytes) {
      const kind = frameKinds[bytes.readUInt8(at + 8)];
      const length = bytes.readUInt32BE(at);
      if (kind === undefined || length > maxPayloadBytes) throw new Error("no frame of an engine's process");
      const end = at + headBytes + length;
      if (end > bytes.length) {
        this.needed = headBytes + length;
        break;
      }
      frames.push({ kind, request: bytes.readUInt32BE(at + 4), payload: bytes.subarray(at + headBytes, end) });
      at = end;
    }
    const rest = bytes.subarray(at);
    this.parts = rest.length === 0 ? [] : [rest];
    this.size = rest.length;
    return frames;
  }
}

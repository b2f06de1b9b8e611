import { Readable } from "node:stream";
import { jsonSteps } from "../../../lib/json-scanner/write.ts";
import type { Steps } from "../../../lib/time-slices.ts";
import type { Json } from "../../../model/json.ts";

/** Bytes from which on media are written piece by piece: as one text they would hold the event loop. */
const large = 1 << 20;
/** Bytes of media in one piece; a multiple of 3, so that base64 pads only at the end. */
const piece = 3 << 16;

/** A data URL that is only made while it is sent. In any other JSON it is its text. */
export class LargeDataUrl {
  // fixed at birth
  readonly start: string;
  private readonly bytes: Uint8Array;

  constructor(mime: string, bytes: Uint8Array) {
    this.start = startOf(mime);
    this.bytes = bytes;
  }

  /** Characters, which are as many bytes. */
  get length(): number {
    return this.start.length + Math.ceil(this.bytes.length / 3) * 4;
  }

  *pieces(): Generator<string> {
    yield this.start;
    for (let from = 0; from < this.bytes.length; from += piece) yield base64(this.bytes.subarray(from, from + piece));
  }

  toJSON(): string {
    return [...this.pieces()].join("");
  }
}

/** A data URL as a value of a body. */
export function dataUrl(mime: string, bytes: Uint8Array): Json {
  if (bytes.length < large) return startOf(mime) + base64(bytes);
  // `Json` has no classes; this one has a `toJSON`
  return new LargeDataUrl(mime, bytes) as unknown as Json;
}

/** A body ready to be sent, as often as it takes. */
export interface WrittenBody {
  /** Bytes; absent where `open` returns a text. */
  length?: number;
  open(): string | Readable;
}

/** UTF-16 units up to which a body is written at once: it takes less than a millisecond. */
const smallUnits = 64 * 1024;

/** The JSON text of a small body without media; `undefined` for any other. */
export function writeSmall(body: unknown): WrittenBody | undefined {
  if (unitsLeft(body, smallUnits) < 0) return undefined;
  const text = JSON.stringify(body);
  return { open: () => text };
}

/** What is left of a number of units behind a value, about; negative where it does not fit or has a text of its own making. */
function unitsLeft(value: unknown, units: number): number {
  if (typeof value === "string") return units - value.length;
  if (typeof value !== "object" || value === null) return units - 8;
  if ("toJSON" in value) return -1;
  let left = units - 2;
  for (const member of Array.isArray(value) ? (value as unknown[]) : Object.values(value)) {
    if (left < 0) break;
    left = unitsLeft(member, left - 8);
  }
  return left;
}

/** The JSON text of a body; a long one as a stream of pieces, which makes those of large media on the way. */
export function* writeBody(body: unknown): Steps<WrittenBody> {
  const pieces: (string | LargeDataUrl)[] = [];
  const media = (value: object): boolean => value instanceof LargeDataUrl && pieces.push('"', value, '"') > 0;
  yield* jsonSteps(body, { piece: (text) => pieces.push(text), replaced: media });
  const [only] = pieces;
  if (pieces.length === 1 && typeof only === "string") return { open: () => only };
  let length = 0;
  for (const one of pieces) length += typeof one === "string" ? Buffer.byteLength(one) : one.length;
  return { length, open: () => Readable.from(flat(pieces), { objectMode: false }) };
}

function* flat(pieces: readonly (string | LargeDataUrl)[]): Generator<Buffer> {
  for (const one of pieces) {
    for (const text of typeof one === "string" ? [one] : one.pieces()) yield Buffer.from(text);
  }
}

function startOf(mime: string): string {
  return `data:${mime};base64,`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

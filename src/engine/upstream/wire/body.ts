import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { isObject, type Json } from "../../../model/json.ts";

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

/** The JSON text of a chat body; with large media in it, a stream that makes theirs on the way. */
export function writeBody(body: unknown): WrittenBody {
  const urls = new Map<string, LargeDataUrl>();
  const text = JSON.stringify(marked(body, urls));
  if (urls.size === 0) return { open: () => text };
  const pieces: (string | LargeDataUrl)[] = [];
  let from = 0;
  for (const [mark, url] of urls) {
    const at = text.indexOf(mark, from);
    pieces.push(text.slice(from, at), url);
    from = at + mark.length;
  }
  pieces.push(text.slice(from));
  const length = pieces.reduce((sum, one) => sum + (typeof one === "string" ? Buffer.byteLength(one) : one.length), 0);
  return { length, open: () => Readable.from(flat(pieces), { objectMode: false }) };
}

function* flat(pieces: readonly (string | LargeDataUrl)[]): Generator<Buffer> {
  for (const one of pieces) {
    for (const text of typeof one === "string" ? [one] : one.pieces()) yield Buffer.from(text);
  }
}

/** The body with a mark in the place of each large URL, in their order. Only parts of messages hold any. */
function marked(body: unknown, urls: Map<string, LargeDataUrl>): unknown {
  if (!isObject(body) || !Array.isArray(body["messages"])) return body;
  const messages = (body["messages"] as unknown[]).map((message) => {
    if (!isObject(message) || !Array.isArray(message["content"])) return message;
    return { ...message, content: (message["content"] as unknown[]).map((part) => markedPart(part, urls)) };
  });
  return urls.size === 0 ? body : { ...body, messages };
}

function markedPart(part: unknown, urls: Map<string, LargeDataUrl>): unknown {
  const type = isObject(part) && typeof part["type"] === "string" ? part["type"] : "";
  const holder = isObject(part) ? part[type] : undefined;
  if (!isObject(part) || !isObject(holder) || !(holder["url"] instanceof LargeDataUrl)) return part;
  const mark = randomUUID();
  urls.set(mark, holder["url"]);
  return { ...part, [type]: { ...holder, url: mark } };
}

function startOf(mime: string): string {
  return `data:${mime};base64,`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

import { setImmediate as nextTurn } from "node:timers/promises";
import type { LongText } from "../lib/long-text.ts";
import { invalid } from "../model/error.ts";
import { tooLarge } from "./limit.ts";

/** Characters decoded before other work gets a turn: at most some milliseconds. A multiple of 4. */
const sliceChars = 1 << 18;
const percent = 0x25;
const padding = 0x3d;

/**
 * The bytes of a `data:` URL (RFC 2397). Its media type is not read, for it may be wrong; base64 may lack padding, hold
 * line breaks or percent-encoding, or use the URL alphabet. Throws `invalid` for anything else, and over `limit` bytes.
 */
export async function decodeDataUrl(url: string | LongText, limit: number, param: string): Promise<Uint8Array> {
  const head = typeof url === "string" ? url : url.head;
  const comma = head.indexOf(",");
  if (comma < 0) throw invalid(param, "is not a data URL: it has no comma");
  const isBase64 = /;\s*base64\s*$/i.test(head.slice(Math.max(0, comma - 100), comma));
  const decoder = isBase64 ? new Base64Decoder() : new PercentDecoder();
  const most = Math.ceil((url.length - comma - 1) * (isBase64 ? 3 / 4 : 3));
  // written slice by slice: to join what was decoded would take new memory for all of it at once
  const bytes = Buffer.allocUnsafeSlow(Math.min(limit, most));
  let size = 0;
  let left = url.length;
  for (const text of slicesOf(typeof url === "string" ? [url] : url.pieces(), comma + 1)) {
    left -= text.length;
    const last = left === comma + 1;
    const chunk = decoder.decode(text, last);
    if (chunk === undefined) throw invalid(param, isBase64 ? "is not valid base64" : "is not valid percent-encoding");
    if (size + chunk.length > limit) throw tooLarge(limit, param);
    bytes.set(chunk, size);
    size += chunk.length;
    if (!last) await nextTurn();
  }
  if (size === 0) throw invalid(param, "holds no data");
  return bytes.subarray(0, size);
}

/** Slices of the pieces, from `start` in the first one on. */
function* slicesOf(pieces: Iterable<string>, start: number): Generator<string> {
  let from = start;
  for (const piece of pieces) {
    for (; from < piece.length; from += sliceChars) yield piece.slice(from, from + sliceChars);
    from = 0;
  }
}

/** Decodes slice by slice; returns `undefined` for wrong input. `last`: no slice follows. */
interface Decoder {
  decode(text: string, last: boolean): Uint8Array | undefined;
}

class PercentDecoder implements Decoder {
  // changed by events
  /** The start of an escape that the end of the last slice cut; `decode` sets it. */
  rest = "";

  decode(text: string, last: boolean): Uint8Array | undefined {
    const joined = this.rest + text;
    const end = last ? joined.length : endOfEscapes(joined);
    this.rest = joined.slice(end);
    return unescapeBytes(Buffer.from(joined.slice(0, end), "utf8"));
  }
}

class Base64Decoder implements Decoder {
  // fixed at birth
  private readonly escapes = new PercentDecoder();
  // changed by events
  /** Digits that are not yet a whole group of four; `decode` sets it. */
  private rest = "";
  /** The padding has been seen; `digitsOf` sets it. */
  private ended = false;

  decode(text: string, last: boolean): Uint8Array | undefined {
    const fresh = this.rest === "" && this.escapes.rest === "" && !this.ended;
    const clean = fresh ? decodeClean(text) : undefined;
    if (clean !== undefined) return clean;
    const unescaped = this.escapes.decode(text, last);
    const digits = unescaped === undefined ? undefined : this.digitsOf(unescaped);
    if (digits === undefined) return undefined;
    const joined = this.rest + digits;
    const ends = last || this.ended;
    const end = ends ? joined.length : joined.length - (joined.length % 4);
    this.rest = joined.slice(end);
    return ends && joined.length % 4 === 1 ? undefined : Buffer.from(joined.slice(0, end), "base64");
  }

  /** The digits of base64 without white space and padding; `undefined` when something else is there. */
  private digitsOf(bytes: Uint8Array): string | undefined {
    const target = Buffer.allocUnsafe(bytes.length);
    let size = 0;
    let paddings = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at] ?? 0;
      const kind = alphabet[byte];
      if (kind === wrong || (kind === digit && (this.ended || paddings > 0))) return undefined;
      if (kind === digit) {
        target[size] = byte;
        size += 1;
      } else if (byte === padding) paddings += 1;
    }
    if (paddings > 0) this.ended = true;
    return paddings > 2 ? undefined : target.toString("latin1", 0, size);
  }
}

/** What a byte of base64 may be. */
const wrong = 0;
const digit = 1;
const blank = 2;
const alphabet = Uint8Array.from({ length: 256 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/[A-Za-z0-9+/_-]/.test(character)) return digit;
  return code < 128 && /[\s=]/.test(character) ? blank : wrong;
});

/** The fast path for most text: the runtime skips what it does not know, which then shows in the length. */
function decodeClean(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.length * 4 === text.length * 3 ? bytes : undefined;
}

/** Where an escape that the end of the text cuts begins; the text's length where none is cut. */
function endOfEscapes(text: string): number {
  const at = text.lastIndexOf("%");
  return at >= 0 && at > text.length - 3 ? at : text.length;
}

function unescapeBytes(source: Buffer): Uint8Array | undefined {
  if (!source.includes(percent)) return source;
  const target = Buffer.allocUnsafe(source.length);
  let size = 0;
  for (let at = 0; at < source.length; at += 1) {
    let byte = source[at] as number;
    if (byte === percent) {
      byte = hexDigit(source[at + 1]) * 16 + hexDigit(source[at + 2]);
      if (Number.isNaN(byte)) return undefined;
      at += 2;
    }
    target[size] = byte;
    size += 1;
  }
  return target.subarray(0, size);
}

function hexDigit(code: number | undefined): number {
  if (code === undefined) return Number.NaN;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN;
}

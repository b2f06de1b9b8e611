import { setImmediate as nextTurn } from "node:timers/promises";
import { faulty, tooLarge } from "./fault.ts";

/** Characters decoded before others get a turn: at most some milliseconds of work. A multiple of 4. */
const slice = 1 << 18;
const percent = 0x25;
const padding = 0x3d;

/**
 * The bytes of a `data:` URL (RFC 2397). The label is not read, for labels may lie; base64 may lack padding, hold line
 * breaks or percent-encoding, or be of the URL kind. Throws `invalid` for anything else, and over `limit` bytes.
 */
export async function decodeDataUrl(url: string, limit: number, param: string): Promise<Uint8Array> {
  const comma = url.indexOf(",");
  if (comma < 0) throw faulty(param, "is not a data URL: it has no comma");
  const isBase64 = /;\s*base64\s*$/i.test(url.slice(Math.max(0, comma - 100), comma));
  const decoder = isBase64 ? new Base64Decoder() : new PercentDecoder();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let from = comma + 1; from < url.length; from += slice) {
    const chunk = decoder.decode(url.slice(from, from + slice), from + slice >= url.length);
    if (chunk === undefined) throw faulty(param, isBase64 ? "is not valid base64" : "is not valid percent-encoding");
    size += chunk.length;
    if (size > limit) throw tooLarge(limit, param);
    chunks.push(chunk);
    if (from + slice < url.length) await nextTurn();
  }
  if (size === 0) throw faulty(param, "holds no data");
  return Buffer.concat(chunks, size);
}

/** Decodes slice by slice; `undefined` for what is wrong. */
interface Decoder {
  decode(text: string, last: boolean): Uint8Array | undefined;
}

class PercentDecoder implements Decoder {
  /** The start of an escape that the slice has cut. */
  rest = "";

  decode(text: string, last: boolean): Uint8Array | undefined {
    const joined = this.rest + text;
    const cut = last ? joined.length : wholeEscapes(joined);
    this.rest = joined.slice(cut);
    return unescapeBytes(Buffer.from(joined.slice(0, cut), "utf8"));
  }
}

class Base64Decoder implements Decoder {
  private readonly escapes = new PercentDecoder();
  /** Signs that are not yet a whole group of four. */
  private rest = "";
  /** The padding has been seen. */
  private ended = false;

  decode(text: string, last: boolean): Uint8Array | undefined {
    const fresh = this.rest === "" && this.escapes.rest === "" && !this.ended;
    const clean = fresh ? decodeClean(text) : undefined;
    if (clean !== undefined) return clean;
    const unescaped = this.escapes.decode(text, last);
    const signs = unescaped === undefined ? undefined : this.signsOf(unescaped);
    if (signs === undefined) return undefined;
    const joined = this.rest + signs;
    const ends = last || this.ended;
    const whole = ends ? joined.length : joined.length - (joined.length % 4);
    this.rest = joined.slice(whole);
    return ends && joined.length % 4 === 1 ? undefined : Buffer.from(joined.slice(0, whole), "base64");
  }

  /** Without white space and padding; `undefined` when something else is there. */
  private signsOf(bytes: Uint8Array): string | undefined {
    const target = Buffer.allocUnsafe(bytes.length);
    let size = 0;
    let paddings = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at] ?? 0;
      const kind = alphabet[byte];
      if (kind === wrong || (kind === sign && (this.ended || paddings > 0))) return undefined;
      if (kind === sign) {
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
const sign = 1;
const blank = 2;
const alphabet = Uint8Array.from({ length: 256 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/[A-Za-z0-9+/_-]/.test(character)) return sign;
  return code < 128 && /[\s=]/.test(character) ? blank : wrong;
});

/** The quick way for most text: the runtime skips what it does not know, which then shows in the length. */
function decodeClean(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.length * 4 === text.length * 3 ? bytes : undefined;
}

/** Where an escape that the slice cuts begins. */
function wholeEscapes(text: string): number {
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

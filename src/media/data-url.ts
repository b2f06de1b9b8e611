import { setImmediate as nextTurn } from "node:timers/promises";
import { faulty, tooLarge } from "./fault.ts";

/** Characters decoded before others get a turn: about a millisecond of work. */
const slice = 1 << 20;
const percent = 0x25;

/**
 * The bytes of a `data:` URL (RFC 2397). The label is not read, for labels may lie; base64 may lack padding, hold line
 * breaks or percent-encoding, or be of the URL kind. Throws `invalid` for anything else, and over `limit` bytes.
 */
export async function decodeDataUrl(url: string, limit: number, param: string): Promise<Uint8Array> {
  const comma = url.indexOf(",");
  if (comma < 0) throw faulty(param, "is not a data URL: it has no comma");
  const isBase64 = /;\s*base64\s*$/i.test(url.slice(Math.max(0, comma - 100), comma));
  const decode = isBase64 ? decodeBase64 : decodePercent;
  const chunks: Uint8Array[] = [];
  const state = { rest: "", ended: false };
  let size = 0;
  for (let from = comma + 1; from < url.length; from += slice) {
    const chunk = decode(url.slice(from, from + slice), from + slice >= url.length, state);
    if (chunk === undefined) throw faulty(param, isBase64 ? "is not valid base64" : "is not valid percent-encoding");
    size += chunk.length;
    if (size > limit) throw tooLarge(limit, param);
    chunks.push(chunk);
    if (from + slice < url.length) await nextTurn();
  }
  if (size === 0) throw faulty(param, "holds no data");
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks, size);
}

/** What one slice leaves for the next. */
interface Between {
  rest: string;
  /** The padding has been seen. */
  ended: boolean;
}

function decodeBase64(text: string, last: boolean, state: Between): Uint8Array | undefined {
  let clean = state.rest + text;
  state.rest = "";
  if (clean.includes("%")) {
    const cut = last ? clean.length : wholeEscapes(clean);
    state.rest = clean.slice(cut);
    clean = unescapeText(clean.slice(0, cut));
  }
  if (/\s/.test(clean)) clean = clean.replace(/\s+/g, "");
  const body = clean.replace(/=+$/, "");
  if (body.length > 0 && (state.ended || !/^[A-Za-z0-9+/_-]*$/.test(body))) return undefined;
  if (body.length < clean.length) {
    state.ended = true;
    if (clean.length - body.length > 2) return undefined;
  }
  const whole = last || state.ended ? body.length : body.length - (body.length % 4);
  if ((last || state.ended) && body.length % 4 === 1) return undefined;
  state.rest = body.slice(whole) + state.rest;
  return Buffer.from(body.slice(0, whole), "base64");
}

/** Where an escape that the slice cuts begins. */
function wholeEscapes(text: string): number {
  const at = text.lastIndexOf("%");
  return at >= 0 && at > text.length - 3 ? at : text.length;
}

function unescapeText(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function decodePercent(text: string, last: boolean, state: Between): Uint8Array | undefined {
  const joined = state.rest + text;
  const cut = last ? joined.length : wholeEscapes(joined);
  state.rest = joined.slice(cut);
  const source = Buffer.from(joined.slice(0, cut), "utf8");
  if (!source.includes(percent)) return source;
  const target = Buffer.allocUnsafe(source.length);
  let size = 0;
  for (let at = 0; at < source.length; at += 1) {
    let byte = source[at] as number;
    if (byte === percent) {
      const hex = source.toString("latin1", at + 1, at + 3);
      if (!/^[0-9a-f]{2}$/i.test(hex)) return undefined;
      byte = Number.parseInt(hex, 16);
      at += 2;
    }
    target[size] = byte;
    size += 1;
  }
  return target.subarray(0, size);
}

import type { PixelSize } from "../model/item.ts";

/** What bytes are by their first bytes, whatever their name or label says. */

export type ImageFormat = "jpeg" | "png" | "gif" | "webp";
export type VideoFormat = "mp4" | "mov" | "avi" | "mkv" | "webm";
export type AudioFormat = "wav" | "mp4" | "mpeg";

function ascii(bytes: Uint8Array, from: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(from, from + length));
}

function isRiff(bytes: Uint8Array, form: string): boolean {
  return ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 4) === form;
}

export function sniffImage(bytes: Uint8Array): ImageFormat | undefined {
  if (ascii(bytes, 0, 3) === "\xff\xd8\xff") return "jpeg";
  if (ascii(bytes, 0, 8) === "\x89PNG\r\n\x1a\n") return "png";
  if (/^GIF8[79]a$/.test(ascii(bytes, 0, 6))) return "gif";
  return isRiff(bytes, "WEBP") ? "webp" : undefined;
}

/** Brands of pictures in the container of MP4. */
const stillBrands = /^(?:avi[fs]|hei[cfsmx]|hev[cmsx]|mif1|msf1|crx |jxl |jp2 )$/;
/** What a QuickTime file without a brand may begin with. */
const movieAtoms = /^(?:moov|mdat|wide|free|skip|pnot)$/;

export function sniffVideo(bytes: Uint8Array): VideoFormat | undefined {
  const atom = ascii(bytes, 4, 4);
  if (atom === "ftyp") {
    const brand = ascii(bytes, 8, 4);
    if (stillBrands.test(brand)) return undefined;
    return brand === "qt  " ? "mov" : "mp4";
  }
  if (movieAtoms.test(atom)) return "mov";
  if (isRiff(bytes, "AVI ")) return "avi";
  if (ascii(bytes, 0, 4) !== "\x1a\x45\xdf\xa3") return undefined;
  return ascii(bytes, 4, 60).includes("webm") ? "webm" : "mkv";
}

export function sniffAudio(bytes: Uint8Array): AudioFormat | undefined {
  if (isRiff(bytes, "WAVE")) return "wav";
  if (/^ftypM4[AB]$/.test(ascii(bytes, 4, 7))) return "mp4";
  return ascii(bytes, 0, 3) === "ID3" || isMpegAudio(bytes) ? "mpeg" : undefined;
}

/** Eleven set bits, Layer III, and a version, a bit rate and a sample rate that exist. */
function isMpegAudio(bytes: Uint8Array): boolean {
  const [first = 0, second = 0, third = 0] = bytes;
  if (first !== 0xff || (second & 0xe0) !== 0xe0) return false;
  const version = (second >> 3) & 3;
  const layer = (second >> 1) & 3;
  return version !== 1 && layer === 1 && third >> 4 !== 15 && ((third >> 2) & 3) !== 3;
}

export function isPdf(bytes: Uint8Array): boolean {
  return ascii(bytes, 0, 5) === "%PDF-";
}

/** Width and height from the header of an image; `undefined` where it is no image or ends too early. */
export function imageSize(bytes: Uint8Array): PixelSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const format = sniffImage(bytes);
  if (format === "png" && bytes.length >= 24) return { width: view.getUint32(16), height: view.getUint32(20) };
  if (format === "gif" && bytes.length >= 10) {
    return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  }
  if (format === "webp" && bytes.length >= 30) return webpSize(view, ascii(bytes, 12, 4));
  return format === "jpeg" ? jpegSize(view) : undefined;
}

/** The three forms of WebP keep their size in three places (RFC 9649). */
function webpSize(view: DataView, form: string): PixelSize | undefined {
  const uint24 = (at: number): number => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  if (form === "VP8X") return { width: uint24(24) + 1, height: uint24(27) + 1 };
  if (form === "VP8 ") return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (form !== "VP8L") return undefined;
  const packed = view.getUint32(21, true);
  return { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 };
}

/** Markers from 0xc0 to 0xcf that begin no frame: Huffman tables, a reserved one, arithmetic coding. */
const notFrames: ReadonlySet<number> = new Set([0xc4, 0xc8, 0xcc]);

/** Walks the segments up to the first start-of-frame marker. */
function jpegSize(view: DataView): PixelSize | undefined {
  for (let at = 2; at + 9 < view.byteLength;) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker >= 0xc0 && marker <= 0xcf && !notFrames.has(marker)) {
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    }
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return undefined;
}

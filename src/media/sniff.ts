/** What bytes are by their first bytes: labels may lie. */

export type ImageFormat = "jpeg" | "png" | "gif" | "webp";
export type VideoFormat = "mp4" | "mov" | "avi" | "mkv" | "webm";

/** As the vendor spells them in data URLs (spec sheet 1.4). */
export const videoMimes: Readonly<Record<VideoFormat, string>> = {
  mp4: "video/mp4",
  mov: "video/mov",
  avi: "video/x-msvideo",
  mkv: "video/x-matroska",
  webm: "video/webm",
};

function ascii(bytes: Uint8Array, from: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(from, from + length));
}

export function sniffImage(bytes: Uint8Array): ImageFormat | undefined {
  if (ascii(bytes, 0, 3) === "\xff\xd8\xff") return "jpeg";
  if (ascii(bytes, 0, 8) === "\x89PNG\r\n\x1a\n") return "png";
  if (/^GIF8[79]a$/.test(ascii(bytes, 0, 6))) return "gif";
  if (ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 4) === "WEBP") return "webp";
  return undefined;
}

/** Pictures in the same container as MP4. */
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
  if (ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 4) === "AVI ") return "avi";
  if (ascii(bytes, 0, 4) !== "\x1a\x45\xdf\xa3") return undefined;
  return ascii(bytes, 4, 60).includes("webm") ? "webm" : "mkv";
}

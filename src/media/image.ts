import type { Metadata, Sharp } from "sharp";
import type { FairQueue } from "../lib/fair-queue.ts";
import { missingPackage } from "../lib/optional-package.ts";
import { sniffImage, type ImageFormat } from "../lib/sniff.ts";
import { invalid, ParleyError } from "../model/error.ts";
import type { KeyId } from "../model/id.ts";
import type { Color, PixelSize } from "../model/item.ts";
import { scaledSize } from "../model/picture.ts";
import { mainColorOf } from "./color.ts";

/** A picture as engines get it: JPEG or PNG, upright, one frame, not larger than asked. */
export interface PreparedImage {
  mime: string;
  bytes: Uint8Array;
  size: PixelSize;
  color: Color;
}

export interface ImageOptions {
  /** Most pixels of a picture that is decoded. */
  maxPixels: number;
  /** For decoding, scaling and encoding one picture. */
  timeoutSeconds: number;
}

export interface ImageWork {
  /** Pixels of the longest side after scaling. */
  maxSide: number;
  /** The part's place in the caller's body. */
  param: string;
  /** The key whose turn the decoding takes. */
  callerKeyId: KeyId;
  signal: AbortSignal;
}

/** Formats that every vision engine reads; the others are encoded again. */
const keptFormats: ReadonlySet<ImageFormat> = new Set(["jpeg", "png"]);
const jpegQuality = 92;
/** Pixels per side of the thumbnail that the main color is taken from. */
const thumbnailSide = 24;

/** Sniffs, decodes whole, turns and scales. Decoding runs in the library's threads, where keys take turns. */
export class ImageReader {
  private readonly options: ImageOptions;
  private readonly decoding: FairQueue;

  /** A picture weighs its number of pixels in `decoding`. */
  constructor(options: ImageOptions, decoding: FairQueue) {
    this.options = options;
    this.decoding = decoding;
  }

  /** Throws `invalid` naming the part for anything that is not a whole picture of a known format. */
  async read(bytes: Uint8Array, work: ImageWork): Promise<PreparedImage> {
    const format = sniffImage(bytes);
    if (format === undefined) throw invalid(work.param, "is not an image: JPEG, PNG, GIF and WEBP are read");
    const missing = missingPackage("sharp");
    if (missing !== undefined) throw invalid(work.param, `cannot be read by this server: ${missing}`);
    try {
      // imported with the first image: the library takes 20 MB and a tenth of a second that many servers never need
      const { default: sharp } = await import("sharp");
      const open: Source["open"] = (whole) =>
        sharp(whole, { failOn: "error", limitInputPixels: this.options.maxPixels, pages: 1 }).timeout({
          seconds: this.options.timeoutSeconds,
        });
      // reading the header alone costs nothing, so too many pixels get an error text of our own
      const header = await sharp(bytes, { limitInputPixels: false }).metadata();
      const pixels = header.width * (header.pageHeight ?? header.height);
      if (header.format !== format || !(pixels > 0)) throw invalid(work.param, `is not a whole ${format} image`);
      if (pixels > this.options.maxPixels) {
        throw invalid(work.param, `has ${pixels} pixels; at most ${this.options.maxPixels} are decoded`);
      }
      const turn = { owner: work.callerKeyId, weight: pixels };
      return await this.decoding.run(turn, work.signal, () => this.decode({ bytes, format, header, open }, work));
    } catch (thrown) {
      work.signal.throwIfAborted();
      if (thrown instanceof ParleyError) throw thrown;
      throw invalid(work.param, `is not a whole ${format} image`, thrown);
    }
  }

  private async decode(source: Source, work: ImageWork): Promise<PreparedImage> {
    const { bytes, format, header, open } = source;
    const upright = header.autoOrient;
    const size = scaledSize(upright, work.maxSide);
    const turned = (header.orientation ?? 1) > 1;
    const plain = header.space === "srgb" && header.depth === "uchar" && header.icc === undefined;
    if (keptFormats.has(format) && plain && !turned && size.width === upright.width && size.height === upright.height) {
      return { mime: `image/${format}`, bytes, size, color: await mainColor(open(bytes)) };
    }
    work.signal.throwIfAborted();
    const scaled = open(bytes)
      .autoOrient()
      .resize({ ...size, fit: "fill" })
      .toColorspace("srgb");
    const lossy = format === "jpeg" || (format === "webp" && !header.hasAlpha);
    const written = lossy ? scaled.jpeg({ quality: jpegQuality }) : scaled.png({ compressionLevel: 3 });
    const data = await written.toBuffer();
    return { mime: lossy ? "image/jpeg" : "image/png", bytes: data, size, color: await mainColor(open(data)) };
  }
}

/** Decodes the whole picture, so that a truncated one is found. */
async function mainColor(picture: Sharp): Promise<Color> {
  const { data, info } = await picture
    .resize(thumbnailSide, thumbnailSide, { fit: "fill", kernel: "nearest" })
    .flatten({ background: "white" })
    .toColorspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  return mainColorOf(data, info.channels);
}

interface Source {
  bytes: Uint8Array;
  format: ImageFormat;
  header: Metadata;
  /** Opens a picture under our limits. */
  open: (bytes: Uint8Array) => Sharp;
}

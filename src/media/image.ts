import type { Metadata, Sharp } from "sharp";
import { ParleyError } from "../model/error.ts";
import type { Color, PixelSize } from "../model/item.ts";
import { scaledSize } from "../model/picture.ts";
import { mainColorOf } from "./color.ts";
import { faulty } from "./fault.ts";
import type { Gate } from "./gate.ts";
import { sniffImage, type ImageFormat } from "./sniff.ts";

/** A picture as engines get it: JPEG or PNG, upright, one frame, not larger than asked. */
export interface PreparedImage {
  mime: string;
  bytes: Uint8Array;
  size: PixelSize;
  color: Color;
}

export interface ImageOptions {
  /** Most pixels that are decoded, all channels together counted as one. */
  pixels: number;
  /** For decoding, scaling and encoding one picture. */
  timeoutSeconds: number;
}

export interface ImageWork {
  /** The longest side that is left. */
  longest: number;
  param: string;
  signal: AbortSignal;
}

/** Formats that every vision engine reads; the others are written anew. */
const kept: ReadonlySet<ImageFormat> = new Set(["jpeg", "png"]);
const jpegQuality = 92;
/** Side of the thumbnail that the main color is taken from. */
const thumbnail = 24;

/** Sniffs, decodes whole, turns and scales. Decoding runs in the library's threads, at most a gate's worth at once. */
export class ImageReader {
  private readonly options: ImageOptions;
  private readonly gate: Gate;

  /** The gate is entered with the number of pixels. */
  constructor(options: ImageOptions, gate: Gate) {
    this.options = options;
    this.gate = gate;
  }

  /** Throws `invalid` naming the part for anything that is not a whole picture of a known format. */
  async read(bytes: Uint8Array, work: ImageWork): Promise<PreparedImage> {
    const format = sniffImage(bytes);
    if (format === undefined) throw faulty(work.param, "is not an image: JPEG, PNG, GIF and WEBP are read");
    try {
      // as late as this: the library takes 20 MB and a tenth of a second that a server of texts can do without
      const { default: sharp } = await import("sharp");
      const open: Source["open"] = (whole) =>
        sharp(whole, { failOn: "error", limitInputPixels: this.options.pixels, pages: 1 }).timeout({
          seconds: this.options.timeoutSeconds,
        });
      // the header alone costs nothing, so its pixels are judged in our own words
      const header = await sharp(bytes, { limitInputPixels: false }).metadata();
      const pixels = header.width * (header.pageHeight ?? header.height);
      if (header.format !== format || !(pixels > 0)) throw faulty(work.param, `is not a whole ${format} image`);
      if (pixels > this.options.pixels) {
        throw faulty(work.param, `has ${pixels} pixels; at most ${this.options.pixels} are decoded`);
      }
      return await this.gate.run(pixels, work.signal, () => this.decode({ bytes, format, header, open }, work));
    } catch (thrown) {
      work.signal.throwIfAborted();
      if (thrown instanceof ParleyError) throw thrown;
      throw faulty(work.param, `is not a whole ${format} image`, thrown);
    }
  }

  private async decode(source: Source, work: ImageWork): Promise<PreparedImage> {
    const { bytes, format, header, open } = source;
    const upright = header.autoOrient;
    const size = scaledSize(upright, work.longest);
    const turned = (header.orientation ?? 1) > 1;
    const plain = header.space === "srgb" && header.depth === "uchar" && header.icc === undefined;
    if (kept.has(format) && plain && !turned && size.width === upright.width && size.height === upright.height) {
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

/** Decodes the whole picture on the way, so that a truncated one is found. */
async function mainColor(picture: Sharp): Promise<Color> {
  const { data, info } = await picture
    .resize(thumbnail, thumbnail, { fit: "fill", kernel: "nearest" })
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

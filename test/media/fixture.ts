/** Pictures and clips made on the spot: nothing binary is kept in the repository. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AV_LOG_QUIET,
  AV_PIX_FMT_RGB24,
  AV_PIX_FMT_YUV420P,
  Encoder,
  FF_ENCODER_LIBVPX_VP8,
  FF_ENCODER_LIBX264,
  FF_ENCODER_LIBX265,
  FF_ENCODER_MPEG4,
  FilterAPI,
  Frame,
  Log,
  Muxer,
  Rational,
} from "node-av";
import sharp, { type Sharp } from "sharp";

export function canvas(width: number, height: number, background: string): Sharp {
  return sharp({ create: { width, height, channels: 3, background } });
}

export async function png(width: number, height: number, background: string): Promise<Buffer> {
  return await canvas(width, height, background).png().toBuffer();
}

/** A picture that does not compress, so that its size in bytes follows from its size in pixels. */
export function noise(width: number, height: number): Sharp {
  const pixels = Buffer.alloc(width * height * 3);
  let state = 1;
  for (let at = 0; at < pixels.length; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    pixels[at] = state >>> 24;
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

export function dataUrl(mime: string, bytes: Uint8Array): string {
  return `data:${mime};base64,${Buffer.from(bytes).toString("base64")}`;
}

const codecs = {
  h264: FF_ENCODER_LIBX264,
  h265: FF_ENCODER_LIBX265,
  mpeg4: FF_ENCODER_MPEG4,
  vp8: FF_ENCODER_LIBVPX_VP8,
} as const;

export interface Clip {
  extension: "mp4" | "mov" | "mkv" | "avi" | "webm";
  codec?: keyof typeof codecs;
  width?: number;
  height?: number;
  /** One color per second. */
  colors: readonly (readonly [number, number, number])[];
  /** Frames per second. */
  rate?: number;
  /** Paints the right half black. */
  half?: boolean;
}

export const red = [255, 0, 0] as const;
export const lime = [0, 255, 0] as const;
export const blue = [0, 0, 255] as const;

function painted([r, g, b]: Clip["colors"][number], size: { width: number; height: number; half: boolean }): Buffer {
  const { width, height, half } = size;
  const row = Buffer.alloc(width * 3);
  for (let at = 0; at < (half ? width / 2 : width); at += 1) row.set([r, g, b], at * 3);
  return Buffer.alloc(row.length * height, row);
}

/** Encodes a clip and gives its file's bytes. */
export async function clip(wanted: Clip): Promise<Buffer> {
  const { extension, codec = "h264", width = 320, height = 240, colors, rate = 5, half = false } = wanted;
  const folder = await mkdtemp(join(tmpdir(), "parley-clip-"));
  try {
    const path = join(folder, `clip.${extension}`);
    Log.setLevel(AV_LOG_QUIET);
    const timeBase = { num: 1, den: rate };
    const pictures = async function* (): AsyncGenerator<Frame | null> {
      for (const [second, color] of colors.entries()) {
        const pixels = painted(color, { width, height, half });
        for (let frame = 0; frame < rate; frame += 1) {
          const pts = BigInt(second * rate + frame);
          yield Frame.fromVideoBuffer(pixels, { width, height, format: AV_PIX_FMT_RGB24, timeBase, pts });
        }
      }
      // without it the encoder keeps what it has not written yet
      yield null;
    };
    using filter = FilterAPI.create("format=yuv420p");
    using encoder = await Encoder.create(codecs[codec], {
      context: { gopSize: rate, pixelFormat: AV_PIX_FMT_YUV420P, framerate: new Rational(rate, 1) },
    });
    const muxer = await Muxer.open(path);
    const stream = muxer.addStream(encoder);
    for await (const packet of encoder.packets(filter.frames(pictures()))) {
      if (packet !== null) await muxer.writePacket(packet, stream);
    }
    await muxer.close();
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

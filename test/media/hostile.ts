/** Files that lie, break off or try to use everything up, made on the spot. */
import { crc32, deflateSync } from "node:zlib";
import { canvas, noise, png } from "./fixture.ts";

/** One PNG chunk with a true checksum. */
export function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([size, body, sum]);
}

const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

/** A gray PNG of one bit per pixel whose header says these sides; `data` are its deflated rows. */
export function grayPng(width: number, height: number, data: Uint8Array, extra: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  return Buffer.concat([signature, chunk("IHDR", header), extra, chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
}

/** Zeros that inflate to `size` bytes. */
export function bomb(size: number): Buffer {
  return deflateSync(Buffer.alloc(size), { level: 9 });
}

function gif(screen: number, frames: number): Buffer {
  const header = Buffer.from("GIF89a\0\0\0\0\x80\0\0\xff\0\0\0\0\xff", "latin1");
  header.writeUInt16LE(screen, 6);
  header.writeUInt16LE(screen, 8);
  const frame = Buffer.from("\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0", "latin1");
  return Buffer.concat([header, ...Array.from({ length: frames }, () => frame), Buffer.from(";")]);
}

/** The first frame header of a JPEG, changed to these sides. */
function jpegOf(bytes: Buffer, side: number): Buffer {
  const copy = Buffer.from(bytes);
  const start = copy.indexOf(Buffer.from([0xff, 0xc0]));
  copy.writeUInt16BE(side, start + 5);
  copy.writeUInt16BE(side, start + 7);
  return copy;
}

function middle(bytes: Buffer, change: (part: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  change(copy.subarray(Math.floor(copy.length * 0.4), Math.floor(copy.length * 0.6)));
  return copy;
}

/** What must be refused, by name. */
export async function brokenImages(): Promise<[name: string, bytes: Buffer][]> {
  const pixels = noise(200, 150);
  const whole: [string, Buffer][] = [
    ["png", await pixels.clone().png().toBuffer()],
    ["jpeg", await pixels.clone().jpeg().toBuffer()],
    ["progressive jpeg", await pixels.clone().jpeg({ progressive: true }).toBuffer()],
    ["gif", await pixels.clone().gif().toBuffer()],
    ["webp", await pixels.clone().webp().toBuffer()],
    ["lossless webp", await pixels.clone().webp({ lossless: true }).toBuffer()],
  ];
  const cut = whole.flatMap(([name, bytes]): [string, Buffer][] =>
    [0.02, 0.3, 0.7, 0.98].map((share) => [
      `${name} cut at ${share}`,
      bytes.subarray(0, Math.floor(bytes.length * share)),
    ]),
  );
  const [, jpeg] = whole[1] as [string, Buffer];
  const [, photo] = whole[0] as [string, Buffer];
  return [
    ...cut,
    ["nothing", Buffer.alloc(0)],
    ["one byte", Buffer.from([0xff])],
    ["text", Buffer.from("hello")],
    ["html", Buffer.from("<!doctype html><img src=x>")],
    ["svg", Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>')],
    ["tiff", await canvas(4, 4, "red").tiff().toBuffer()],
    ["avif", await canvas(4, 4, "red").avif().toBuffer()],
    ["pdf", Buffer.from("%PDF-1.7\n")],
    ["only a png signature", signature],
    ["only a jpeg start", Buffer.from([0xff, 0xd8, 0xff, 0xe0])],
    ["only a gif start", Buffer.from("GIF89a")],
    ["only a webp start", Buffer.from("RIFF\x10\0\0\0WEBPVP8 ", "latin1")],
    ["png with wrong checksums", middle(photo, (part) => part.fill(0x55))],
    ["png that claims more rows than it has", grayPng(100, 100, bomb(200))],
    ["png of no width", grayPng(0, 10, bomb(20))],
    ["png bomb of 900 megapixels", grayPng(30_000, 30_000, bomb(30_000 * 3_751))],
    ["png that claims the most it can", grayPng(0x7fff_ffff, 0x7fff_ffff, bomb(1_000))],
    ["jpeg that claims 4 gigapixels", jpegOf(jpeg, 65_500)],
  ];
}

/** What looks odd and is a picture all the same. */
export async function oddImages(): Promise<[name: string, bytes: Buffer][]> {
  const plain = await png(20, 10, "red");
  const photo = await canvas(20, 10, "red").jpeg().toBuffer();
  const zip = Buffer.from("PK\x03\x04<?php echo 1; ?>", "latin1");
  const profile = Buffer.concat([Buffer.from("icc\0\0", "latin1"), bomb(200_000_000)]);
  const words = Buffer.concat([Buffer.from("Comment\0\0", "latin1"), bomb(200_000_000)]);
  const rows = deflateSync(Buffer.alloc(10 * 4));
  return [
    ["png and zeros", Buffer.concat([plain, Buffer.alloc(5_000)])],
    ["jpeg and zeros", Buffer.concat([photo, Buffer.alloc(5_000)])],
    ["png that is a zip too", Buffer.concat([plain, zip])],
    ["jpeg that is a zip too", Buffer.concat([photo, zip])],
    ["gif that is a zip too", Buffer.concat([await canvas(20, 10, "red").gif().toBuffer(), zip])],
    ["png with a color profile that inflates to 200 MB", grayPng(20, 10, rows, chunk("iCCP", profile))],
    ["png with words that inflate to 200 MB", grayPng(20, 10, rows, chunk("zTXt", words))],
    ["png whose pixels inflate to 100 MB more than it has", grayPng(20, 10, bomb(100_000_000))],
    ["gif with a screen of 4 gigapixels", gif(65_535, 1)],
    ["jpeg that claims 90 megapixels and has few", jpegOf(photo, 9_500)],
    ["one pixel", await png(1, 1, "red")],
    ["a line", await png(5_000, 1, "red")],
    ["cmyk jpeg", await canvas(20, 10, "red").toColorspace("cmyk").jpeg().toBuffer()],
    ["16-bit png", await canvas(20, 10, "red").toColorspace("rgb16").png().toBuffer()],
    ["gif of 20,000 frames", gif(20, 20_000)],
  ];
}

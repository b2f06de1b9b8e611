/** Clips for the vendor's video cases, made on the spot, and a server that they can be downloaded from. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import { blue, type Clip, clip, dataUrl, lime, png, red } from "../media/fixture.ts";
import { testKey, type Running } from "./start.ts";

export const mebibyte = 1024 * 1024;
const small: Clip = { extension: "mp4", colors: [red], width: 400, height: 300 };
const three: Clip = { extension: "mp4", colors: [red, lime, blue] };
const twelve = Array.from({ length: 12 }, (_, second) => [red, lime, blue][Math.floor(second / 4)] ?? red);
const long = (seconds: number): Clip => ({
  extension: "mp4",
  colors: Array.from({ length: seconds }, (_, second) => (second < seconds / 2 ? red : blue)),
  width: 32,
  height: 32,
  rate: 1,
});
const clips: Readonly<Record<string, Clip>> = {
  three,
  small,
  vga: { ...small, width: 640, height: 480 },
  tall: { ...small, width: 480, height: 640 },
  square: { ...small, width: 504, height: 504 },
  hd: { ...small, width: 1280, height: 720 },
  fullHd: { ...small, width: 1920, height: 1080 },
  uhd: { ...small, width: 3840, height: 2160, rate: 5 },
  twoSeconds: { ...small, colors: [red, blue] },
  flower: { ...small, colors: [lime, lime], width: 320, height: 176 },
  twelve: { ...three, colors: twelve },
  hevc: { ...three, codec: "h265" },
  mov: { ...three, extension: "mov" },
  movHevc: { ...three, extension: "mov", codec: "h265" },
  mkv: { ...three, extension: "mkv" },
  mkvHevc: { ...three, extension: "mkv", codec: "h265" },
  avi: { ...three, extension: "avi" },
  aviMpeg4: { ...three, extension: "avi", codec: "mpeg4" },
  minutes5: long(300),
};

async function files(): Promise<Map<string, Buffer>> {
  const made = new Map<string, Buffer>();
  // one after the other: encoders of node-av do not live side by side
  for (const [name, wanted] of Object.entries(clips)) made.set(name, await clip(wanted));
  const bytes = made.get("three") ?? expect.fail("no clip");
  made.set("image", await png(672, 672, "red"));
  made.set("cut", bytes.subarray(0, Math.floor(bytes.length / 2)));
  made.set("text", Buffer.from("no video at all"));
  made.set("empty", Buffer.alloc(0));
  made.set("under", padded(bytes, 50 * mebibyte));
  made.set("over", padded(bytes, 50 * mebibyte + 1));
  return made;
}

/** An MP4 of so many bytes: a box of nothing at its end. */
export function padded(bytes: Buffer, size: number): Buffer {
  const box = Buffer.alloc(size - bytes.length);
  box.writeUInt32BE(box.length);
  box.write("free", 4, "latin1");
  return Buffer.concat([bytes, box]);
}

/** A content part, made when it is sent: clips are not there before the tests begin. */
export type PartMaker = () => object;

export interface Shelf {
  bytes(name: string): Buffer;
  /** Names that were downloaded, in order; emptied by the reader. */
  asked: string[];
  /** A clip as a data URL. */
  video(name: string, more?: object, mime?: string): object;
  /** A clip by its address. */
  linked(name: string, more?: object): object;
  /** Uploads a clip; its `mm_file` address. */
  upload(server: Running, name: string): Promise<string>;
  stop(): Promise<void>;
}

export async function openShelf(): Promise<Shelf> {
  const made = await files();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const name = (request.url ?? "").slice(1);
    asked.push(name);
    const body = made.get(name);
    response.writeHead(body === undefined ? 404 : 200, { "content-type": "video/mp4" }).end(body);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const bytes = (name: string): Buffer => made.get(name) ?? expect.fail(`no file ${name}`);
  return {
    bytes,
    asked,
    video: (name, more = {}, mime = "video/mp4") => plainVideo(dataUrl(mime, bytes(name)), more),
    linked: (name, more = {}) => plainVideo(base + name, more),
    upload: (parley, name) => upload(parley, bytes(name)),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

export function plainVideo(url: unknown, more: object = {}): object {
  return { type: "video_url", video_url: { url, ...more } };
}

async function upload({ url }: Running, bytes: Buffer): Promise<string> {
  const form = new FormData();
  form.set("purpose", "video_understanding");
  form.set("file", new Blob([bytes as Buffer<ArrayBuffer>]), "clip.mp4");
  const headers = { authorization: `Bearer ${testKey}` };
  const response = await fetch(`${url}/v1/files/upload`, { method: "POST", headers, body: form });
  const { file } = (await response.json()) as { file: { file_id: number } };
  return `mm_file://${file.file_id}`;
}

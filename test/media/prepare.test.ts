import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Downloader } from "../../src/media/fetch.ts";
import { FairQueue } from "../../src/lib/fair-queue.ts";
import { ImageReader } from "../../src/media/image.ts";
import {
  MediaPreparer,
  refuseMedia,
  replaceUnread,
  type MediaTarget,
  type PreparerOptions,
} from "../../src/media/prepare.ts";
import type { Frame, ImagePart, Item, Media, Part, VideoPart } from "../../src/model/item.ts";
import type { GenerationRequest } from "../../src/model/request.ts";
import { dataUrl, noise, png } from "./fixture.ts";
import { generationRequest } from "../support/request.ts";

const frames: MediaTarget = { image: true, video: "frames" };
const native: MediaTarget = { image: true, video: "native" };
const limits = { image: { inline: 1e6, file: 1e6 }, video: { inline: 1_000, file: 10_000 } };
/** The first bytes of an MP4; nobody decodes it here. */
const movie = (size: number): Buffer =>
  Buffer.concat([Buffer.from("\0\0\0\x18ftypisom", "latin1"), Buffer.alloc(size - 12)]);

let server: Server;
let visits: string[] = [];
let closed = 0;
const served = new Map<string, Buffer>();
const at = (path: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
const open: MediaPreparer[] = [];

beforeAll(async () => {
  served
    .set("/red.png", await png(64, 40, "red"))
    .set("/same.png", await png(64, 40, "red"))
    .set("/clip", movie(500));
  server = createServer((request, response) => {
    visits.push(request.url ?? "");
    response.on("close", () => (closed += 1));
    const body = served.get(request.url ?? "");
    if (request.url === "/never") return;
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
});
beforeEach(() => {
  visits = [];
  closed = 0;
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

interface Counted {
  preparer: MediaPreparer;
  decoded: string[];
}

/** A preparer that tells what it decoded. */
function counted(options: Partial<PreparerOptions> = {}): Counted {
  const decoded: string[] = [];
  const images = new ImageReader({ maxPixels: 1e8, timeoutSeconds: 20 }, new FairQueue({ capacity: () => 1e8 }));
  const preparer = new MediaPreparer({
    downloader: new Downloader({ allow: ["127.0.0.1"], timeoutMs: 2_000, redirects: 3 }),
    downloadsMs: 60_000,
    files: undefined,
    requestBytes: 1e8,
    limits,
    images: {
      read: (bytes, work) => {
        decoded.push(work.param);
        return images.read(bytes, work);
      },
    },
    videos: {
      read: async (_bytes, { param, fps, maxSide }): Promise<Frame[]> => {
        decoded.push(param);
        return [{ at: 0, mime: "image/jpeg", bytes: Buffer.from(`${fps} ${maxSide}`) }];
      },
    },
    cacheBytes: 1e6,
    requestMs: 60_000,
    rememberMs: 60_000,
    ...options,
  });
  open.push(preparer);
  return { preparer, decoded };
}

const image = (media: Media | string, more: Partial<ImagePart> = {}): ImagePart => ({
  type: "image",
  media: typeof media === "string" ? { kind: "url", url: media } : media,
  detail: "default",
  ...more,
});
const video = (media: Media | string, more: Partial<VideoPart> = {}): VideoPart => ({
  type: "video",
  media: typeof media === "string" ? { kind: "url", url: media } : media,
  detail: "default",
  fps: 1,
  ...more,
});

function request(...parts: Part[]): GenerationRequest {
  const named = parts.map((part, index) => (part.type === "text" ? part : { param: `parts[${index}]`, ...part }));
  const message: Item = { type: "message", role: "user", parts: named };
  return generationRequest({ items: [message, { type: "reasoning", text: "hm" }] });
}

async function prepare(preparer: MediaPreparer, asked: GenerationRequest, target = frames): Promise<Part[]> {
  const signal = new AbortController().signal;
  const { items } = await preparer.prepare(asked, { target, callerKeyId: "key-1", signal });
  return items.flatMap((item) => ("parts" in item ? item.parts : []));
}

describe("MediaPreparer", () => {
  it("ends a request whose media take too long together, in the caller's words", async () => {
    const read = (_bytes: Uint8Array, { signal }: { signal: AbortSignal }): Promise<never> =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    const { preparer } = counted({ requestMs: 30, images: { read } });
    const uri = `data:image/png;base64,${(await png(1, 1, "red")).toString("base64")}`;
    await expect(prepare(preparer, request(image(uri)))).rejects.toMatchObject({
      kind: "invalid",
      message: "not all media of the request could be prepared within 0.03 seconds",
    });
  });

  it("decodes a key's pictures in turns with those of others", async () => {
    const reader = new ImageReader({ maxPixels: 1e8, timeoutSeconds: 20 }, new FairQueue({ capacity: () => 1 }));
    const decoded: string[] = [];
    const read: ImageReader["read"] = async (bytes, work) => {
      const picture = await reader.read(bytes, work);
      decoded.push(work.callerKeyId);
      begun.resolve();
      return picture;
    };
    const begun = Promise.withResolvers<void>();
    const { preparer } = counted({ images: { read } });
    const ask = async (callerKeyId: string, count: number): Promise<void> => {
      const pictures = await Promise.all(Array.from({ length: count }, (_, at) => png(900, 900 + at, "red")));
      const asked = request(...pictures.map((bytes) => image(`data:image/png;base64,${bytes.toString("base64")}`)));
      await preparer.prepare(asked, { target: frames, callerKeyId, signal: new AbortController().signal });
    };
    const many = ask("many", 12);
    await begun.promise;
    await ask("few", 1);
    expect(decoded.length).toBeLessThan(6);
    await many;
  });

  it("leaves a request without media as it is", async () => {
    const asked = request({ type: "text", text: "hi" });
    const { preparer } = counted();
    const context = { target: frames, callerKeyId: "k", signal: new AbortController().signal };
    expect(await preparer.prepare(asked, context)).toBe(asked);
  });

  it("keeps the order, asks each URL once and decodes each content once", async () => {
    const { preparer, decoded } = counted();
    const blue = dataUrl("image/png", await png(20, 10, "blue"));
    const text: Part = { type: "text", text: "between" };
    const urls = [at("/red.png"), blue, at("/red.png"), at("/same.png"), blue];
    const parts = await prepare(preparer, request(...urls.map((url) => image(url)), text));
    expect(parts.map((part) => (part.type === "image" ? part.size?.width : part.type))).toEqual([
      64,
      20,
      64,
      64,
      20,
      "text",
    ]);
    expect(parts[1]).toMatchObject({
      color: { red: 0, green: 0, blue: 255 },
      media: { kind: "bytes", mime: "image/png" },
    });
    expect(visits.toSorted()).toEqual(["/red.png", "/same.png"]);
    expect(decoded).toHaveLength(2);
  });

  it("prepares media in results of tools", async () => {
    const { preparer } = counted();
    const parts = [image(dataUrl("image/png", await png(20, 10, "blue")))];
    const asked = { ...request(), items: [{ type: "result", id: "c", parts, failed: false } as const] };
    expect(await prepare(preparer, asked)).toMatchObject([{ size: { width: 20, height: 10 } }]);
  });

  it("does not decode or download again on the next turn, unless another size is asked for", async () => {
    const { preparer, decoded } = counted();
    const inline = dataUrl("image/png", await png(900, 10, "blue"));
    const asked = request(image(at("/red.png")), image(inline), video(at("/clip")));
    const first = await prepare(preparer, asked);
    expect(decoded).toHaveLength(3);
    expect(await prepare(preparer, asked)).toEqual(first);
    expect(decoded).toHaveLength(3);
    expect(visits).toHaveLength(2);
    const [smaller] = await prepare(preparer, request(image(inline, { detail: "low" })));
    expect(smaller).toMatchObject({ size: { width: 672, height: 7 } });
    await prepare(preparer, request(video(at("/clip"), { fps: 2 })));
    expect(decoded).toHaveLength(5);
  });

  it("asks a URL again when it may not remember, and decodes only what changed", async () => {
    const { preparer, decoded } = counted({ rememberMs: 0 });
    const asked = request(image(at("/red.png")));
    await prepare(preparer, asked);
    await prepare(preparer, asked);
    expect(visits).toHaveLength(2);
    expect(decoded).toHaveLength(1);
  });

  it("asks a URL again when its time is over", async () => {
    const { preparer } = counted({ rememberMs: 30 });
    const asked = request(image(at("/red.png")));
    await prepare(preparer, asked);
    await setTimeout(40);
    await prepare(preparer, asked);
    expect(visits).toHaveLength(2);
  });

  it("forgets what was used maxSide ago when the cache is full", async () => {
    const pictures = await Promise.all(
      [1, 2, 3].map((size) =>
        noise(100, 100 + size)
          .png()
          .toBuffer(),
      ),
    );
    const { preparer, decoded } = counted({ cacheBytes: 2 * 70_000 });
    const asks = pictures.map((bytes) => request(image(dataUrl("image/png", bytes))));
    const [one, two, three] = asks as [GenerationRequest, GenerationRequest, GenerationRequest];
    for (const asked of [one, two, one, three, one, two]) await prepare(preparer, asked);
    expect(decoded).toHaveLength(4);
  });

  it("bounds the bytes of all media of one request", async () => {
    const bytes = await noise(50, 50).png().toBuffer();
    const parts = Array.from({ length: 4 }, () => image(dataUrl("image/png", bytes)));
    await prepare(counted({ requestBytes: 8 * bytes.length }).preparer, request(...parts));
    await expect(
      prepare(counted({ requestBytes: 8 * bytes.length - 1 }).preparer, request(...parts)),
    ).rejects.toMatchObject({
      kind: "invalid",
      message: `the media of one request exceed ${8 * bytes.length - 1} bytes together`,
    });
  });

  it("counts once what is downloaded once", async () => {
    const bytes = await noise(50, 50).png().toBuffer();
    served.set("/noise.png", bytes);
    const asked = request(image(at("/noise.png")), image(at("/noise.png")));
    await prepare(counted({ requestBytes: 3 * bytes.length }).preparer, asked);
    await expect(prepare(counted({ requestBytes: 3 * bytes.length - 1 }).preparer, asked)).rejects.toThrow("together");
  });

  it("takes 200 images and 20 videos, and not one more", async () => {
    const one = dataUrl("image/png", await png(2, 2, "red"));
    const film = dataUrl("video/mp4", movie(100));
    const ask = (images: number, videos: number): Promise<Part[]> => {
      const parts = [
        ...Array.from({ length: images }, () => image(one)),
        ...Array.from({ length: videos }, () => video(film)),
      ];
      return prepare(counted().preparer, request(...parts));
    };
    expect(await ask(200, 20)).toHaveLength(220);
    await expect(ask(201, 0)).rejects.toMatchObject({
      ...{ kind: "invalid", param: "parts[200]", message: "the num of image is larger than the limit: 200" },
    });
    await expect(ask(0, 21)).rejects.toThrow("the num of video is larger than the limit: 20");
  });

  it("names the part at fault and stops the others", async () => {
    const { preparer } = counted();
    const asked = request(image(at("/never")), image(at("/missing.png")));
    await expect(prepare(preparer, asked)).rejects.toMatchObject({
      kind: "invalid",
      param: "parts[1]",
      message: "parts[1]: could not be downloaded: the server answered 404",
    });
    await expect.poll(() => closed).toBe(2);
  });

  it("bounds the time of all downloads together", async () => {
    const { preparer } = counted({ downloadsMs: 150 });
    await expect(prepare(preparer, request(image(at("/red.png")), image(at("/never"))))).rejects.toMatchObject({
      ...{ kind: "invalid", param: "parts[1]" },
      message: "parts[1]: not all media of the request could be downloaded within 0.15 seconds",
    });
  });

  it("ends with the caller", async () => {
    const abort = new AbortController();
    const pending = counted().preparer.prepare(request(image(at("/never"))), {
      ...{ target: frames, callerKeyId: "k", signal: abort.signal },
    });
    await expect.poll(() => visits).toEqual(["/never"]);
    abort.abort();
    await expect(pending).rejects.toMatchObject({ name: "AbortError" });
  });

  it("downloads nothing where that is switched off", async () => {
    const { preparer } = counted({ downloader: undefined });
    await expect(prepare(preparer, request(image(at("/red.png"))))).rejects.toThrow("this server downloads nothing");
    expect(await prepare(preparer, request(image(dataUrl("image/png", await png(2, 2, "red")))))).toHaveLength(1);
  });
});

describe("videos", () => {
  it("go to engines that read them as they came, named by their content", async () => {
    const { preparer, decoded } = counted();
    const [part] = await prepare(preparer, request(video(dataUrl("video/x-whatever", movie(500)))), native);
    expect(part).toMatchObject({ media: { kind: "bytes", mime: "video/mp4", bytes: movie(500) } });
    expect(part).not.toHaveProperty("frames");
    expect(decoded).toEqual([]);
  });

  it("go to others as frames of the size and rate asked for", async () => {
    const { preparer } = counted();
    const ask = async (more: Partial<VideoPart>): Promise<string> => {
      const [part] = await prepare(preparer, request(video(dataUrl("video/mp4", movie(500)), more)));
      return part?.type === "video" ? Buffer.from(part.frames?.[0]?.bytes ?? []).toString() : "";
    };
    expect(await ask({})).toBe("1 672");
    expect(await ask({ detail: "low", fps: 0.2 })).toBe("0.2 504");
    expect(await ask({ detail: "high", fps: 5, maxLongSide: 600 })).toBe("5 588");
  });

  it("may be larger as files; an engine that reads videos then gets frames", async () => {
    const sizes: Record<string, number> = { small: 1_000, large: 10_000, huge: 10_001 };
    const asked: string[] = [];
    const files: PreparerOptions["files"] = async (fileId, callerKeyId) => {
      asked.push(`${callerKeyId} ${fileId}`);
      const size = sizes[fileId];
      return size === undefined ? undefined : { bytes: movie(size), mime: "text/plain" };
    };
    const { preparer } = counted({ files });
    const ask = (fileId: string, target: MediaTarget): Promise<Part[]> =>
      prepare(preparer, request(video({ kind: "file", fileId })), target);
    expect((await ask("small", native))[0]).not.toHaveProperty("frames");
    expect((await ask("large", native))[0]).toHaveProperty("frames");
    await expect(ask("large", { image: false, video: "native" })).rejects.toThrow("is larger than its engine takes");
    await expect(ask("huge", frames)).rejects.toThrow("media exceeds size limit: max 10000 bytes");
    await expect(ask("other", frames)).rejects.toThrow("parts[0]: names a file that does not exist");
    expect(new Set(asked)).toEqual(new Set(["small", "large", "huge", "other"].map((id) => `key-1 ${id}`)));
    const inline = (size: number): Promise<Part[]> =>
      prepare(preparer, request(video(dataUrl("video/mp4", movie(size)))));
    await inline(1_000);
    await expect(inline(1_001)).rejects.toThrow("media exceeds size limit: max 1000 bytes");
  });

  it("must be videos, for every engine", async () => {
    const { preparer } = counted();
    for (const target of [frames, native]) {
      const asked = request(video(dataUrl("video/mp4", await png(2, 2, "red"))));
      await expect(prepare(preparer, asked, target)).rejects.toThrow("parts[0]: is not a video");
    }
  });
});

describe("refuseMedia", () => {
  const blind: MediaTarget = { image: false, video: "none" };
  const pictures: MediaTarget = { image: true, video: "none" };
  const films: MediaTarget = { image: false, video: "native" };
  const text: Part = { type: "text", text: "hi" };
  const cases: [string, Part, MediaTarget, boolean][] = [
    ["text, for any engine", text, blind, true],
    ["an image, for an engine without eyes", image("x:"), blind, false],
    ["a video, for an engine without eyes", video("x:"), blind, false],
    ["an image, for one that sees images", image("x:"), pictures, true],
    ["a video, for one that sees only images", video("x:"), pictures, false],
    ["a video, for one that takes frames", video("x:"), frames, true],
    ["a video, for one that reads videos", video("x:"), films, true],
    ["an image, for one that reads only videos", image("x:"), films, false],
  ];

  it.each(cases)("%s", async (_name, part, target, fits) => {
    const asked = request(text, part);
    const refused = refuseMedia(asked, target);
    if (fits) expect(refused).toBeUndefined();
    else {
      const message = `parts[1]: the engine that serves MiniMax-M3 does not take ${part.type} input`;
      expect(refused).toMatchObject({ kind: "invalid", param: "parts[1]", message });
      await expect(prepare(counted().preparer, asked, target)).rejects.toThrow(message);
    }
  });

  it("puts a line of text in the place of what stands in a tool's result, unless strict", async () => {
    const message = request(text);
    const parts = [text, image("x:"), video("x:")];
    const asked = { ...message, items: [...message.items, { type: "result", id: "a", parts, failed: false } as const] };
    const lines = async (target: MediaTarget): Promise<unknown[]> => {
      expect(refuseMedia(asked, target)).toBeUndefined();
      const prepared = await prepare(counted().preparer, asked, target);
      return prepared.slice(-2);
    };
    expect(await lines(blind)).toEqual([
      { type: "text", text: "\n[image not shown: this model reads text only]" },
      { type: "text", text: "\n[video not shown: this model reads text only]" },
    ]);
    expect(refuseMedia({ ...asked, strict: true }, blind)).toMatchObject({ kind: "invalid" });
    expect(replaceUnread(asked, pictures).items.at(-1)).toMatchObject({
      parts: [text, { type: "image" }, { text: "[video not shown: this model reads text and images only]" }],
    });
    expect(replaceUnread(asked, { image: true, video: "native" })).toBe(asked);
  });
});

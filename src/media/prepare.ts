import { LruCache } from "../lib/lru.ts";
import { sniffVideo, type VideoFormat } from "../lib/sniff.ts";
import { invalid, type ParleyError } from "../model/error.ts";
import type { KeyId } from "../model/id.ts";
import {
  notShownText,
  textPart,
  withOwnLines,
  type Frame,
  type ImagePart,
  type Item,
  type Part,
  type VideoPart,
} from "../model/item.ts";
import { longSideOf } from "../model/picture.ts";
import type { GenerationRequest } from "../model/request.ts";
import type { ImageReader, PreparedImage } from "./image.ts";
import { checkCount, tooLate, type MediaCount } from "./limit.ts";
import { digestOf, placeOf, RequestSources, type SourceLimits, type SourceOptions } from "./source.ts";

/** What the engine that will answer can take; an engine's capabilities fit. */
export interface MediaTarget {
  image: boolean;
  video: "native" | "frames" | "none";
}

export interface PrepareContext {
  target: MediaTarget;
  /** Whose files may be named. */
  callerKeyId: KeyId;
  signal: AbortSignal;
}

/** Samples the frames of a video. */
export interface VideoReader {
  read(bytes: Uint8Array, work: VideoWork): Promise<readonly Frame[]>;
}

export interface VideoWork {
  /** Pixels of the longest side of a frame. */
  maxSide: number;
  /** Frames per second. */
  fps: number;
  /** The part's place in the caller's body. */
  param: string;
  /** The key whose turn the reading takes. */
  callerKeyId: KeyId;
  signal: AbortSignal;
}

export interface PreparerOptions extends SourceOptions {
  limits: { image: SourceLimits; video: SourceLimits };
  images: Pick<ImageReader, "read">;
  videos: VideoReader;
  /** Bytes of prepared pictures that are kept for the next turns of their conversations. */
  cacheBytes: number;
  /** For all media of one request: loading, waiting for a turn and decoding. */
  requestMs: number;
  /** How long a URL is trusted to hold what it held; 0 asks again each time. */
  rememberMs: number;
}

type MediaPart = ImagePart | VideoPart;
interface PreparedVideo {
  mime: string;
  frames: readonly Frame[];
}

/** Parts of one request that are worked on at once. */
const partsAtOnce = 6;
/** URLs whose contents are remembered. */
const maxUrls = 4096;
/** Bytes that a cached video takes besides its frames. */
const videoOverheadBytes = 256;

/** As the vendor spells them in data URLs (MiniMax API docs, OpenAI-compatible chat, 2026-11). */
const videoMimes: Readonly<Record<VideoFormat, string>> = {
  mp4: "video/mp4",
  mov: "video/mov",
  avi: "video/x-msvideo",
  mkv: "video/x-matroska",
  webm: "video/webm",
};

export function hasMedia(request: GenerationRequest): boolean {
  return request.items.some((item) => "parts" in item && item.parts.some((part) => part.type !== "text"));
}

function takes(target: MediaTarget, part: MediaPart): boolean {
  if (part.type === "video" && target.video === "native") return true;
  return target.image && (part.type === "image" || target.video !== "none");
}

/** Whether an engine takes all of the request's media as they are. */
export function takesMedia(request: GenerationRequest, target: MediaTarget): boolean {
  return mediaParts(request).every((part) => takes(target, part));
}

/**
 * Why an engine cannot take the request's media; `undefined` where it can, or where all it does not take stands in the
 * results of tools: callers cannot take those back, so a line of text takes their place (`replaceUnread`), unless strict.
 */
export function refuseMedia(request: GenerationRequest, target: MediaTarget): ParleyError | undefined {
  const held = request.strict === true ? request.items : request.items.filter((item) => item.type !== "result");
  const part = mediaParts({ items: held }).find((one) => !takes(target, one));
  if (part === undefined) return undefined;
  return invalid(part.param ?? "", `the engine that serves ${request.model} does not take ${part.type} input`);
}

/** The request with a line of text for everything in results of tools that the engine does not take. */
export function replaceUnread(request: GenerationRequest, target: MediaTarget): GenerationRequest {
  if (request.strict === true || takesMedia(request, target)) return request;
  const reads: ("text" | "image" | "video")[] = ["text"];
  if (target.image) reads.push("image");
  if (target.video === "native" || (target.image && target.video === "frames")) reads.push("video");
  const items = request.items.map((item): Item => {
    if (item.type !== "result") return item;
    const parts = item.parts.map((part) =>
      part.type === "text" || takes(target, part) ? part : textPart(notShownText(part.type, reads)),
    );
    return { ...item, parts: withOwnLines(parts) };
  });
  return { ...request, items };
}

/** Turns the images and videos of requests into what engines take. What was prepared once is cached by content. */
export class MediaPreparer {
  // fixed at birth
  private readonly options: PreparerOptions;
  private readonly pictures: LruCache<string, PreparedImage>;
  private readonly videos: LruCache<string, PreparedVideo>;
  private readonly contents = new LruCache<string, { digest: string; until: number }>({ maxEntries: maxUrls });

  constructor(options: PreparerOptions) {
    this.options = options;
    const maxSize = options.cacheBytes / 2;
    this.pictures = new LruCache({ maxSize, sizeOf: (image) => image.bytes.length });
    this.videos = new LruCache({ maxSize, sizeOf: (video) => sizeOf(video.frames) });
  }

  /** A request whose media are bytes of the kinds that `target` takes. Throws `invalid` naming the part at fault. */
  async prepare(asked: GenerationRequest, context: PrepareContext): Promise<GenerationRequest> {
    if (!hasMedia(asked)) return asked;
    const refused = refuseMedia(asked, context.target);
    if (refused !== undefined) throw refused;
    const request = replaceUnread(asked, context.target);
    if (!hasMedia(request)) return request;
    checkCounts(request);
    const work = new RequestWork(this.options, context, sharedPlaces(request));
    const ready = new Map<Part, Part>();
    const queue = mediaParts(request);
    const lane = async (): Promise<void> => {
      for (const part of queue) ready.set(part, await this.part(part, work));
    };
    try {
      await Promise.all(Array.from({ length: partsAtOnce }, lane));
    } catch (thrown) {
      work.stop();
      throw work.late ? tooLate(this.options.requestMs) : thrown;
    }
    return { ...request, items: request.items.map((item) => replaceParts(item, ready)) };
  }

  async close(): Promise<void> {
    await this.options.downloader?.close();
  }

  private async part(part: MediaPart, work: RequestWork): Promise<MediaPart> {
    if (part.type === "image") return await this.image(part, work);
    if (work.context.target.video === "native") {
      const bytes = await work.load(part, this.options.limits.video);
      if (bytes.length <= this.options.limits.video.inline) {
        return { ...part, media: { kind: "bytes", mime: mimeOf(bytes, part), bytes } };
      }
      if (!work.context.target.image) throw invalid(part.param ?? "", "is larger than its engine takes");
    }
    return await this.frames(part, work);
  }

  private async image(part: ImagePart, work: RequestWork): Promise<ImagePart> {
    const maxSide = longSideOf(part);
    const param = part.param ?? "";
    const { mime, bytes, size, color } = await this.recall(part, {
      variant: `image ${maxSide}`,
      cache: this.pictures,
      work,
      make: (source) => this.options.images.read(source, { maxSide, param, ...work.reading }),
    });
    work.sources.spend(bytes.length, param);
    return { ...part, media: { kind: "bytes", mime, bytes }, size, color };
  }

  private async frames(part: VideoPart, work: RequestWork): Promise<VideoPart> {
    const maxSide = longSideOf(part);
    const param = part.param ?? "";
    const { mime, frames } = await this.recall(part, {
      variant: `video ${maxSide} ${part.fps}`,
      cache: this.videos,
      work,
      make: async (source) => ({
        mime: mimeOf(source, part),
        frames: await this.options.videos.read(source, { maxSide, fps: part.fps, param, ...work.reading }),
      }),
    });
    work.sources.spend(sizeOf(frames), param);
    // the video itself is of no use to an engine that takes frames
    return { ...part, media: { kind: "bytes", mime, bytes: new Uint8Array() }, frames };
  }

  /** The prepared form of a part: from the cache where its content was prepared before. */
  private async recall<Value>(part: MediaPart, recipe: Recipe<Value>): Promise<Value> {
    const { work, cache, variant } = recipe;
    const place = part.media.kind === "url" ? placeOf(part.media) : undefined;
    const memory = place === undefined ? undefined : this.contents.get(place);
    if (memory !== undefined && memory.until > performance.now()) {
      const known = cache.get(`${memory.digest} ${variant}`);
      if (known !== undefined) return known;
    }
    const bytes = await work.load(part, this.options.limits[part.type]);
    const digest = await digestOf(bytes);
    if (place !== undefined && this.options.rememberMs > 0) {
      this.contents.set(place, { digest, until: performance.now() + this.options.rememberMs });
    }
    const key = `${digest} ${variant}`;
    const known = cache.get(key);
    if (known !== undefined) return known;
    return await work.once(key, async () => {
      const made = await recipe.make(bytes);
      cache.set(key, made);
      return made;
    });
  }
}

interface Recipe<Value> {
  /** What besides the content decides the outcome. */
  variant: string;
  cache: LruCache<string, Value>;
  work: RequestWork;
  make(bytes: Uint8Array): Promise<Value>;
}

/** One request under way: what it shares between its parts. */
class RequestWork {
  // fixed at birth
  readonly context: PrepareContext;
  readonly sources: RequestSources;
  /** Ends with the caller's, when one part fails, or when it takes too long. */
  readonly signal: AbortSignal;
  private readonly deadline: AbortSignal;
  private readonly failure = new AbortController();
  // changed by events
  /** Preparations under way or done, by content and variant; `once` adds them. */
  private readonly making = new Map<string, Promise<unknown>>();

  constructor(options: SourceOptions & { requestMs: number }, context: PrepareContext, shared: ReadonlySet<string>) {
    this.context = context;
    this.sources = new RequestSources(options, context.callerKeyId, shared);
    this.deadline = AbortSignal.timeout(options.requestMs);
    this.signal = AbortSignal.any([context.signal, this.failure.signal, this.deadline]);
  }

  /** Whether the deadline is what ended it. */
  get late(): boolean {
    return this.deadline.aborted && !this.context.signal.aborted;
  }

  /** What readers of pictures and videos need of it. */
  get reading(): { callerKeyId: KeyId; signal: AbortSignal } {
    return { callerKeyId: this.context.callerKeyId, signal: this.signal };
  }

  stop(): void {
    this.failure.abort();
  }

  async load(part: MediaPart, limits: SourceLimits): Promise<Uint8Array> {
    return await this.sources.load(part.media, { limits, param: part.param ?? "", signal: this.signal });
  }

  /** Two parts of the same content are prepared once. */
  async once<Value>(key: string, make: () => Promise<Value>): Promise<Value> {
    const known = this.making.get(key) as Promise<Value> | undefined;
    const making = known ?? make();
    this.making.set(key, making);
    return await making;
  }
}

/** Asked several times of a request, which may have tens of thousands of items. */
function mediaParts(request: Pick<GenerationRequest, "items">): ArrayIterator<MediaPart> {
  const found: MediaPart[] = [];
  for (const item of request.items) {
    if (item.type !== "message" && item.type !== "result") continue;
    for (const part of item.parts) if (part.type !== "text") found.push(part);
  }
  return found.values();
}

/** URLs and files that more than one part names. */
function sharedPlaces(request: GenerationRequest): ReadonlySet<string> {
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const { media } of mediaParts(request)) {
    const place = placeOf(media);
    if (place === undefined) continue;
    if (seen.has(place)) shared.add(place);
    seen.add(place);
  }
  return shared;
}

function checkCounts(request: GenerationRequest): void {
  const count: MediaCount = { image: 0, video: 0 };
  for (const { type, param = "" } of mediaParts(request)) {
    count[type] += 1;
    checkCount(type, count, param);
  }
}

function replaceParts(item: Item, ready: ReadonlyMap<Part, Part>): Item {
  if (!("parts" in item) || !item.parts.some((part) => ready.has(part))) return item;
  return { ...item, parts: item.parts.map((part) => ready.get(part) ?? part) };
}

function mimeOf(bytes: Uint8Array, part: VideoPart): string {
  const format = sniffVideo(bytes);
  if (format === undefined) throw invalid(part.param ?? "", "is not a video: MP4, AVI, MOV, MKV and WebM are read");
  return videoMimes[format];
}

function sizeOf(frames: readonly Frame[]): number {
  return frames.reduce((sum, frame) => sum + frame.bytes.length, videoOverheadBytes);
}

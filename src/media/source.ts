import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { LongText } from "../lib/long-text.ts";
import { invalid } from "../model/error.ts";
import type { KeyId } from "../model/id.ts";
import type { Media } from "../model/item.ts";
import { decodeDataUrl } from "./data-url.ts";
import type { Downloader } from "./fetch.ts";
import { tooLarge, tooLargeTogether } from "./limit.ts";

/**
 * Finds a file that was uploaded before, for `mm_file://{file_id}`. `undefined` where the caller has no file of this id:
 * no one sees the files of others. `admit` is given the size before the file is read, and may throw.
 */
export type FilePort = (
  fileId: string,
  callerKeyId: KeyId,
  admit: (bytes: number) => void,
) => Promise<StoredFile | undefined>;

export interface StoredFile {
  bytes: Uint8Array;
  /** As declared at upload; never trusted. */
  mime: string;
}

export interface SourceOptions {
  /** Absent where nothing may be downloaded. */
  downloader: Downloader | undefined;
  /** For all downloads of one request together. */
  downloadsMs: number;
  /** Absent where there are no uploaded files. */
  files: FilePort | undefined;
  /** Bytes that the media of one request may have together. */
  requestBytes: number;
}

/** Most bytes of one part; a file that was uploaded may be larger than one that is sent with the request. */
export interface SourceLimits {
  inline: number;
  file: number;
}

export interface SourceWork {
  limits: SourceLimits;
  param: string;
  signal: AbortSignal;
}

/** Gets the bytes of one request's media: each place once, all together bounded. */
export class RequestSources {
  // fixed at birth
  private readonly options: SourceOptions;
  private readonly callerKeyId: KeyId;
  /** Places that several parts name: only their bytes are held for the whole request. */
  private readonly shared: ReadonlySet<string>;
  private readonly deadline: AbortSignal;
  // changed by events
  /** Shared places whose bytes are loaded or being loaded; `load` adds them. */
  private readonly loading = new Map<string, Promise<Uint8Array>>();
  /** What is counted against `requestBytes`; `spend` adds to it. */
  private bytes = 0;

  constructor(options: SourceOptions, callerKeyId: KeyId, shared: ReadonlySet<string>) {
    this.options = options;
    this.callerKeyId = callerKeyId;
    this.shared = shared;
    this.deadline = AbortSignal.timeout(options.downloadsMs);
  }

  /** Throws `invalid` naming the part. */
  async load(media: Media, work: SourceWork): Promise<Uint8Array> {
    const place = placeOf(media);
    const limit = media.kind === "file" ? work.limits.file : work.limits.inline;
    const known = place === undefined ? undefined : this.loading.get(place);
    const loading = known ?? this.get(media, limit, work);
    if (place !== undefined && this.shared.has(place)) this.loading.set(place, loading);
    const bytes = await loading;
    if (bytes.length > limit) throw tooLarge(limit, work.param);
    if (known === undefined) this.spend(bytes.length, work.param);
    return bytes;
  }

  /** Counts what is held for the request. */
  spend(bytes: number, param: string): void {
    this.bytes += bytes;
    if (this.bytes <= this.options.requestBytes) return;
    throw tooLargeTogether(this.options.requestBytes, param);
  }

  private async get(media: Media, limit: number, work: SourceWork): Promise<Uint8Array> {
    if (media.kind === "bytes") return media.bytes;
    if (media.kind === "file") return await this.file(media.fileId, limit, work);
    const address = addressOf(media.url);
    if (address !== undefined) return await this.download(address, limit, work);
    return await decodeDataUrl(media.url, limit, work.param);
  }

  private async download(url: string, limit: number, { param, signal }: SourceWork): Promise<Uint8Array> {
    const { downloader, downloadsMs } = this.options;
    if (downloader === undefined) throw invalid(param, "this server downloads nothing; send a data URL");
    try {
      return await downloader.get(url, { limit, param, signal: AbortSignal.any([signal, this.deadline]) });
    } catch (thrown) {
      signal.throwIfAborted();
      if (!this.deadline.aborted) throw thrown;
      throw invalid(param, `not all media of the request could be downloaded within ${downloadsMs / 1000} seconds`);
    }
  }

  private async file(fileId: string, limit: number, work: SourceWork): Promise<Uint8Array> {
    let announced = 0;
    // counted before they are read: several large files at once must not be read into memory just to be refused
    const admit = (bytes: number): void => {
      if (bytes > limit) throw tooLarge(limit, work.param);
      announced = bytes;
      this.spend(bytes, work.param);
    };
    try {
      const file = await this.options.files?.(fileId, this.callerKeyId, admit);
      if (file === undefined) throw invalid(work.param, "names a file that does not exist");
      return file.bytes;
    } finally {
      // `load` counts the bytes that came
      this.bytes -= announced;
    }
  }
}

/** Where bytes are loaded from, once for all parts that name it; `undefined` for a data URL, whose bytes are here. */
export function placeOf(media: Media): string | undefined {
  if (media.kind === "file") return `mm_file://${media.fileId}`;
  return media.kind === "url" ? addressOf(media.url) : undefined;
}

/** `undefined` for a data URL; no other URL is that long. */
function addressOf(url: string | LongText): string | undefined {
  return typeof url !== "string" || /^data:/i.test(url) ? undefined : url;
}

/** Bytes hashed before other work gets a turn: a few milliseconds. */
const sliceBytes = 4 << 20;

/** SHA-256 in base64: the key under which prepared content is remembered. */
export async function digestOf(bytes: Uint8Array): Promise<string> {
  const hash = createHash("sha256");
  for (let from = 0; from < bytes.length; from += sliceBytes) {
    hash.update(bytes.subarray(from, from + sliceBytes));
    if (from + sliceBytes < bytes.length) await nextTurn();
  }
  return hash.digest("base64");
}

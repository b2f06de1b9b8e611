import type { LookupFunction } from "node:net";
import { FairQueue } from "../lib/fair-queue.ts";
import { Downloader } from "./fetch.ts";
import { ImageReader } from "./image.ts";
import { MediaPreparer } from "./prepare.ts";
import type { MediaSettings } from "./settings.ts";
import type { FilePort } from "./source.ts";
import { ProcessVideoReader } from "./video.ts";

/** The settings `media`, and what stands outside of them. */
export interface MediaOptions extends MediaSettings {
  /** Uploaded files; without it every `mm_file://` is unknown. */
  files?: FilePort;
  /** Instead of the system's resolver. */
  lookup?: LookupFunction | undefined;
}

/** Processes that sample videos at once. */
const videosAtOnce = 2;
/** Images decoded at once have at most this many times `imagePixels` together. */
const imagesAtOnce = 1.5;
const imageSeconds = 20;

/** Everything that turns media into what engines take, within the configured bounds. */
export function openMedia(options: MediaOptions): MediaPreparer {
  const { download } = options;
  return new MediaPreparer({
    downloader: download.enabled ? openDownloader(options) : undefined,
    downloadsMs: download.requestSeconds * 1000,
    files: options.files,
    requestBytes: options.requestBytes,
    requestMs: options.requestSeconds * 1000,
    limits: {
      image: { inline: options.imageBytes, file: options.imageBytes },
      video: { inline: options.videoBytes, file: options.videoFileBytes },
    },
    images: new ImageReader(
      { maxPixels: options.imagePixels, timeoutSeconds: imageSeconds },
      new FairQueue({ capacity: () => options.imagePixels * imagesAtOnce }),
    ),
    videos: new ProcessVideoReader({
      timeoutMs: options.videoSeconds * 1000,
      memoryBytes: options.videoMemoryBytes,
      ffmpeg: options.ffmpeg,
      slots: new FairQueue({ capacity: () => videosAtOnce }),
    }),
    cacheBytes: options.cacheBytes,
    rememberMs: download.rememberSeconds * 1000,
  });
}

function openDownloader({ download, lookup }: MediaOptions): Downloader {
  const { allow, timeoutSeconds, redirects } = download;
  return new Downloader({ allow, redirects, timeoutMs: timeoutSeconds * 1000, lookup });
}

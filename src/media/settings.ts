import { z } from "zod";
import { networkPlace, positive, seconds } from "../lib/setting-type.ts";

const mebibyte = 1024 * 1024;

/** The settings `media`: images and videos that callers send (docs/media.md). */
export const mediaSettings = z.strictObject({
  imageBytes: positive.default(10 * mebibyte).describe("Largest image in bytes."),
  imagePixels: positive.default(100_000_000).describe("Most pixels of an image that is decoded, before it is scaled."),
  videoBytes: positive.default(50 * mebibyte).describe("Largest video in bytes by URL or data URL."),
  videoFileBytes: positive.default(512 * mebibyte).describe("Largest video in bytes by `mm_file://`."),
  requestBytes: positive.default(1024 * mebibyte).describe("Most bytes of all media of one request together."),
  requestSeconds: seconds
    .positive()
    .default(300)
    .describe("For all media of one request together: downloads, waiting for a turn, decoding."),
  videoSeconds: seconds.positive().default(60).describe("How long sampling the frames of one video may take."),
  videoMemoryBytes: positive
    .default(1024 * mebibyte)
    .describe("Most memory of the process that samples a video's frames."),
  ffmpeg: z
    .string()
    .min(1)
    .exactOptional()
    .describe("Path of an `ffmpeg` to sample videos with; default is the optional package node-av."),
  cacheBytes: z
    .int()
    .min(0)
    .default(128 * mebibyte)
    .describe("Prepared images and frames kept in memory, so that a conversation's next turn need not decode again."),
  download: z
    .strictObject({
      enabled: z.boolean().default(true).describe("Whether http and https URLs of callers are downloaded at all."),
      allow: z
        .array(networkPlace)
        .default([])
        .describe("Hosts (`*.` for all below), addresses and networks that may be asked although they are not public."),
      timeoutSeconds: seconds.positive().default(20).describe("For one download, redirects included."),
      requestSeconds: seconds.positive().default(60).describe("For all downloads of one request together."),
      redirects: z.int().min(0).default(3).describe("Most redirects followed."),
      rememberSeconds: seconds
        .min(0)
        .default(300)
        .describe("How long a URL is taken to hold what it held, so that later turns need not download it again."),
    })
    .prefault({}),
});
export type MediaSettings = z.output<typeof mediaSettings>;

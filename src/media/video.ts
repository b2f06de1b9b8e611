import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deleteAbandoned } from "../lib/abandoned.ts";
import { diskFault } from "../lib/disk-fault.ts";
import type { FairQueue } from "../lib/fair-queue.ts";
import { missingPackage } from "../lib/optional-package.ts";
import { ownedName } from "../lib/owner.ts";
import { sniffVideo, type VideoFormat } from "../lib/sniff.ts";
import { invalid, ParleyError } from "../model/error.ts";
import type { Frame } from "../model/item.ts";
import { runChild, type ChildOptions, type ChildOutcome, type Run } from "./child.ts";
import { ffmpegFrames } from "./ffmpeg.ts";
import type { VideoReader, VideoWork } from "./prepare.ts";
import type { FrameHead, VideoJob } from "./video-job.ts";

export interface VideoReaderOptions {
  /** For one video. */
  timeoutMs: number;
  /** Of the process that reads it. */
  memoryBytes: number;
  /** A system `ffmpeg` instead of the package node-av. */
  ffmpeg: string | undefined;
  /** Bounds how many are read at once; keys take turns. */
  slots: FairQueue;
}

/** FFmpeg's names of the containers. Only the one that fits the content is tried. */
const demuxers: Readonly<Record<VideoFormat, string>> = {
  mp4: "mov",
  mov: "mov",
  avi: "avi",
  mkv: "matroska",
  webm: "matroska",
};

/** Of the temporary folder of one video. */
const folderPrefix = "parley-video-";
/** Reading takes a minute: a folder that another machine or container made and did not change for this long is left. */
const unchangedMs = 3_600_000;
/** Seconds after which a video that did not fit into the temporary folder may be sent again. */
const retryAfter = 60;
/** JavaScript's part of the process's memory; frames lie outside of it. */
const heapMebibytes = 192;
/** Of all frames of one video; the caps on frames and pixels keep real ones far below. */
const outputBytes = 256 * 1024 * 1024;
/** Exit status of a worker without its package; the others mean that the file gave no frames. */
const exitNoPackage = 10;

// built or not, the worker lies beside this file and has the same extension
const worker = fileURLToPath(new URL(`./video-worker${import.meta.url.slice(-3)}`, import.meta.url));

/** Throws `unavailable` where the temporary folder takes no more, any other error as it is. */
function withoutRoom(error: unknown): never {
  const fault = diskFault(error);
  if (fault === undefined) throw error;
  const words = fault === "full" ? "has no room left" : "cannot be written";
  throw new ParleyError("unavailable", `the server's temporary folder ${words}`, { cause: error, retryAfter });
}

/** Deletes the temporary folders of videos that ended processes left. */
export async function deleteAbandonedVideos(): Promise<void> {
  await deleteAbandoned(tmpdir(), { prefix: folderPrefix, unchangedMs, now: Date.now() });
}

/** Samples videos in a process of its own, so that a hostile file takes down neither the server nor its memory. */
export class ProcessVideoReader implements VideoReader {
  private readonly options: VideoReaderOptions;

  constructor(options: VideoReaderOptions) {
    this.options = options;
  }

  /** Throws `invalid` naming the part when the file gives no frames within the bounds. */
  async read(bytes: Uint8Array, work: VideoWork): Promise<readonly Frame[]> {
    return await this.options.slots.run({ owner: work.callerKeyId }, work.signal, async () => {
      const folder = join(tmpdir(), folderPrefix + ownedName());
      try {
        const path = join(folder, "video");
        await mkdir(folder, { mode: 0o700 }).catch(withoutRoom);
        await writeFile(path, bytes, { mode: 0o600, signal: work.signal }).catch(withoutRoom);
        return await this.sample(bytes, path, work);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  }

  private async sample(bytes: Uint8Array, path: string, work: VideoWork): Promise<readonly Frame[]> {
    const format = sniffVideo(bytes);
    if (format === undefined) throw invalid(work.param, "is not a video");
    const job: VideoJob = { path, demuxer: demuxers[format], fps: work.fps, maxSide: work.maxSide };
    const { ffmpeg } = this.options;
    const run: Run = async (command, args) => this.checked(await this.start(command, args, work), work);
    const frames =
      ffmpeg === undefined ? await this.workerFrames(job, run, work.param) : await ffmpegFrames(ffmpeg, job, run);
    if (frames.length === 0) throw invalid(work.param, "holds no video that can be read");
    return frames;
  }

  private async workerFrames(job: VideoJob, run: Run, param: string): Promise<readonly Frame[]> {
    const missing = missingPackage("node-av") ?? missingPackage("sharp");
    if (missing !== undefined) {
      throw invalid(param, `cannot be read by this server: ${missing}; or set media.ffmpeg (docs/media.md)`);
    }
    const { output } = await run(process.execPath, [
      `--max-old-space-size=${heapMebibytes}`,
      worker,
      JSON.stringify(job),
    ]);
    return readFrames(output);
  }

  private async start(command: string, args: readonly string[], work: VideoWork): Promise<ChildOutcome> {
    const { timeoutMs, memoryBytes } = this.options;
    const options: ChildOptions = { command, args, timeoutMs, memoryBytes, outputBytes, signal: work.signal };
    try {
      return await runChild(options);
    } catch (thrown) {
      work.signal.throwIfAborted();
      throw new ParleyError("internal", `cannot start ${command}`, { cause: thrown });
    }
  }

  private checked(outcome: ChildOutcome, { param }: VideoWork): ChildOutcome {
    const { timeoutMs, memoryBytes } = this.options;
    if (outcome.end === "time") throw invalid(param, `takes longer than ${timeoutMs / 1000} seconds to read`);
    if (outcome.end === "memory") throw invalid(param, `takes more than ${memoryBytes} bytes of memory to read`);
    if (outcome.end === "output") throw invalid(param, "has frames that are too large");
    if (outcome.code === exitNoPackage) {
      throw invalid(
        param,
        "cannot be read: the package node-av does not load on this machine; media.ffmpeg is another way (docs/media.md)",
      );
    }
    return outcome;
  }
}

/** Lines of JSON, each followed by the picture it announces. What a crash truncated is left out. */
function readFrames(output: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let from = 0; from < output.length;) {
    const end = output.indexOf("\n", from);
    if (end < 0) break;
    const { at, bytes, size, color } = JSON.parse(output.toString("utf8", from, end)) as FrameHead;
    from = end + 1 + bytes;
    if (from > output.length) break;
    frames.push({ at, mime: "image/jpeg", bytes: output.subarray(end + 1, from), size, color });
  }
  return frames;
}

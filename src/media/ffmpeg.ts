import type { Frame } from "../model/item.ts";
import type { Run } from "./child.ts";
import { evenFilter, planSampling, type VideoFacts, type VideoJob } from "./video-job.ts";

/** Samples with a system's own `ffmpeg`: one run to learn size and length, one for the frames. */
export async function ffmpegFrames(command: string, job: VideoJob, run: Run): Promise<readonly Frame[]> {
  const input = ["-hide_banner", "-nostdin", "-protocol_whitelist", "file,pipe", "-f", job.demuxer, "-i", job.path];
  const facts = readFacts((await run(command, input)).errors);
  if (facts === undefined) return [];
  const plan = planSampling(facts, job);
  const output = [
    "-map",
    "0:v:0",
    "-vf",
    evenFilter(plan),
    "-frames:v",
    String(plan.frames),
    "-c:v",
    "mjpeg",
    "-q:v",
    "4",
  ];
  const pipe = ["-pix_fmt", "yuvj420p", "-f", "image2pipe", "pipe:1"];
  const pictures = splitJpegs((await run(command, ["-skip_frame", plan.skip, ...input, ...output, ...pipe])).output);
  const { fps, width, height } = plan;
  return pictures.map((bytes, index) => {
    return { at: Math.round((index / fps) * 1000) / 1000, mime: "image/jpeg", bytes, size: { width, height } };
  });
}

/** Reads the output of `ffmpeg -i`; `undefined` where it names no video. Turned clips are shown upright, so their sides change places. */
export function readFacts(text: string): VideoFacts | undefined {
  const stream = /Stream #\S+.*: Video: .*?[ ,](\d{1,5})x(\d{1,5})[ ,]/.exec(text);
  if (stream === null) return undefined;
  const [hours, minutes, seconds] = /Duration: (\d+):(\d+):([\d.]+)/.exec(text)?.slice(1).map(Number) ?? [];
  const duration = (hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0);
  const rate = Number(/, ([\d.]+) fps/.exec(text)?.[1] ?? 0);
  const sides = [Number(stream[1]), Number(stream[2])] as const;
  const turned = /rotation of -?(?:90|270)\./.test(text);
  return { width: sides[turned ? 1 : 0], height: sides[turned ? 0 : 1], duration, rate };
}

/** Pictures one after another. Inside of a JPEG the end marker cannot occur, for 0xff bytes are stuffed. */
function splitJpegs(output: Buffer): Buffer[] {
  const pictures: Buffer[] = [];
  const marker = Buffer.from([0xff, 0xd9]);
  for (let from = 0, end = output.indexOf(marker); end >= 0; end = output.indexOf(marker, from)) {
    pictures.push(output.subarray(from, end + 2));
    from = end + 2;
  }
  return pictures;
}

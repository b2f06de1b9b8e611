/** A process of its own: reads one video that cannot be trusted and writes its frames as JPEG to standard output. */
import type { Frame as DecodedFrame, Stream } from "node-av";
import sharp from "sharp";
import { mainColorOf } from "./color.ts";
import type { FrameHead, VideoJob } from "./video-job.ts";
import { evenFilter, ownFilter, planSampling, quarterTurns } from "./video-job.ts";

/** Exit statuses that the parent (`video.ts`) knows. */
const exitNoPackage = 10;
const exitNoVideo = 11;
/** Pixels of one frame before scaling: 8K. */
const framePixels = 7680 * 4320;

async function main(): Promise<void> {
  const job = JSON.parse(process.argv[2] ?? "{}") as VideoJob;
  const av = await import("node-av").catch(() => process.exit(exitNoPackage));
  av.Log.setLevel(av.AV_LOG_QUIET);
  await using input = await av.Demuxer.open(job.path, {
    format: job.demuxer,
    // No playlist, no subtitle and no reference inside of the file may open another file or address.
    options: { protocol_whitelist: "file", format_whitelist: job.demuxer },
  });
  const stream = input.video();
  if (stream === undefined) process.exit(exitNoVideo);
  const turns = quarterTurns(stream.codecpar.getCodedSideData(av.AV_PKT_DATA_DISPLAYMATRIX));
  const duration = Number.isFinite(input.duration) ? Math.max(0, input.duration) : 0;
  const { num, den } = stream.avgFrameRate;
  const plan = planSampling({ ...sizeOf(stream, turns % 2 === 1), duration, rate: den > 0 ? num / den : 0 }, job);
  using decoder = await av.Decoder.create(stream, { options: { max_pixels: framePixels, skip_frame: plan.skip } });
  const steps = plan.skip === "nokey" ? ownFilter(plan) : evenFilter(plan);
  using filter = av.FilterAPI.create(`${"transpose=clock,".repeat(turns)}${steps},format=rgb24`);
  let count = 0;
  let start: number | undefined;
  for await (const frame of filter.frames(decoder.frames(input.packets(stream.index)))) {
    if (frame === null) continue;
    const time = (Number(frame.pts) * frame.timeBase.num) / frame.timeBase.den;
    start ??= time;
    await writeFrame(frame, time - start);
    frame.free();
    count += 1;
    if (count >= plan.frames) break;
  }
  process.exit(count === 0 ? exitNoVideo : 0);
}

/** Sides as they are shown. */
function sizeOf(stream: Stream, sideways: boolean): { width: number; height: number } {
  const { width, height } = stream.codecpar;
  if (!(width > 0 && height > 0) || width * height > framePixels) process.exit(exitNoVideo);
  return sideways ? { width: height, height: width } : { width, height };
}

/** The frame's pixels are RGB, 3 bytes each. */
async function writeFrame(frame: DecodedFrame, at: number): Promise<void> {
  const { width, height } = frame;
  const picture = sharp(frame.toBuffer(), { raw: { width, height, channels: 3 } });
  const [jpeg, thumbnail] = await Promise.all([
    picture.clone().jpeg({ quality: 85 }).toBuffer(),
    picture.clone().resize(16, 16, { fit: "fill", kernel: "nearest" }).raw().toBuffer(),
  ]);
  const color = mainColorOf(thumbnail, 3);
  const head: FrameHead = { at: Math.round(at * 1000) / 1000, bytes: jpeg.length, size: { width, height }, color };
  await writeAll(Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), jpeg]));
}

/** Waits until the parent has read, so that nothing piles up here and nothing is lost at the exit. */
async function writeAll(bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve) => {
    process.stdout.write(bytes, () => resolve());
  });
}

main().catch((error: unknown) => {
  process.stderr.write(error instanceof Error ? error.message : String(error));
  process.exit(exitNoVideo);
});

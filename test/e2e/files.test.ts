/** A clip is uploaded once and then seen by its id, in every surface, by its owner; on disk and in a bucket. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blue, clip, lime, png, red } from "../media/fixture.ts";
import { bucketKeys, startBucket, type Bucket } from "../store/blob-bucket.ts";
import { startServer, testKey, type Running } from "./start.ts";

const otherKey = "sk-test-other-0123456789";
const frames = "320x240, seen as 3 frames, mostly red, then green, then blue";

let bucket: Bucket;
let movie: Buffer;
beforeAll(async () => {
  bucket = await startBucket("uploads");
  movie = await clip({ extension: "mp4", colors: [red, lime, blue] });
});
afterAll(() => bucket.stop());

async function upload(parley: Running, bytes: Uint8Array, purpose = "video_understanding"): Promise<number> {
  const form = new FormData();
  form.append("purpose", purpose);
  form.append("file", new Blob([bytes as never]), "clip.mp4");
  const response = await fetch(`${parley.url}/v1/files/upload`, {
    method: "POST",
    body: form,
    headers: { authorization: `Bearer ${testKey}` },
  });
  const { file, base_resp } = (await response.json()) as { file: { file_id: number }; base_resp: object };
  expect(base_resp).toEqual({ status_code: 0, status_msg: "success" });
  return file.file_id;
}

async function chat(parley: Running, parts: unknown[], key = testKey): Promise<{ status: number; text: string }> {
  const response = await parley.call("/v1/chat/completions", {
    method: "POST",
    key,
    body: JSON.stringify({
      model: "MiniMax-M3",
      messages: [{ role: "user", content: [{ type: "text", text: "What do you see?" }, ...parts] }],
    }),
  });
  return { status: response.status, text: await response.text() };
}

const video = (id: number): unknown => ({ type: "video_url", video_url: { url: `mm_file://${id}` } });
const remove = (parley: Running, id: number): Promise<Response> =>
  parley.call("/v1/files/delete", { method: "POST", body: JSON.stringify({ file_id: id }) });

describe.each([
  ["on disk", () => ({ store: "disk" })],
  ["in a bucket", () => ({ store: "s3", s3: { ...bucketKeys, endpoint: bucket.endpoint, bucket: "uploads" } })],
])("a clip kept %s", (_name, files) => {
  let parley: Running;
  beforeAll(async () => {
    parley = await startServer({ engine: "sim", apiKeys: [testKey, otherKey], files: files() });
  });
  afterAll(() => parley.stop());

  it("is seen by its owner through chat completions and responses, until it is deleted", async () => {
    const id = await upload(parley, movie);
    const seen = await chat(parley, [video(id)]);
    expect(seen.status).toBe(200);
    expect(seen.text).toContain(frames);
    const answer = await parley.openai.responses.create({
      model: "MiniMax-M3",
      input: [{ role: "user", content: [{ type: "input_video", video_url: `mm_file://${id}` }] as never }],
    });
    expect(answer.output_text).toContain(frames);
    const content = await parley.call(`/v1/files/retrieve_content?file_id=${id}`);
    expect(Buffer.from(await content.arrayBuffer()).equals(movie)).toBe(true);

    expect((await remove(parley, id)).status).toBe(200);
    const gone = await chat(parley, [video(id)]);
    expect(gone.status).toBe(400);
    expect(gone.text).toContain("messages[0].content[1].video_url: names a file that does not exist");
    expect(bucket.objects.size).toBe(0);
    expect(await readdir(join(parley.data, "files"), { recursive: true })).toEqual(["incoming"]);
  });

  it("does not exist for others", async () => {
    const id = await upload(parley, movie);
    const { status, text } = await chat(parley, [video(id)], otherKey);
    expect(status).toBe(400);
    expect(text).toContain("names a file that does not exist");
    await remove(parley, id);
  });

  it("may stand beside an uploaded picture", async () => {
    const ids = [
      await upload(parley, movie),
      await upload(parley, await png(40, 30, "blue"), "video_generation_input"),
    ];
    const image = { type: "image_url", image_url: { url: `mm_file://${ids[1]}` } };
    const { text } = await chat(parley, [video(ids[0]!), image]);
    expect(text).toContain(frames);
    expect(text).toContain("40x30, mostly blue");
    for (const id of ids) await remove(parley, id);
  });
});

it("files that are too large together are refused before they are read", async () => {
  const parley = await startServer({ engine: "sim", media: { requestBytes: 3 * 1024 * 1024 } });
  try {
    const large = Buffer.concat([movie, Buffer.alloc(2 * 1024 * 1024)]);
    const ids = await Promise.all([upload(parley, large), upload(parley, large)]);
    expect((await chat(parley, [video(ids[0]!)])).text).toContain(frames);
    const { status, text } = await chat(parley, ids.map(video));
    expect(status).toBe(400);
    expect(text).toContain("the media of one request exceed 3145728 bytes together");
  } finally {
    await parley.stop();
  }
});

it("a bucket in trouble is told in words, and nothing stays", async () => {
  const s3 = { ...bucketKeys, endpoint: bucket.endpoint, bucket: "uploads" };
  const parley = await startServer({ engine: "sim", files: { store: "s3", s3 } });
  try {
    bucket.trouble.push(500, 500, 500);
    const form = new FormData();
    form.append("purpose", "video_understanding");
    form.append("file", new Blob([movie as never]), "clip.mp4");
    const init = { method: "POST", body: form, headers: { authorization: `Bearer ${testKey}` } };
    const told = await fetch(`${parley.url}/v1/files/upload`, init);
    expect(await told.json()).toEqual({
      base_resp: { status_code: 1013, status_msg: "the bucket that keeps files answered 500" },
    });
    expect(bucket.objects.size).toBe(0);
    expect(await readdir(join(parley.data, "files"), { recursive: true })).toEqual(["incoming"]);
    expect(((await (await parley.call("/v1/files/list")).json()) as { files: unknown[] }).files).toEqual([]);
  } finally {
    await parley.stop();
  }
});

/** Blobs on disk and in a bucket, and the way in. */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BlobStore, Spool } from "../../src/store/blob/blob.ts";
import { openBlobs } from "../../src/store/open.ts";
import { LogRecord } from "../telemetry/record.ts";
import { bucketKeys, startBucket, type Bucket } from "./blob-bucket.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-blob-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function* chunks(...parts: (Uint8Array | Error)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Error) throw part;
    yield part;
  }
}

const incoming = async (): Promise<string[]> => {
  const names = await readdir(join(folder, "files"), { recursive: true });
  return names.filter((name) => name.startsWith("incoming/"));
};

async function text(blobs: BlobStore, id: number): Promise<string | undefined> {
  const body = await blobs.read(id);
  return body === undefined ? undefined : (await buffer(body)).toString();
}

describe("the spool", () => {
  it("writes what comes in, tells its size and hash, and forgets it when told", async () => {
    const { spool } = await openBlobs(folder);
    const spooled = await spool.receive(chunks(Buffer.from("ab"), Buffer.alloc(0), Buffer.from("c")));
    expect(spooled).toMatchObject({
      bytes: 3,
      sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    });
    expect(await readFile(spooled.path, "utf8")).toBe("abc");
    expect((await stat(spooled.path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, "files"))).mode & 0o777).toBe(0o700);
    await spool.discard(spooled);
    await spool.discard(spooled);
    expect(await incoming()).toEqual([]);
  });

  it("leaves nothing of an upload that breaks off", async () => {
    const { spool } = await openBlobs(folder);
    const broken = new Error("gone");
    await expect(spool.receive(chunks(Buffer.from("ab"), broken))).rejects.toBe(broken);
    expect(await incoming()).toEqual([]);
  });

  it("says that the disk is full", async () => {
    const { spool } = await openBlobs(folder);
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    await expect(spool.receive(chunks(Buffer.from("ab"), full))).rejects.toMatchObject({
      kind: "unavailable",
      retryAfter: 60,
      message: "the server has no room left to keep the file",
      cause: full,
    });
    expect(await incoming()).toEqual([]);
  });

  it("sweeps at once what a killed process of this machine left, never what a running one receives", async () => {
    const { spool } = await openBlobs(folder);
    const spooled = await spool.receive(chunks(Buffer.from("ab")));
    const [machine, , start] = basename(spooled.path).split("-");
    const left = join(folder, "files", "incoming", `${machine}-4194304-${start}-00`);
    await writeFile(left, "x");
    const before = (Date.now() - 2 * 3_600_000) / 1000;
    await utimes(spooled.path, before, before);
    await spool.sweep(Date.now());
    expect(await incoming()).toEqual([`incoming/${basename(spooled.path)}`]);
    await spool.discard(spooled);
  });

  it("sweeps what another machine left when it is an hour old, not what still comes in", async () => {
    const { spool } = await openBlobs(folder);
    await spool.sweep(Date.now());
    await mkdir(join(folder, "files", "incoming"), { recursive: true });
    const [old, fresh] = [join(folder, "files", "incoming", "old"), join(folder, "files", "incoming", "fresh")];
    await writeFile(old, "x");
    await writeFile(fresh, "x");
    const before = (Date.now() - 2 * 3_600_000) / 1000;
    await utimes(old, before, before);
    await spool.sweep(Date.now());
    expect(await incoming()).toEqual(["incoming/fresh"]);
  });
});

interface Kept {
  spool: Spool;
  blobs: BlobStore;
  stop(): Promise<void>;
}

describe.each<[string, () => Promise<Kept>]>([
  ["on disk", async () => ({ ...(await openBlobs(folder)), stop: async () => undefined })],
  [
    "in a bucket",
    async () => {
      const bucket = await startBucket("uploads");
      return { ...(await openBlobs(folder, bucketOptions(bucket))), stop: () => bucket.stop() };
    },
  ],
])("blobs %s", (_name, open) => {
  let kept: Kept;
  beforeEach(async () => {
    kept = await open();
  });
  afterEach(async () => {
    await kept.blobs.close();
    await kept.stop();
  });

  const put = async (id: number, bytes: Uint8Array): Promise<void> =>
    kept.blobs.put(id, await kept.spool.receive(chunks(bytes)));

  it("are what was put, byte for byte, and gone when deleted", async () => {
    const bytes = randomBytes(3_000_001);
    await put(123_456_789_012_345, bytes);
    const body = await kept.blobs.read(123_456_789_012_345);
    expect((await buffer(body!)).equals(bytes)).toBe(true);
    expect(await incoming()).toEqual([]);
    await kept.blobs.delete(123_456_789_012_345);
    await kept.blobs.delete(123_456_789_012_345);
    expect(await kept.blobs.read(123_456_789_012_345)).toBeUndefined();
  });

  it("are put two at once", async () => {
    await Promise.all([put(1, Buffer.from("one")), put(2, Buffer.from("two"))]);
    expect([await text(kept.blobs, 1), await text(kept.blobs, 2)]).toEqual(["one", "two"]);
  });

  it("are read to their end although they are deleted meanwhile", async () => {
    const bytes = randomBytes(2_000_000);
    await put(3, bytes);
    const body = (await kept.blobs.read(3))!;
    await kept.blobs.delete(3);
    expect((await buffer(body)).equals(bytes)).toBe(true);
  });
});

function bucketOptions(bucket: Bucket) {
  return { ...bucketKeys, endpoint: bucket.endpoint, bucket: "uploads", prefix: "parley/v1.x_y-z/", pathStyle: true };
}

describe("a bucket", () => {
  let bucket: Bucket;
  beforeEach(async () => {
    bucket = await startBucket("uploads");
  });
  afterEach(() => bucket.stop());

  async function attempt(changes: object = {}, id = 7): Promise<void> {
    const { spool, blobs } = await openBlobs(folder, { ...bucketOptions(bucket), ...changes });
    const spooled = await spool.receive(chunks(Buffer.from("seven")));
    try {
      await blobs.put(id, spooled);
    } finally {
      await spool.discard(spooled);
      await blobs.close();
    }
  }

  it("is asked under the prefix", async () => {
    await attempt();
    expect([...bucket.objects.keys()]).toEqual(["/uploads/parley/v1.x_y-z/7"]);
  });

  it("is asked again after trouble of its own, with the whole body", async () => {
    bucket.trouble.push(503, 500);
    await attempt();
    expect(bucket.asked).toHaveLength(3);
    expect([...bucket.objects.values()].map(String)).toEqual(["seven"]);
    bucket.trouble.push(500, 500, 500);
    await expect(attempt()).rejects.toMatchObject({ kind: "upstream", message: expect.stringContaining("500") });
  });

  it.each([
    ["a wrong secret", { secret: "wrong" }, "answered 403"],
    ["an unknown key", { key: "NOBODY" }, "answered 403"],
    ["another region", { region: "us-east-1" }, "answered 403"],
    ["no such bucket", { bucket: "nowhere" }, "answered 404"],
  ])("refuses %s, once", async (_name, changes, message) => {
    await expect(attempt(changes)).rejects.toMatchObject({
      kind: "upstream",
      message: expect.stringContaining(message),
    });
    expect(bucket.asked).toHaveLength(1);
    expect(bucket.objects.size).toBe(0);
    const { blobs } = await openBlobs(folder, { ...bucketOptions(bucket), ...changes });
    await expect(blobs.read(7)).rejects.toMatchObject({ kind: "upstream" });
    await blobs.close();
  });

  it("in the host name needs an endpoint that has one", async () => {
    await expect(openBlobs(folder, { ...bucketOptions(bucket), pathStyle: false })).rejects.toThrow("needs pathStyle");
    const named = { ...bucketOptions(bucket), endpoint: "https://s3.example.com:9000", pathStyle: false };
    await (await openBlobs(folder, named)).blobs.close();
  });

  it("is in the log with address and reason when it cannot be used, once, and when it can again", async () => {
    const record = new LogRecord();
    const { spool, blobs } = await openBlobs(folder, { ...bucketOptions(bucket), log: record.log });
    bucket.trouble.push(500, 500, 500, 500, 500, 500);
    for (let at = 0; at < 2; at++) await expect(blobs.read(7)).rejects.toMatchObject({ kind: "upstream" });
    await blobs.put(7, await spool.receive(chunks(Buffer.from("seven"))));
    await blobs.close();
    const place = { bucket: `${bucket.endpoint}/uploads/parley/v1.x_y-z/` };
    expect(record.lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { level: 50, ...place, reason: "the bucket that keeps files answered 500" },
      { level: 40, ...place, msg: "the bucket that keeps files can be used again" },
    ]);
  });

  it("that cannot be reached says so", async () => {
    const { endpoint } = bucket;
    await bucket.stop();
    await expect(attempt({ endpoint })).rejects.toMatchObject({
      kind: "upstream",
      message: "the bucket that keeps files could not be reached",
    });
  });
});

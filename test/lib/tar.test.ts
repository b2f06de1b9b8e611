import { spawnSync } from "node:child_process";
import { Readable } from "node:stream";
import fc from "fast-check";
import { expect, it } from "vitest";
import { readTar, TarError, writeTar, type TarFile } from "../../src/lib/tar.ts";

interface Plain {
  name: string;
  content: Buffer;
}

function file({ name, content }: Plain): TarFile {
  return { name, bytes: content.length, chunks: Readable.from(content.length === 0 ? [] : [content]) };
}

async function packed(files: readonly Plain[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of writeTar(Readable.from(files.map(file)), Date.UTC(2026, 10, 28))) parts.push(part);
  return Buffer.concat(parts);
}

/** In chunks of `size`; of every file only the first `most` chunks are read. */
async function unpacked(archive: Buffer, size: number, most = Infinity): Promise<Plain[]> {
  const chunks: Buffer[] = [];
  for (let from = 0; from < archive.length; from += size) chunks.push(archive.subarray(from, from + size));
  const files: Plain[] = [];
  for await (const { name, bytes, chunks: parts } of readTar(Readable.from(chunks))) {
    files.push({ name, content: Buffer.concat(most > 0 ? await firstChunks(parts, most) : []) });
    if (most === Infinity) expect(bytes).toBe(files.at(-1)?.content.length);
  }
  return files;
}

async function firstChunks(parts: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array[]> {
  const read: Uint8Array[] = [];
  for await (const part of parts) {
    read.push(part);
    if (read.length >= most) break;
  }
  return read;
}

const plain = fc.record({
  name: fc.stringMatching(/^[a-z][a-z0-9/.-]{0,99}$/),
  content: fc.uint8Array({ maxLength: 1500 }).map((bytes) => Buffer.from(bytes)),
});

it("what is written is read again, however the bytes arrive, also where a file is skipped", async () => {
  const cases = fc.asyncProperty(
    fc.array(plain, { maxLength: 5 }),
    fc.integer({ min: 1, max: 2000 }),
    async (files, size) => {
      const archive = await packed(files);
      expect(archive.length % 512).toBe(0);
      expect(await unpacked(archive, size)).toEqual(files);
      for (const most of [0, 1])
        expect((await unpacked(archive, size, most)).map(({ name }) => name)).toEqual(files.map(({ name }) => name));
    },
  );
  await fc.assert(cases, { numRuns: 60 });
});

it("the system's tar reads it", async () => {
  const archive = await packed([{ name: "files/1", content: Buffer.from("one") }]);
  const { status, stdout } = spawnSync("tar", ["-xOf", "-", "files/1"], { input: archive, encoding: "utf8" });
  expect([status, stdout]).toEqual([0, "one"]);
});

it("a size beyond eleven octal digits is kept", async () => {
  const bytes = 2 ** 40 + 7;
  const big = { name: "big", bytes, chunks: Readable.from([]) };
  const [head = new Uint8Array()] = (await Readable.from(
    firstOf(writeTar(Readable.from([big]), 0)),
  ).toArray()) as Uint8Array[];
  const files = readTar(Readable.from([head]));
  expect((await files.next()).value).toMatchObject({ name: "big", bytes });
});

async function* firstOf(parts: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const part of parts) {
    yield part;
    return;
  }
}

it("what is no archive, or breaks off, is an error", async () => {
  const archive = await packed([{ name: "a", content: Buffer.from("0123456789") }]);
  for (const length of [0, 100, 512, 515, 1024, 1500]) {
    await expect(unpacked(archive.subarray(0, length), 64), `${length} bytes`).rejects.toThrow(TarError);
  }
  await expect(unpacked(Buffer.alloc(2048, "x"), 64)).rejects.toThrow(/no tar archive/);
  await expect(packed([{ name: "n".repeat(101), content: Buffer.alloc(0) }])).rejects.toThrow(/too long/);
  const lying = { name: "a", bytes: 5, chunks: Readable.from([Buffer.from("abc")]) };
  await expect(Readable.from(writeTar(Readable.from([lying]), 0)).toArray()).rejects.toThrow(/has 3 bytes, not 5/);
});

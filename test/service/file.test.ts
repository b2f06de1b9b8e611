/** What the endpoints cannot show: failures below, crashes, sweeps, and what never lies in memory whole. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { textCipher } from "../../src/lib/cipher.ts";
import { systemIds } from "../../src/model/id.ts";
import { FileService, type UploadPart } from "../../src/service/file.ts";
import { ContentReader } from "../../src/service/file-content.ts";
import type { BlobStore, Spool } from "../../src/store/blob/blob.ts";
import { openBlobs } from "../../src/store/open.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { silentLog } from "../../src/telemetry/log.ts";

const caller = { keyId: "k1", name: "one" };
const dayMs = 86_400_000;
let now = Date.UTC(2026, 10, 20);
let folder: string;
let store: Store;
let opened: { spool: Spool; blobs: BlobStore };
let files: FileService;

function service(changes: { blobs?: Partial<BlobStore>; spool?: Partial<Spool> } = {}): FileService {
  const { blobs, spool } = opened;
  return new FileService({
    files: store.files,
    blobs: {
      put: (...a) => blobs.put(...a),
      read: (id) => blobs.read(id),
      delete: (id) => blobs.delete(id),
      close: async () => undefined,
      ...changes.blobs,
    },
    spool: {
      receive: (chunks) => spool.receive(chunks),
      discard: (one) => spool.discard(one),
      sweep: (at) => spool.sweep(at),
      ...changes.spool,
    },
    ids: { ...systemIds, now: () => now },
    log: silentLog,
    quota: { count: 10, bytes: 1_000_000_000 },
    fileBytes: 512 * 1024 * 1024,
    retentionMs: 7 * dayMs,
    links: textCipher("secret"),
  });
}

beforeEach(async () => {
  now = Date.UTC(2026, 10, 20);
  folder = await mkdtemp(join(tmpdir(), "parley-file-service-"));
  store = await openStore();
  opened = await openBlobs(folder);
  files = service();
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

async function* form(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<UploadPart> {
  yield { type: "field", name: "purpose", value: "retrieval" };
  const all = async function* () {
    yield* chunks;
  };
  yield { type: "file", name: "file", filename: "a.txt", chunks: all() };
}
const text = (said: string): AsyncGenerator<UploadPart> => form([Buffer.from(said)]);
const kept = async (): Promise<string[]> =>
  (await readdir(join(folder, "files"), { recursive: true })).filter((name) => name !== "incoming");

describe("an upload", () => {
  it("that finds no place leaves nothing and gives its share of the quota back", async () => {
    const broken = service({ blobs: { put: () => Promise.reject(new Error("no place")) } });
    await expect(broken.upload(text("hello"), caller)).rejects.toThrow("no place");
    expect(await kept()).toEqual([]);
    expect(await store.files.usage("k1", now)).toEqual({ count: 0, bytes: 0 });
  });

  it("that cannot even be cleared away is swept an hour later", async () => {
    const down = (): Promise<never> => Promise.reject(new Error("down"));
    const broken = service({
      blobs: {
        put: async (...a) => {
          await opened.blobs.put(...a);
          throw new Error("lost on the way");
        },
        delete: down,
      },
    });
    await expect(broken.upload(text("hello"), caller)).rejects.toThrow("lost on the way");
    expect(await kept()).toHaveLength(1);
    expect(await files.list(undefined, caller)).toEqual([]);
    await files.sweep();
    expect(await kept()).toHaveLength(1);
    now += 3_600_001;
    await expect(broken.sweep()).rejects.toThrow("down");
    await files.sweep();
    expect(await kept()).toEqual([]);
    expect(await store.files.ended(now + dayMs, 10)).toEqual([]);
  });

  it("says that the disk is full", async () => {
    const full = Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("hello");
      throw full;
    };
    await expect(files.upload(form(failing()), caller)).rejects.toMatchObject({
      kind: "unavailable",
      message: "the server has no room left to keep the file",
    });
    expect(await kept()).toEqual([]);
  });

  it("of 200 MB takes a few of memory", async () => {
    const chunk = Buffer.alloc(1 << 20, "a");
    const long = function* (): Generator<Uint8Array> {
      for (let at = 0; at < 200; at++) yield chunk;
    };
    const before = process.memoryUsage().rss;
    const file = await files.upload(form(long()), caller);
    expect(file.bytes).toBe(200 << 20);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 << 20);
  });
});

describe("a file", () => {
  it("that is deleted while its place does not answer is gone at once, and swept later", async () => {
    const file = await files.upload(text("hello"), caller);
    const broken = service({ blobs: { delete: () => Promise.reject(new Error("down")) } });
    expect(await broken.remove(file.id, undefined, caller)).toBe(file.id);
    await expect(files.retrieve(file.id, caller)).rejects.toMatchObject({ kind: "not-found" });
    expect(await store.files.usage("k1", now)).toEqual({ count: 0, bytes: 0 });
    expect(await kept()).toEqual([String(file.id)]);
    await files.sweep();
    expect(await kept()).toEqual([]);
  });

  it("is swept when it expired, never before", async () => {
    const ids: number[] = [];
    for (const said of ["one", "two", "three"]) {
      ids.push((await files.upload(text(said), caller)).id);
      now += dayMs;
    }
    now += 4 * dayMs - 1;
    await files.sweep();
    expect((await kept()).toSorted()).toEqual(ids.map(String).toSorted());
    now += 1;
    await files.sweep();
    expect((await kept()).toSorted()).toEqual(ids.slice(1).map(String).toSorted());
    expect((await files.list(undefined, caller)).map(({ id }) => id)).toEqual(ids.slice(1).toReversed());
    now += 100 * dayMs;
    await files.sweep();
    expect(await kept()).toEqual([]);
  });

  it("of more than a sweep's batch all go", async () => {
    for (let at = 0; at < 130; at++) {
      const quota = { count: 1000, bytes: 1000 };
      const record = {
        id: at + 1,
        owner: "k2",
        filename: "a",
        purpose: "retrieval",
        mime: "text/plain",
        bytes: 1,
        createdAt: now,
      };
      await store.files.reserve({ ...record, expiresAt: now }, quota);
    }
    await files.sweep();
    expect(await store.files.ended(now, 1000)).toEqual([]);
  });

  it("whose content was lost is not found", async () => {
    const file = await files.upload(text("hello"), caller);
    await opened.blobs.delete(file.id);
    await expect(files.content(file.id, caller)).rejects.toMatchObject({ kind: "not-found" });
    expect(await files.port(String(file.id), "k1", () => undefined)).toBeUndefined();
  });
});

describe("mm_file://", () => {
  const any = (): void => undefined;

  it("is not read when its size is not admitted", async () => {
    const file = await files.upload(text("hello"), caller);
    const unread = service({ blobs: { read: () => Promise.reject(new Error("was read")) } });
    const refuse = (bytes: number): void => {
      throw new Error(`${bytes} are too many`);
    };
    await expect(unread.port(String(file.id), "k1", refuse)).rejects.toThrow("5 are too many");
  });

  it("gives the bytes to the owner only, and nothing for what is no id", async () => {
    const said = "世界 🙂 ".repeat(200_000);
    const file = await files.upload(text(said), caller);
    const found = await files.port(String(file.id), "k1", any);
    expect(Buffer.from(found!.bytes).toString()).toBe(said);
    expect(await files.port(String(file.id), "k2", any)).toBeUndefined();
    for (const id of ["", "x", "1", "../1", "-1", "1e9", "9223372036854775807", "99999999999999999999"]) {
      expect(await files.port(id, "k1", any)).toBeUndefined();
    }
  });

  it("fails when the content is not as long as it was", async () => {
    const file = await files.upload(text("hello"), caller);
    const cut = service({ blobs: { read: async (id) => (await opened.blobs.read(id))?.take(0) as never } });
    await expect(cut.port(String(file.id), "k1", any)).rejects.toThrow("has 0 bytes of 5");
  });
});

describe("a link", () => {
  it("opens its own file for its owner's name, for an hour", async () => {
    const file = await files.upload(text("hello"), caller);
    const token = files.link(file);
    expect(files.linked(file.id, token)).toEqual({ keyId: "k1" });
    expect((await buffer((await files.content(file.id, files.linked(file.id, token))).body)).toString()).toBe("hello");
    expect(() => files.linked(file.id + 1, token)).toThrow("not valid");
    expect(() =>
      files.linked(file.id, textCipher("another secret").encrypt(`[${file.id},"k1",${now + 1000}]`)),
    ).toThrow("not valid");
    now += 3_600_000;
    expect(() => files.linked(file.id, token)).toThrow("not valid");
  });
});

describe("content", () => {
  const read = (chunks: readonly Uint8Array[]): string => {
    const reader = new ContentReader();
    try {
      for (const chunk of chunks) reader.push(chunk);
      return reader.end().mime;
    } catch (error) {
      return (error as Error).message;
    }
  };

  it("is the same however it is cut", () => {
    const heads = [
      "%PDF-1.7",
      "ID3\x04",
      "RIFF\0\0\0\0WAVE",
      "\0\0\0\x18ftypisom",
      "\x89PNG\r\n\x1a\n",
      "PK\x03\x04",
      "",
    ];
    const tails = [
      Buffer.from("世界 🙂 text ".repeat(100)),
      Buffer.alloc(700),
      Buffer.from([0xff, 0xfe]),
      Buffer.alloc(0),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...heads),
        fc.constantFrom(...tails),
        fc.array(fc.nat(1500), { maxLength: 8 }),
        (head, tail, cuts) => {
          const bytes = Buffer.concat([Buffer.from(head, "latin1"), tail]);
          const at = [0, ...cuts.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length];
          const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
          expect(read(pieces)).toBe(read([bytes]));
        },
      ),
    );
  });

  it("of any bytes is either known or refused in words", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        expect(read([bytes])).toMatch(/^(file: |\w+\/[\w-]+)/);
      }),
    );
  });
});

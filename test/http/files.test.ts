/** The file endpoints against a real server: what is kept, what is refused, and that nothing stays of what is refused. */
import { randomBytes } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { systemIds } from "../../src/model/id.ts";
import { startServer, testKey, type Running } from "../e2e/start.ts";
import { png } from "../media/fixture.ts";

const otherKey = "sk-test-other-0123456789";
const quotaKey = "sk-test-quota-0123456789";
const mebibyte = 1024 * 1024;
const dayMs = 86_400_000;

let parley: Running;
let data = "";
let ahead = 0;
beforeAll(async () => {
  parley = await startServer(
    { engine: "sim", apiKeys: [testKey, otherKey, quotaKey], files: { quotaBytes: 40 * mebibyte, quotaCount: 12 } },
    { ids: { ...systemIds, now: () => Date.now() + ahead } },
  );
  data = parley.data;
});
afterAll(() => parley.stop());

interface File {
  file_id: number;
  bytes: number;
  created_at: number;
  filename: string;
  purpose: string;
  download_url?: string;
}
interface Answer {
  file?: File;
  files?: File[];
  file_id?: number;
  base_resp: { status_code: number; status_msg: string };
}

const bearer = (key: string | null): Record<string, string> => (key === null ? {} : { authorization: `Bearer ${key}` });

async function told(response: Response): Promise<Answer> {
  expect(response.status).toBe(200);
  expect(response.headers.get("trace-id")).toMatch(/^[0-9a-f]{32}$/);
  return (await response.json()) as Answer;
}

async function send(body: FormData | Uint8Array | string, init: { key?: string | null; headers?: object } = {}) {
  const { key = testKey, headers } = init;
  return await told(
    await fetch(`${parley.url}/v1/files/upload`, {
      method: "POST",
      body: body as FormData,
      headers: { ...bearer(key), ...headers },
    }),
  );
}

async function get(path: string, key: string | null = testKey): Promise<Answer> {
  return await told(await fetch(`${parley.url}/v1/files/${path}`, { headers: bearer(key) }));
}

async function remove(body: unknown, key = testKey): Promise<Answer> {
  return await told(await parley.call("/v1/files/delete", { method: "POST", body: JSON.stringify(body), key }));
}

type Field = [name: string, value: string | Uint8Array, filename?: string];
function form(...fields: Field[]): FormData {
  const made = new FormData();
  for (const [name, value, filename] of fields) {
    if (typeof value === "string") made.append(name, value);
    else made.append(name, new Blob([value as never], { type: "application/x-lie" }), filename ?? "clip.mp4");
  }
  return made;
}

/** The beginning of an MP4 and so many bytes in all. */
function mp4(bytes: number, brand = "isom"): Buffer {
  const made = Buffer.alloc(bytes, 1);
  made.write(`\0\0\0\x18ftyp${brand}\0\0\x02\0${brand}mp41`, "latin1");
  return made;
}

const video = (bytes: Uint8Array = mp4(2000), name = "clip.mp4"): FormData =>
  form(["purpose", "video_understanding"], ["file", bytes, name]);

/** Names below the folder of files. */
async function kept(folder: string = data): Promise<string[]> {
  const names = await readdir(join(folder, "files"), { recursive: true }).catch(() => []);
  return names.filter((name) => name !== "incoming").toSorted();
}

afterEach(async () => {
  ahead = 0;
  for (const key of [testKey, otherKey, quotaKey]) {
    for (const { file_id } of (await get("list", key)).files ?? []) await remove({ file_id }, key);
  }
  // nothing stays, whatever a test tried
  await vi.waitFor(async () => {
    const left = await kept();
    if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
  });
});

const success = { status_code: 0, status_msg: "success" };

describe("a file", () => {
  it("is uploaded, listed, retrieved, downloaded and deleted", async () => {
    const bytes = Buffer.concat([mp4(100), randomBytes(200_000)]);
    const before = Math.floor(Date.now() / 1000);
    const { file, base_resp } = await send(video(bytes, "我的 🙂.mp4"));
    expect(base_resp).toEqual(success);
    expect(Object.keys(file!)).toEqual(["file_id", "bytes", "created_at", "filename", "purpose"]);
    expect(file).toMatchObject({ bytes: bytes.length, filename: "我的 🙂.mp4", purpose: "video_understanding" });
    expect(Number.isSafeInteger(file!.file_id) && file!.file_id > 1e14).toBe(true);
    expect(file!.created_at - before).toBeGreaterThanOrEqual(0);
    expect(file!.created_at - before).toBeLessThan(10);

    expect(await get("list?purpose=video_understanding")).toEqual({ files: [file], base_resp: success });
    expect(await get("list")).toEqual({ files: [file], base_resp: success });
    expect((await get("list?purpose=voice_clone")).files).toEqual([]);

    const retrieved = await get(`retrieve?file_id=${file!.file_id}`);
    expect(retrieved).toEqual({ file: { ...file, download_url: expect.any(String) }, base_resp: success });

    const content = await fetch(`${parley.url}/v1/files/retrieve_content?file_id=${file!.file_id}`, {
      headers: bearer(testKey),
    });
    expect(content.status).toBe(200);
    expect(content.headers.get("content-type")).toBe("video/mp4");
    expect(content.headers.get("content-length")).toBe(String(bytes.length));
    expect(content.headers.get("x-content-type-options")).toBe("nosniff");
    expect(content.headers.get("content-disposition")).toMatch(/^attachment; filename\*=UTF-8''%E6%88%91/);
    expect(Buffer.from(await content.arrayBuffer()).equals(bytes)).toBe(true);
    const init = { method: "HEAD", headers: bearer(testKey) };
    const asked = await fetch(`${parley.url}/v1/files/retrieve_content?file_id=${file!.file_id}`, init);
    expect([asked.status, asked.headers.get("content-length")]).toEqual([200, String(bytes.length)]);

    expect(await remove({ file_id: file!.file_id, purpose: "video_understanding" })).toEqual({
      file_id: file!.file_id,
      base_resp: success,
    });
    expect((await get(`retrieve?file_id=${file!.file_id}`)).base_resp.status_msg).toContain("not found");
  });

  it("lies on the disk under its id, for its owner only", async () => {
    const { file } = await send(video());
    expect(await kept()).toEqual([String(file!.file_id)]);
    expect((await stat(join(data, "files", String(file!.file_id)))).mode & 0o777).toBe(0o600);
    expect((await stat(join(data, "files"))).mode & 0o777).toBe(0o700);
  });

  it("may come before its purpose, and two at once", async () => {
    const [a, b] = [mp4(300_000), mp4(400_000)];
    const answers = await Promise.all([
      send(form(["file", a], ["purpose", "video_understanding"])),
      send(form(["purpose", "video_understanding"], ["file", b])),
    ]);
    expect(answers.map(({ file }) => file?.bytes)).toEqual([300_000, 400_000]);
    expect((await get("list")).files).toHaveLength(2);
  });

  it("is downloaded by its link without a key, for an hour, and nothing else is", async () => {
    const { file } = await send(video());
    const { file: other } = await send(video());
    const link = (await get(`retrieve?file_id=${file!.file_id}`)).file!.download_url!;
    expect(new URL(link).origin).toBe(parley.url);
    expect((await (await fetch(link)).arrayBuffer()).byteLength).toBe(2000);
    const wrong = [
      link.replace(String(file!.file_id), String(other!.file_id)),
      link.slice(0, -4) + (link.endsWith("AAAA") ? "BBBB" : "AAAA"),
      link.replace(/token=.*/, "token="),
    ];
    for (const one of wrong) {
      expect((await told(await fetch(one))).base_resp).toEqual({
        status_code: 2044,
        status_msg: "this download link is not valid, or no longer",
      });
    }
    ahead = 3_600_001;
    expect((await told(await fetch(link))).base_resp.status_code).toBe(2044);
    ahead = 0;
    await remove({ file_id: file!.file_id });
    expect((await told(await fetch(link))).base_resp.status_code).toBe(2013);
  });

  it("is read to its end although it is deleted meanwhile", async () => {
    const bytes = mp4(20 * mebibyte);
    const { file } = await send(video(bytes));
    const response = await fetch(`${parley.url}/v1/files/retrieve_content?file_id=${file!.file_id}`, {
      headers: bearer(testKey),
    });
    expect((await remove({ file_id: file!.file_id })).base_resp).toEqual(success);
    expect((await response.arrayBuffer()).byteLength).toBe(bytes.length);
  });

  it("expires", async () => {
    const { file } = await send(video());
    ahead = 7 * dayMs - 10_000;
    expect((await get(`retrieve?file_id=${file!.file_id}`)).base_resp).toEqual(success);
    ahead = 7 * dayMs + 10_000;
    for (const path of ["retrieve", "retrieve_content"]) {
      expect((await get(`${path}?file_id=${file!.file_id}`)).base_resp.status_msg).toContain("not found");
    }
    expect((await get("list")).files).toEqual([]);
    expect((await remove({ file_id: file!.file_id })).base_resp.status_code).toBe(2013);
    ahead = 0;
  });

  it("is reached by the paths of older clients too", async () => {
    const response = await fetch(`${parley.url}/v1/files`, { method: "POST", body: video(), headers: bearer(testKey) });
    const { file } = await told(response);
    const one = `/v1/files?file_id=${file!.file_id}`;
    expect((await told(await parley.call("/v1/files"))).files).toEqual([file]);
    expect((await told(await parley.call(one))).file).toMatchObject(file!);
    const init = { method: "DELETE", headers: bearer(testKey) };
    expect((await told(await fetch(`${parley.url}${one}`, init))).file_id).toBe(file!.file_id);
  });
});

describe("errors on OpenAI's path", () => {
  const text = () => new globalThis.File(["no video"], "a.mp4");
  const words = "invalid params, file";

  it("have their true status and the envelope that its clients throw; the vendor's paths keep 200", async () => {
    const client = parley.openai.files;
    const create = client.create({ file: text(), purpose: "video_understanding" as never });
    await expect(create).rejects.toMatchObject({ status: 400, error: { type: "bad_request_error" } });
    const form = new FormData();
    form.append("purpose", "video_understanding");
    form.append("file", text());
    const init = { method: "POST", body: form, headers: bearer(testKey) };
    const response = await fetch(`${parley.url}/v1/files`, init);
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { message: expect.stringContaining(words) }, base_resp: { status_code: 2013 } },
    ]);
    expect((await send(form)).base_resp).toMatchObject({ status_code: 2013 });
  });

  it.each([
    { name: "a missing key", key: null, status: 401, code: 1004 },
    { name: "a wrong key", key: "sk-wrong", status: 401, code: 2049 },
    { name: "a body of another type", status: 400, code: 2013 },
    { name: "a file that is not there", method: "GET", query: "?file_id=1", status: 404, code: 2013 },
    { name: "a purpose given twice", method: "GET", query: "?purpose=a&purpose=b", status: 400, code: 2013 },
    { name: "a file to delete that is not there", method: "DELETE", query: "?file_id=1", status: 404, code: 2013 },
  ])("$name", async ({ method = "POST", query = "", key = testKey, status, code }) => {
    const response = await fetch(`${parley.url}/v1/files${query}`, { method, headers: bearer(key) });
    expect([response.status, await response.json()]).toMatchObject([
      status,
      { type: "error", error: { http_code: String(status) }, base_resp: { status_code: code } },
    ]);
  });
});

describe("what a file is, is told by its content", () => {
  const wav = Buffer.from("RIFF\x24\0\0\0WAVEfmt ", "latin1");
  it.each<[string, string, Buffer, string]>([
    ["MP4", "video_understanding", mp4(100), "video/mp4"],
    ["MOV", "video_understanding", mp4(100, "qt  "), "video/quicktime"],
    ["AVI", "video_understanding", Buffer.from("RIFF\x24\0\0\0AVI LIST", "latin1"), "video/x-msvideo"],
    [
      "MKV",
      "video_understanding",
      Buffer.from("\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska", "latin1"),
      "video/x-matroska",
    ],
    ["WAV", "voice_clone", wav, "audio/wav"],
    ["MP3 with a tag", "prompt_audio", Buffer.from("ID3\x04\0\0\0\0\0\0", "latin1"), "audio/mpeg"],
    ["MP3 without one", "prompt_audio", Buffer.from([0xff, 0xfb, 0x90, 0x64, 0, 0, 0, 0]), "audio/mpeg"],
    ["M4A", "voice_clone", mp4(100, "M4A "), "audio/mp4"],
    ["text", "t2a_async_input", Buffer.from("All free speech 世界 🙂\r\n\t."), "text/plain; charset=utf-8"],
    ["PDF", "retrieval", Buffer.from("%PDF-1.7\n%\xe2\xe3", "latin1"), "application/pdf"],
    ["MP3 to make videos with", "video_generation_input", Buffer.from("ID3\x04", "latin1"), "audio/mpeg"],
  ])("%s is taken for %s", async (_name, purpose, bytes, mime) => {
    const { file, base_resp } = await send(form(["purpose", purpose], ["file", bytes, "a.bin"]));
    expect(base_resp).toEqual(success);
    const content = await fetch(`${parley.url}/v1/files/retrieve_content?file_id=${file!.file_id}`, {
      headers: bearer(testKey),
    });
    expect(content.headers.get("content-type")).toBe(mime);
    expect(Buffer.from(await content.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it("an image is taken to make videos with, not as a video", async () => {
    const bytes = await png(8, 8, "red");
    expect((await send(form(["purpose", "video_generation_input"], ["file", bytes, "a.mp4"]))).file?.bytes).toBe(
      bytes.length,
    );
    expect((await send(video(bytes))).base_resp.status_msg).toMatch(
      /^invalid params, file: its content is image\/png; video_understanding takes video/,
    );
  });

  it.each<[string, string, Buffer]>([
    ["a zip bomb", "video_understanding", Buffer.concat([Buffer.from("PK\x03\x04\x14\0"), Buffer.alloc(5000)])],
    ["a zip as text", "t2a_async_input", Buffer.from("PK\x03\x04\x14\0\0\0\x08\0", "latin1")],
    ["gzip", "retrieval", gzipSync(Buffer.alloc(100_000))],
    ["a program", "video_understanding", Buffer.from("\x7fELF\x02\x01\x01\0", "latin1")],
    ["text as a video", "video_understanding", Buffer.from("this is no video")],
    ["a web page as a video", "video_understanding", Buffer.from("<html><script>alert(1)</script>")],
    ["a picture in a video's box", "video_understanding", mp4(100, "avif")],
    ["a WebP as a sound", "voice_clone", Buffer.from("RIFF\x24\0\0\0WEBPVP8 ", "latin1")],
    ["text that turns binary later", "retrieval", Buffer.concat([Buffer.alloc(200_000, "a"), Buffer.from([0])])],
    ["text that is no UTF-8", "retrieval", Buffer.from("caf\xe9", "latin1")],
    ["text cut inside a character", "retrieval", Buffer.from("世界").subarray(0, 5)],
    ["UTF-16", "retrieval", Buffer.from("\ufeffhello", "utf16le")],
  ])("%s is refused", async (_name, purpose, bytes) => {
    for (const order of [form(["purpose", purpose], ["file", bytes]), form(["file", bytes], ["purpose", purpose])]) {
      const { file, base_resp } = await send(order);
      expect(file).toBeUndefined();
      expect(base_resp.status_code).toBe(2013);
      expect(base_resp.status_msg).toMatch(/^invalid params, file: its content is/);
    }
  });
});

describe("limits", () => {
  it.each([
    ["video_generation_input", "audio", Buffer.from("ID3\x04", "latin1"), 15 * mebibyte],
    ["voice_clone", "audio", Buffer.from("ID3\x04", "latin1"), 20 * mebibyte],
  ])("of %s hold to the byte, on both sides", async (purpose, _kind, head, limit) => {
    const sized = (bytes: number): FormData =>
      form(["purpose", purpose], ["file", Buffer.concat([head, Buffer.alloc(bytes - head.length, 7)])]);
    const { file } = await send(sized(limit));
    expect(file?.bytes).toBe(limit);
    await remove({ file_id: file?.file_id });
    expect((await send(sized(limit + 1))).base_resp).toEqual({
      status_code: 2013,
      status_msg: `invalid params, file exceeds size limit: max ${limit} bytes`,
    });
  });

  it("of one key are its own, in bytes", async () => {
    expect((await send(video(mp4(30 * mebibyte)), { key: quotaKey })).base_resp).toEqual(success);
    const over = await send(video(mp4(10 * mebibyte + 1)), { key: quotaKey });
    expect(over.base_resp.status_code).toBe(2056);
    expect(over.base_resp.status_msg).toContain(`${40 * mebibyte} bytes together`);
    expect((await send(video(mp4(10 * mebibyte)), { key: quotaKey })).base_resp).toEqual(success);
    expect((await send(video(), { key: quotaKey })).base_resp.status_code).toBe(2056);
    expect((await send(video())).base_resp).toEqual(success);
    const [newest] = (await get("list", quotaKey)).files ?? [];
    await remove({ file_id: newest!.file_id }, quotaKey);
    expect((await send(video(), { key: quotaKey })).base_resp).toEqual(success);
  });

  it("of one key are its own, in number, also for many at once", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(video(), { key: quotaKey })));
    const codes = answers.map(({ base_resp }) => base_resp.status_code).toSorted((a, b) => a - b);
    expect(new Set(codes)).toEqual(new Set([0, 2056]));
    expect((await get("list", quotaKey)).files!.length).toBeLessThanOrEqual(12);
  });

  it("bound what comes in at once, before it is kept", async () => {
    const answers = await Promise.all([1, 2, 3].map(() => send(video(mp4(18 * mebibyte)), { key: quotaKey })));
    const good = answers.filter(({ base_resp }) => base_resp.status_code === 0);
    expect(good).toHaveLength(2);
    const listed = (await get("list", quotaKey)).files ?? [];
    expect(listed.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(40 * mebibyte);
  });
});

describe("names", () => {
  it.each([
    ["../../../etc/passwd", "passwd"],
    ["..\\..\\windows\\system32\\evil.mp4", "evil.mp4"],
    ["/etc/shadow", "shadow"],
    ["C:\\clip.mp4", "clip.mp4"],
    ["..", "file"],
    [".", "file"],
    ["a/..", "file"],
    ["%2e%2e%2fpasswd", "%2e%2e%2fpasswd"],
    ["nul\u0000byte.mp4", "nulbyte.mp4"],
    ["\u202egpj.exe", "gpj.exe"],
    ["👨‍👩‍👧 家.mp4", "👨‍👩‍👧 家.mp4"],
    ["x".repeat(3000), "x".repeat(255)],
  ])("%j becomes %j and names nothing of ours", async (name, shown) => {
    const { file, base_resp } = await send(video(mp4(100), name));
    expect(base_resp).toEqual(success);
    expect(file!.filename).toBe(shown);
    expect(await kept()).toEqual([String(file!.file_id)]);
  });
});

describe("a wrong form", () => {
  const good = mp4(500);
  it.each<[string, FormData, RegExp]>([
    ["nothing", form(), /purpose: is missing|body: /],
    ["no file", form(["purpose", "video_understanding"]), /file: is missing/],
    ["no purpose", form(["file", good]), /purpose: is missing/],
    ["an empty purpose", form(["purpose", ""], ["file", good]), /purpose: is missing/],
    [
      "an unknown purpose",
      form(["purpose", "assistants"], ["file", good]),
      /purpose: must be one of voice|purpose: must/,
    ],
    ["an inherited purpose", form(["purpose", "constructor"], ["file", good]), /purpose: must be one of/],
    ["a long purpose", form(["purpose", "x".repeat(5000)], ["file", good]), /purpose: (is too long|must be one of)/],
    [
      "two purposes",
      form(["purpose", "video_understanding"], ["purpose", "voice_clone"], ["file", good]),
      /purpose: is given twice/,
    ],
    ["two files", form(["purpose", "video_understanding"], ["file", good], ["file", good]), /file: is given twice/],
    ["a file of another name", form(["purpose", "video_understanding"], ["upload", good]), /upload: is not expected/],
    ["a text for a file", form(["purpose", "video_understanding"], ["file", "hello"]), /file: must be a file part/],
    ["a file for a purpose", form(["purpose", good], ["file", good]), /purpose: is not expected/],
    ["0 bytes", form(["purpose", "video_understanding"], ["file", Buffer.alloc(0)]), /file: is empty/],
    ["a prototype's name", form(["__proto__", "x"], ["purpose", "video_understanding"], ["file", good]), /body: /],
    [
      "too many fields",
      form(...Array.from({ length: 30 }, (_, at): Field => [`f${at}`, "x"]), ["file", good]),
      /body: has too many parts/,
    ],
  ])("with %s is refused", async (_name, body, message) => {
    const { file, base_resp } = await send(body);
    expect(file).toBeUndefined();
    expect(base_resp.status_code).toBe(2013);
    expect(base_resp.status_msg).toMatch(message);
    expect(base_resp.status_msg).toMatch(/^invalid params, /);
  });

  const line = "--limit\r\n";
  const purpose = `${line}content-disposition: form-data; name="purpose"\r\n\r\nvideo_understanding\r\n`;
  const head = `${line}content-disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n`;
  const body = mp4(300).toString("latin1");
  const type = "multipart/form-data; boundary=limit";
  it.each([
    ["cut in the file", `${purpose}${head}${body}`, type],
    ["cut after the file's head", `${purpose}${head}`, type],
    ["cut in the purpose", `${line}content-disposition: form-data; name="purpose"\r\n\r\nvideo`, type],
    ["cut before its end line", `${purpose}${head}${body}\r\n`, type],
    ["with another boundary", `${purpose}${head}${body}\r\n--limit--\r\n`, "multipart/form-data; boundary=other"],
    ["without a boundary", `${purpose}${head}${body}\r\n--limit--\r\n`, "multipart/form-data"],
    ["of no parts", "--limit--\r\n", type],
    ["of noise", randomBytes(5000).toString("latin1"), type],
    ["that is empty", "", type],
    ["that is JSON", '{"purpose":"video_understanding"}', "application/json"],
    ["that is URL-encoded", "purpose=video_understanding&file=x", "application/x-www-form-urlencoded"],
  ])("%s is refused", async (_name, text, contentType) => {
    const { base_resp } = await send(Buffer.from(text, "latin1"), { headers: { "content-type": contentType } });
    expect(base_resp.status_code).toBe(2013);
    expect(base_resp.status_msg).toMatch(/^invalid params, (body|file|purpose): /);
  });

  it("whole, but compressed, is refused", async () => {
    const text = Buffer.from(`${purpose}${head}${body}\r\n--limit--\r\n`, "latin1");
    expect((await send(text, { headers: { "content-type": type } })).base_resp).toEqual(success);
    const headers = { "content-type": type, "content-encoding": "gzip" };
    expect((await send(gzipSync(text), { headers })).base_resp.status_msg).toContain("must not be compressed");
  });

  it("is answered although the client sends on and on", async () => {
    const large = form(["purpose", "nonsense"], ["file", mp4(30 * mebibyte)]);
    expect((await send(large)).base_resp.status_msg).toContain("purpose: must be one of");
  });
});

/** Begins an upload by hand, sends so many bytes of it and waits until they are there. */
async function begin(url: string, folder: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => undefined);
  const head = [
    "POST /v1/files/upload HTTP/1.1",
    "host: x",
    `authorization: Bearer ${testKey}`,
    "content-type: multipart/form-data; boundary=limit",
    "content-length: 5000000",
    "",
    '--limit\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nvideo_understanding',
    '--limit\r\ncontent-disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n',
  ];
  socket.write(head.join("\r\n"));
  socket.write(mp4(2_000_000));
  await expect
    .poll(() => kept(folder))
    .toEqual([expect.stringMatching(/^incoming\/[0-9a-f]{12}-\d+-\d+-[0-9a-f]{16}$/)]);
  return socket;
}

describe("an upload that breaks off", () => {
  it("leaves nothing", async () => {
    const socket = await begin(parley.url, data);
    socket.destroy();
    await expect.poll(() => kept()).toEqual([]);
    expect((await get("list")).files).toEqual([]);
  });

  it("because the server ends, leaves nothing and holds nothing up", async () => {
    const ending = await startServer({ engine: "sim" });
    try {
      const socket = await begin(ending.url, ending.data);
      const closed = new Promise((resolve) => socket.once("close", resolve));
      await ending.app.close(0.1);
      await closed;
      expect(await kept(ending.data)).toEqual([]);
    } finally {
      await ending.stop();
    }
  });
});

describe("others", () => {
  it("find nothing", async () => {
    const { file } = await send(video());
    const id = file!.file_id;
    expect((await get("list", otherKey)).files).toEqual([]);
    for (const path of ["retrieve", "retrieve_content"]) {
      expect((await get(`${path}?file_id=${id}`, otherKey)).base_resp).toEqual({
        status_code: 2013,
        status_msg: `file ${id} not found`,
      });
    }
    expect((await remove({ file_id: id }, otherKey)).base_resp.status_msg).toBe(`file ${id} not found`);
    expect((await get(`retrieve?file_id=${id}`)).base_resp).toEqual(success);
  });

  it.each([
    ["no key", null],
    ["a wrong key", "sk-wrong-0123456789"],
  ])("with %s learn only that, with status 200 and code 1004", async (_name, key) => {
    for (const path of ["list", "retrieve?file_id=1", "retrieve_content?file_id=1"]) {
      expect((await get(path, key)).base_resp.status_code).toBe(1004);
    }
    expect((await send(video(), { key })).base_resp.status_code).toBe(1004);
    const init = { method: "POST", body: '{"file_id":1}', key };
    expect((await told(await parley.call("/v1/files/delete", init))).base_resp.status_code).toBe(1004);
  });
});

describe("an id", () => {
  it.each([
    ["", /file_id: is missing/],
    ["file_id=", /file_id: is missing/],
    ["file_id=../../parley.db", /file_id: must be a positive integer/],
    ["file_id=1e3", /file_id: must be/],
    ["file_id=-1", /file_id: must be/],
    ["file_id=1&file_id=2", /file_id: must be/],
    ["file_id=9223372036854775807", /file 9223372036854775807 not found/],
    ["file_id=1", /file 1 not found/],
  ])("%j is refused in words", async (query, message) => {
    for (const path of ["retrieve", "retrieve_content"]) {
      const { base_resp } = await get(`${path}?${query}`);
      expect(base_resp.status_code).toBe(2013);
      expect(base_resp.status_msg).toMatch(message);
    }
  });

  it("may be a number or its digits to delete; a wrong purpose or body deletes nothing", async () => {
    const [a, b] = [(await send(video())).file!, (await send(video())).file!];
    expect((await remove({ file_id: a.file_id, purpose: "voice_clone" })).base_resp.status_msg).toContain("purpose");
    for (const body of [{}, { file_id: 1.5 }, { file_id: null }, { file_id: [a.file_id] }, [], "x", { file_id: -1 }]) {
      expect((await remove(body)).base_resp.status_code).toBe(2013);
    }
    expect((await remove({ file_id: a.file_id })).file_id).toBe(a.file_id);
    expect((await remove({ file_id: String(b.file_id) })).file_id).toBe(b.file_id);
    expect((await remove({ file_id: b.file_id })).base_resp.status_msg).toContain("not found");
  });
});

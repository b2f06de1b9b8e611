/** Compressed request bodies: all codings, in a row too; what is broken, unknown, or a bomb. */
import { connect } from "node:net";
import * as zlib from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ContentDecoder } from "../../src/http/content-coding.ts";
import { startServer, testKey, type Running } from "../e2e/start.ts";

const adminKey = "admin-0123456789abcdef";
const limit = 1024 * 1024;
let server: Running;
beforeAll(async () => {
  server = await startServer({ engine: "sim", adminKeys: [adminKey], server: { bodyLimit: limit } });
});
afterAll(() => server.stop());

type Encode = (data: Buffer) => Buffer;
const encoders: Record<string, Encode> = {
  gzip: (data) => zlib.gzipSync(data),
  deflate: (data) => zlib.deflateSync(data),
  br: (data) => zlib.brotliCompressSync(data, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } }),
  zstd: (data) => zlib.zstdCompressSync(data),
};
const codings = Object.keys(encoders);
function encoded(text: string | Buffer, ...names: string[]): Buffer {
  let data: Buffer = typeof text === "string" ? Buffer.from(text) : text;
  for (const name of names) data = encoders[name]?.(data) ?? expect.fail(name);
  return data;
}

const body = JSON.stringify({
  model: "MiniMax-M3",
  messages: [{ role: "user", content: "Say exactly 'packed'" }],
  input: "Say exactly 'packed'",
});
const chat = "/v1/chat/completions";

interface Answer {
  status: number;
  text: string;
  headers: Headers;
}

async function post(data: Uint8Array, coding: string, path = chat, key = testKey): Promise<Answer> {
  const response = await server.call(path, {
    method: "POST",
    key,
    body: new Uint8Array(data),
    headers: { "content-encoding": coding },
    signal: AbortSignal.timeout(8_000),
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

describe.each(codings)("a body in %s", (coding) => {
  it.each([chat, "/v1/responses"])("is read by %s", async (path) => {
    const { status, text } = await post(encoded(body, coding), coding, path);
    expect([status, text]).toEqual([200, expect.stringContaining("packed")]);
  });

  it("is read by the admin API and by the files' JSON", async () => {
    const made = await post(encoded(JSON.stringify({ name: coding }), coding), coding, "/admin/api/keys", adminKey);
    expect(made.status).toBe(201);
    const gone = await post(encoded('{"file_id":1,"purpose":"x"}', coding), coding, "/v1/files/delete");
    expect(gone.text).not.toContain("content-encoding");
  });

  it("may be of the limit's length, and not longer", async () => {
    const filled = (length: number): string => body.padEnd(length, " ");
    expect((await post(encoded(filled(limit), coding), coding)).status).toBe(200);
    const { status, text } = await post(encoded(filled(limit + 1), coding), coding);
    expect([status, text]).toEqual([413, expect.stringContaining(`larger than the limit of ${limit} bytes`)]);
  });

  it.each<[string, (data: Buffer) => Buffer]>([
    ["cut", (data) => data.subarray(0, -3)],
    ["cut after its beginning", (data) => data.subarray(0, 3)],
    ["not so encoded", () => Buffer.from(body)],
    ["followed by something", (data) => Buffer.concat([data, Buffer.from("xx")])],
    ["followed by much", (data) => Buffer.concat([data, Buffer.alloc(500_000, "x")])],
    ["damaged", (data) => Buffer.concat([data.subarray(0, 8), Buffer.alloc(8, 0xff), data.subarray(16)])],
  ])("that is %s is refused by name", async (_name, damage) => {
    for (const [data, names] of [
      [damage(encoded(body, coding)), coding],
      [encoded(damage(encoded(body, coding)), "gzip"), `${coding}, gzip`],
    ] as const) {
      const { status, text } = await post(data, names);
      expect([status, text]).toEqual([400, expect.stringMatching(/invalid params, (content-encoding|body): /)]);
      if (_name !== "damaged") expect(text).toContain(`content-encoding: the body is not complete and valid ${coding}`);
    }
  });

  it("of nothing is empty", async () => {
    expect((await post(encoded("", coding), coding)).text).toContain("body: is empty");
    expect((await post(Buffer.alloc(0), coding)).text).toContain("body: is empty");
  });

  it("that holds too much is not decoded to its end", async () => {
    const bomb = encoded(Buffer.alloc(64 * limit), coding);
    const { status, text } = await post(bomb, coding);
    expect([status, text]).toEqual([413, expect.stringContaining("larger than the limit")]);
    const decoder = new ContentDecoder(coding as "gzip", limit);
    const part = bomb.subarray(0, 65_536);
    const began = performance.now();
    await expect(decoder.take(part)).rejects.toMatchObject({ kind: "too-large" });
    await expect(decoder.take(part)).rejects.toMatchObject({ kind: "too-large" });
    expect(performance.now() - began).toBeLessThan(1_000);
    expect((await post(encoded(body, coding), coding)).status).toBe(200);
  });
});

describe("codings", () => {
  it.each([
    ["gzip, br", ["gzip", "br"]],
    ["deflate,zstd , gzip", ["deflate", "zstd", "gzip"]],
    ["gzip, gzip, gzip, gzip", ["gzip", "gzip", "gzip", "gzip"]],
    ["identity, zstd,", ["zstd"]],
    ["GZip", ["gzip"]],
    ["x-gzip", ["gzip"]],
    ["identity", []],
    ["", []],
  ])("%j are taken off in turn", async (header, names) => {
    const { status, text } = await post(encoded(body, ...names), header);
    expect([status, text]).toEqual([200, expect.stringContaining("packed")]);
  });

  it("may come in two headers, in members, and deflate without its header", async () => {
    const [half, rest] = [body.slice(0, 50), body.slice(50)];
    expect((await post(Buffer.concat([zlib.gzipSync(half), zlib.gzipSync(rest)]), "gzip")).status).toBe(200);
    expect((await post(Buffer.concat([encoded(half, "zstd"), encoded(rest, "zstd")]), "zstd")).status).toBe(200);
    expect((await post(zlib.deflateRawSync(body), "deflate")).status).toBe(200);
    expect((await post(zlib.deflateRawSync(zlib.deflateRawSync(body)), "deflate, deflate")).status).toBe(200);
    const data = encoded(body, "br", "gzip");
    const head = `POST ${chat} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${testKey}\r\nconnection: close\r\n`;
    const codings = "content-encoding: br\r\ncontent-encoding: gzip\r\n";
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.write(`${head}${codings}transfer-encoding: chunked\r\n\r\n`);
    for (const byte of data) socket.write(Buffer.from([0x31, 13, 10, byte, 13, 10]));
    socket.write("0\r\n\r\n");
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    expect(text).toMatch(/^HTTP\/1\.1 200 [^]*packed/);
  });

  it.each(["snappy", "compress", "gzip, snappy", "snappy, gzip", "*", "__proto__", "gzip;q=1"])(
    "%s: 415 with those that are taken",
    async (coding) => {
      const { status, headers, text } = await post(encoded(body, "gzip"), coding);
      expect([status, headers.get("accept-encoding")]).toEqual([415, "gzip, deflate, br, zstd"]);
      expect(JSON.parse(text)).toMatchObject({
        type: "error",
        error: { type: "bad_request_error", http_code: "415", message: expect.stringMatching(/content-encoding: /) },
        request_id: headers.get("trace-id"),
      });
    },
  );

  it("five in a row are refused", async () => {
    const { status, text } = await post(encoded(body), "gzip, gzip, gzip, gzip, gzip");
    expect([status, text]).toEqual([400, expect.stringContaining("content-encoding: must list at most 4")]);
  });

  it.each<[string, () => Buffer, string]>([
    ["a bomb in a bomb", () => encoded(Buffer.alloc(64 * limit), "gzip", "gzip"), "gzip, gzip"],
    ["much of nothing", () => encoded(Buffer.concat(Array(100_000).fill(encoded("", "gzip"))), "gzip"), "gzip, gzip"],
    ["more than the limit as sent", () => Buffer.concat(Array(60_000).fill(encoded("", "gzip"))), "gzip"],
  ])("%s is too large", async (_name, data, header) => {
    expect((await post(data(), header)).status).toBe(413);
  });
});

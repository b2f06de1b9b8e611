import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LongText } from "../../src/lib/long-text.ts";
import { decodeDataUrl } from "../../src/media/data-url.ts";

const text = (url: string, limit = 1000): Promise<string> =>
  decodeDataUrl(url, limit, "part").then((bytes) => Buffer.from(bytes).toString("utf8"));

describe("decodeDataUrl", () => {
  it.each([
    ["plain", "data:image/png;base64,aGVsbG8="],
    ["upper case", "DATA:IMAGE/PNG;BASE64,aGVsbG8="],
    ["no padding", "data:image/png;base64,aGVsbG8"],
    ["line breaks", "data:image/png;base64,aGVs\r\nbG8=\n"],
    ["spaces", "data:image/png; base64 , aGVs bG8="],
    ["more parameters", "data:image/png;name=a.png;charset=utf-8;base64,aGVsbG8="],
    ["no label", "data:;base64,aGVsbG8="],
    ["escaped padding", "data:image/png;base64,aGVsbG8%3D"],
    ["escaped line break", "data:image/png;base64,aGVs%0AbG8%3d"],
    ["not base64", "data:text/plain,hello"],
    ["escapes", "data:,%68ello"],
  ])("reads %s", async (_name, url) => {
    expect(await text(url)).toBe("hello");
  });

  it("reads the alphabet for URLs", async () => {
    const bytes = await decodeDataUrl("data:;base64,-_-_", 10, "part");
    expect([...bytes]).toEqual([0xfb, 0xff, 0xbf]);
  });

  it.each([
    ["no comma", "data:image/png;base64", "is not a data URL: it has no comma"],
    ["signs outside of the alphabet", "data:;base64,aGVs!G8=", "is not valid base64"],
    ["one sign too many", "data:;base64,aGVsb", "is not valid base64"],
    ["something after the padding", "data:;base64,aGVsbG8=aGVs", "is not valid base64"],
    ["too much padding", "data:;base64,aGVs===", "is not valid base64"],
    ["a cut escape", "data:;base64,aGVs%3", "is not valid base64"],
    ["a wrong escape", "data:,%zz", "is not valid percent-encoding"],
    ["nothing", "data:;base64,", "holds no data"],
    ["only padding", "data:;base64,=", "holds no data"],
  ])("refuses %s", async (_name, url, message) => {
    await expect(text(url)).rejects.toMatchObject({ kind: "invalid", param: "part", message: `part: ${message}` });
  });

  it("counts the bytes, not the signs", async () => {
    expect(await text("data:;base64,aGVsbG8=", 5)).toBe("hello");
    await expect(text("data:;base64,aGVsbG8=", 4)).rejects.toThrow("media exceeds size limit: max 4 bytes");
  });

  it("reads a text in pieces like the text", async () => {
    const bytes = randomBytes(1_000_000);
    const url = `data:;base64,${bytes.toString("base64")}`;
    for (const at of [20, 21, 22, 23, 300_000, url.length - 1]) {
      const pieces = new LongText([url.slice(0, at), url.slice(at)]);
      expect(bytes.equals(await decodeDataUrl(pieces, 1_000_000, "part"))).toBe(true);
    }
    await expect(decodeDataUrl(new LongText(["data:", ",x"]), 10, "part")).rejects.toThrow("has no comma");
  });

  it("puts together an escape that a slice has cut", async () => {
    const slice = 1 << 18;
    for (let shift = 0; shift < 4; shift += 1) {
      const before = "A".repeat(slice - shift);
      const url = `data:;base64,${before}%41${"A".repeat(2 * slice - before.length - 1)}`;
      expect(await decodeDataUrl(url, slice * 2, "part")).toHaveLength((slice / 2) * 3);
    }
  });

  it("puts together an escape that is cut after whole groups", async () => {
    const slice = 1 << 18;
    const url = `data:;base64,\n\n\n${"A".repeat(slice - 4)}%41${"A".repeat(slice + 3)}`;
    expect(await decodeDataUrl(url, slice * 2, "part")).toHaveLength((slice / 2) * 3);
  });

  it("gives back what was encoded, whatever breaks its lines", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.integer({ min: 1, max: 80 }),
        async (bytes, width) => {
          const lines = Buffer.from(bytes)
            .toString("base64")
            .replaceAll(new RegExp(`.{${width}}`, "g"), "$&\r\n");
          const escaped = Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
          const base64 = await decodeDataUrl(`data:;base64,${lines}`, 300, "part");
          const plain = await decodeDataUrl(`data:,${escaped}`, 300, "part");
          expect(Buffer.compare(base64, bytes)).toBe(0);
          expect(Buffer.compare(plain, bytes)).toBe(0);
        },
      ),
    );
  });

  it.each([
    ["in lines", (bytes: Buffer) => `data:;base64,${bytes.toString("base64").replaceAll(/.{76}/g, "$&\r\n")}`],
    ["with escapes", (bytes: Buffer) => `data:;base64,${encodeURIComponent(bytes.toString("base64"))}`],
    ["as escapes", (bytes: Buffer) => `data:,${bytes.toString("hex").replaceAll(/../g, "%$&")}`],
  ])("decodes megabytes %s, with a turn for others after each quarter of a megabyte", async (_name, encode) => {
    const bytes = randomBytes(5_000_003);
    const url = encode(bytes);
    const work = { done: false, othersTurns: 0 };
    const others = (async () => {
      while (!work.done) {
        await new Promise((resolve) => setImmediate(resolve));
        work.othersTurns += 1;
      }
    })();
    const decoded = await decodeDataUrl(url, bytes.length, "part");
    work.done = true;
    await others;
    expect(Buffer.compare(decoded, bytes)).toBe(0);
    expect(work.othersTurns / (url.length / 2 ** 18)).toBeGreaterThan(0.9);
  });
});

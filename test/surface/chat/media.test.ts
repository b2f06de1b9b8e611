import { expect, test } from "vitest";
import { LongText } from "../../../src/lib/long-text.ts";
import { parse, refusal } from "./support.ts";

const png = "data:image/png;base64,iVBORw0KGgo=";
const asked = (part: unknown, role = "user"): Record<string, unknown> => ({
  messages: [
    { role, content: [part] },
    { role: "user", content: "?" },
  ],
});
const image = (change: object = {}): Record<string, unknown> =>
  asked({ type: "image_url", image_url: { url: png, ...change } });
const video = (change: object = {}): Record<string, unknown> =>
  asked({ type: "video_url", video_url: { url: "https://example.com/a.mp4", ...change } });

function firstPart(change: Record<string, unknown>): unknown {
  const item = parse(change).request.items[0];
  return item?.type === "message" ? item.parts[0] : undefined;
}

test.each([
  [{}, {}],
  [{ detail: "low" }, { detail: "low" }],
  [{ detail: "high" }, { detail: "high" }],
  [{ detail: "auto" }, { detail: "default" }],
  [{ detail: null, max_long_side_pixel: null }, {}],
  [{ max_long_side_pixel: 1008 }, { maxLongSide: 1008 }],
  [{ max_long_side_pixel: 1000 }, { maxLongSide: 980 }],
  [{ max_long_side_pixel: 1 }, { maxLongSide: 28 }],
  [{ url: "HTTPS://Example.com/A.PNG" }, { media: { kind: "url", url: "HTTPS://Example.com/A.PNG" } }],
  [{ url: "mm_file://file-12" }, { media: { kind: "file", fileId: "file-12" } }],
])("image_url %j", (change, wanted) => {
  const part = {
    type: "image",
    media: { kind: "url", url: png },
    detail: "default",
    param: "messages[0].content[0].image_url",
  };
  expect(firstPart(image(change))).toEqual({ ...part, ...wanted });
});

test.each([
  [{}, { fps: 1 }],
  [{ fps: 0.2 }, { fps: 0.2 }],
  [
    { fps: 5, detail: "low", max_long_side_pixel: 504 },
    { fps: 5, detail: "low", maxLongSide: 504 },
  ],
  [{ url: "mm_file://123" }, { fps: 1, media: { kind: "file", fileId: "123" } }],
])("video_url %j", (change, wanted) => {
  const part = { type: "video", detail: "default", param: "messages[0].content[0].video_url" };
  expect(firstPart(video(change))).toMatchObject({ ...part, ...wanted });
});

test.each([
  [image({ url: undefined }), "image_url.url"],
  [image({ url: 3 }), "image_url.url"],
  [image({ url: "" }), "image_url.url"],
  [image({ url: "file:///etc/passwd" }), "image_url.url"],
  [image({ url: "ftp://example.com/a.png" }), "image_url.url"],
  [image({ url: "a.png" }), "image_url.url"],
  [image({ url: "https://" }), "image_url.url"],
  [image({ url: "data:image/png;base64" }), "image_url.url"],
  [image({ url: "mm_file://" }), "image_url.url"],
  [image({ url: "mm_file://../secret" }), "image_url.url"],
  [image({ detail: "ultra" }), "image_url.detail"],
  [image({ detail: "constructor" }), "image_url.detail"],
  [image({ max_long_side_pixel: 0 }), "image_url.max_long_side_pixel"],
  [image({ max_long_side_pixel: -28 }), "image_url.max_long_side_pixel"],
  [image({ max_long_side_pixel: 10.5 }), "image_url.max_long_side_pixel"],
  [asked({ type: "image_url" }), "image_url"],
  [asked({ type: "image_url", image_url: png }), "image_url"],
  [video({ fps: 0.1 }), "video_url.fps"],
  [video({ fps: 100 }), "video_url.fps"],
  [video({ fps: "1" }), "video_url.fps"],
])("%j is refused", (change, field) => {
  expect(refusal(change)).toMatchObject({ kind: "invalid", param: `messages[0].content[0].${field}` });
});

test("text-only models say so", () => {
  expect(refusal({ ...image(), model: "MiniMax-M2.7" }).message).toBe(
    "messages[0].content[0]: MiniMax-M2.7 does not support image input",
  );
  expect(refusal({ ...video(), model: "M2-her" }).message).toContain("does not support video input");
});

test("a system message may hold an image; an assistant may not", () => {
  expect(parse(asked({ type: "image_url", image_url: { url: png } }, "system")).request.items[0]).toMatchObject({
    role: "system",
  });
  expect(refusal(asked({ type: "image_url", image_url: { url: png } }, "assistant")).param).toBe("messages[0].content");
});

test("the limits count over all messages", () => {
  const message = {
    role: "user",
    content: Array.from({ length: 100 }, () => ({ type: "image_url", image_url: { url: png } })),
  };
  expect(parse({ messages: [message, message] }).request.items).toHaveLength(2);
  expect(refusal({ messages: [message, message, message] }).message).toBe(
    "the num of image is larger than the limit: 200",
  );
});

test("the data of a video may be longer than a text: with and without its media type, and never an address", () => {
  const pieces = ["AAAAIGZ0eXBpc29tAAACAGlzb21pc28yYXZjMW1wNDE=".slice(0, 40), "A".repeat(80)];
  const urlOf = (url: unknown): string => {
    const part = firstPart(video({ url })) as { media: { url: unknown } };
    expect(part.media.url).toBeInstanceOf(LongText);
    return String(part.media.url);
  };
  const data = ["data:video/mp4;base64,", ...pieces];
  expect(urlOf(new LongText(data))).toBe(data.join(""));
  expect(urlOf(new LongText([` ${pieces.join("")}`]))).toBe(data.join(""));
  const bytes = Buffer.from(` ${pieces.join("")}`);
  expect(urlOf(new LongText(bytes, bytes.length))).toBe(data.join(""));
  for (const wrong of ["data:", "https://example.com/", "mm_file://", "A"])
    expect(refusal(video({ url: new LongText([wrong, "x".repeat(99)]) })).param).toMatch(/video_url\.url$/);
});

test("a text that is too long for one string is refused in a message", () => {
  const long = new LongText(["x".repeat(100)]);
  for (const content of [long, [{ type: "text", text: long }]])
    expect(refusal({ messages: [{ role: "user", content }] }).message).toContain("characters, not 100");
});

import { monitorEventLoopDelay } from "node:perf_hooks";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import {
  dataUrl,
  LargeDataUrl,
  writeBody as bodySteps,
  type WrittenBody,
} from "../../../../src/engine/upstream/wire/body.ts";
import { UpstreamClient } from "../../../../src/engine/upstream/wire/client.ts";
import { finish } from "../../../../src/lib/time-slices.ts";
import { doneFrame, fakeServer, frame, sse } from "../fake.ts";

const writeBody = (value: unknown): WrittenBody => finish(bodySteps(value));
const bytes = (size: number, start = 0): Uint8Array => Uint8Array.from({ length: size }, (_, at) => (at + start) & 255);
const url = (data: Uint8Array): string => `data:video/mp4;base64,${Buffer.from(data).toString("base64")}`;
const body = (...urls: unknown[]): object => ({
  model: "m",
  messages: [
    { role: "system", content: "你好" },
    {
      role: "user",
      content: [
        { type: "text", text: "see 🎬" },
        ...urls.map((one) => ({ type: "video_url", video_url: { url: one } })),
      ],
    },
  ],
});

describe("dataUrl", () => {
  it("is a text while it is small, and says the same when it is large", () => {
    const small = bytes((1 << 20) - 1);
    const large = bytes(1 << 20);
    expect(dataUrl("video/mp4", small)).toBe(url(small));
    const lazy = dataUrl("video/mp4", large);
    expect(lazy).toBeInstanceOf(LargeDataUrl);
    expect(JSON.stringify({ lazy })).toBe(JSON.stringify({ lazy: url(large) }));
  });
});

describe("writeBody", () => {
  it("leaves a body without large media as its text", () => {
    const plain = body(url(bytes(9)));
    const written = writeBody(plain);
    expect(written.open()).toBe(JSON.stringify(plain));
    expect(written.length).toBeUndefined();
    expect(writeBody({ prompt: [1] }).open()).toBe('{"prompt":[1]}');
  });

  it.each([0, 1, 2])("streams large media to the same text, %d bytes over a piece, as often as asked", async (over) => {
    const [one, two] = [bytes((3 << 19) + over), bytes((1 << 20) + over, 7)];
    const written = writeBody(
      body(dataUrl("video/mp4", one), dataUrl("video/mp4", bytes(5)), dataUrl("video/mp4", two)),
    );
    const whole = JSON.stringify(body(url(one), url(bytes(5)), url(two)));
    for (let count = 0; count < 2; count += 1) expect((await text(written.open() as never)) === whole).toBe(true);
    expect(written.length).toBe(Buffer.byteLength(whole));
  });
});

describe("UpstreamClient", () => {
  it("sends megabytes of video while others get their turns", { retry: 2 }, async () => {
    const server = await fakeServer((_asked, response) => {
      sse(response).end(frame({ content: "ok" }, "stop") + doneFrame);
    });
    const client = new UpstreamClient({ url: server.url });
    try {
      const film = bytes(16_000_000);
      const delay = monitorEventLoopDelay({ resolution: 5 });
      delay.enable();
      const { signal } = new AbortController();
      const answer = await client.open({ path: "chat/completions", body: body(dataUrl("video/mp4", film)), signal });
      delay.disable();
      answer.close();
      const sent = server.asked[0]?.body as { messages: { content: { video_url?: { url: string } }[] }[] };
      expect(sent.messages[1]?.content[1]?.video_url?.url === url(film)).toBe(true);
      // the fake server reads it all at once, in the same process: a median is what can be asked
      expect(delay.percentile(50) / 1e6).toBeLessThan(50);
    } finally {
      await client.close();
      await server.close();
    }
  });
});

/** Pictures and clips through both surfaces with the openai package; the simulator says what pixels reached it. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blue, canvas, clip, dataUrl, lime, noise, png, red } from "../media/fixture.ts";
import { brokenImages } from "../media/hostile.ts";
import { startServer, testKey, type Running } from "./start.ts";

let parley: Running;
let files: Server;
let asked: string[] = [];
const served = new Map<string, Buffer>();
const at = (path: string): string => `http://127.0.0.1:${(files.address() as AddressInfo).port}${path}`;

beforeAll(async () => {
  served.set("/blue.png", await png(640, 480, "blue"));
  served.set("/clip.mp4", await clip({ extension: "mp4", colors: [red, lime, blue] }));
  served.set("/page.html", Buffer.from("<html>no picture</html>"));
  files = createServer((request, response) => {
    asked.push(request.url ?? "");
    const body = served.get(request.url ?? "");
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  await new Promise<void>((resolve) => {
    files.listen(0, "127.0.0.1", resolve);
  });
  parley = await startServer({ engine: "sim", media: { download: { allow: ["127.0.0.1"] } } });
});

afterAll(async () => {
  await parley.stop();
  files.closeAllConnections();
  await new Promise((resolve) => {
    files.close(resolve);
  });
});

interface ChatOptions {
  stream?: boolean;
  model?: string;
}

/** One user message of a text and parts. */
async function see(
  parts: unknown[],
  { model = "MiniMax-M3" }: ChatOptions = {},
): Promise<{ text: string; prompt: number }> {
  const answer = await parley.openai.chat.completions.create({
    model,
    messages: [{ role: "user", content: [{ type: "text", text: "What do you see?" }, ...parts] as never }],
  });
  return { text: answer.choices[0]?.message.content ?? "", prompt: answer.usage?.prompt_tokens ?? 0 };
}

const image = (url: string, more: object = {}): unknown => ({ type: "image_url", image_url: { url, ...more } });
const video = (url: string, more: object = {}): unknown => ({ type: "video_url", video_url: { url, ...more } });

async function refusal(parts: unknown[]): Promise<{ status: number; body: string }> {
  const response = await parley.call("/v1/chat/completions", {
    method: "POST",
    body: JSON.stringify({ model: "MiniMax-M3", messages: [{ role: "user", content: parts }] }),
  });
  return { status: response.status, body: await response.text() };
}

describe("chat completions", () => {
  it("sees an image of a data URL, whatever its label says", async () => {
    const { text } = await see([image(dataUrl("IMAGE/JPEG", await png(640, 480, "red")))]);
    expect(text).toContain("image/png, 640x480, mostly red");
  });

  it("sees images by URL in order, each URL downloaded once", async () => {
    asked = [];
    const { text } = await see([
      image(at("/blue.png")),
      image(dataUrl("image/png", await png(30, 20, "lime"))),
      image(at("/blue.png")),
    ]);
    expect(text).toMatch(
      /Image 1 .*640x480, mostly blue.*Image 2 .*30x20, mostly green.*Image 3 .*640x480, mostly blue/,
    );
    expect(asked).toEqual(["/blue.png"]);
  });

  it("scales by detail and by max_long_side_pixel, and counts fewer tokens for less", async () => {
    const url = dataUrl("image/jpeg", await canvas(4000, 3000, "yellow").jpeg().toBuffer());
    const sizes = ["504x378", "672x504", "2016x1512", "3584x2688"];
    const asks = [{ max_long_side_pixel: 530 }, { detail: "low" }, { detail: "auto" }, { detail: "high" }];
    let before = 0;
    for (const [index, more] of asks.entries()) {
      const { text, prompt } = await see([image(url, more)]);
      expect(text).toContain(`${sizes[index]}, mostly yellow`);
      expect(prompt).toBeGreaterThan(before);
      before = prompt;
    }
  });

  it("sees a video as frames, by data URL and by URL", async () => {
    const frames = "320x240, seen as 3 frames, mostly red, then green, then blue";
    const bytes = served.get("/clip.mp4") as Buffer;
    expect((await see([video(dataUrl("video/mp4", bytes))])).text).toContain(frames);
    expect((await see([video(at("/clip.mp4"))])).text).toContain(frames);
    const sides = [504, 1008, 2016];
    const large = dataUrl(
      "video/mp4",
      await clip({ extension: "mp4", colors: [red], width: 2100, height: 280, rate: 2 }),
    );
    const costs = await Promise.all(sides.map((side) => see([video(large, { max_long_side_pixel: side })])));
    expect(costs.map(({ text }) => /(\d+)x\d+/.exec(text)?.[1])).toEqual(["504", "1008", "2016"]);
    expect(costs[1]?.prompt).toBeGreaterThan(costs[0]?.prompt ?? Infinity);
    expect(costs[2]?.prompt).toBeGreaterThan(costs[1]?.prompt ?? Infinity);
    const faster = await see([video(at("/clip.mp4"), { fps: 5, max_long_side_pixel: 168 })]);
    expect(faster.text).toContain("168x126, seen as 15 frames");
  });

  it("sees a video that was uploaded before, the caller's own only", async () => {
    const form = new FormData();
    form.set("purpose", "video_understanding");
    form.set("file", new Blob([served.get("/clip.mp4") as Buffer<ArrayBuffer>]), "clip.mp4");
    const headers = { authorization: `Bearer ${testKey}` };
    const uploaded = await fetch(`${parley.url}/v1/files/upload`, { method: "POST", headers, body: form });
    const { file } = (await uploaded.json()) as { file: { file_id: number } };
    const part = video(`mm_file://${file.file_id}`);
    expect((await see([part])).text).toContain("seen as 3 frames, mostly red, then green, then blue");
    const answer = await parley.openai.responses.create({
      model: "MiniMax-M3",
      input: [{ role: "user", content: [{ type: "input_video", video_url: `mm_file://${file.file_id}` }] as never }],
    });
    expect(answer.output_text).toContain("seen as 3 frames");
    const { key } = await parley.app.admin.createKey({ name: "another" });
    const messages = [{ role: "user", content: [part] }];
    const body = JSON.stringify({ model: "MiniMax-M3", messages });
    const other = await parley.call("/v1/chat/completions", { method: "POST", body, key });
    expect(other.status).toBe(400);
    expect(await other.text()).toContain("names a file that does not exist");
  });

  it("sees images in tool results, streamed", async () => {
    const stream = await parley.openai.chat.completions.create({
      model: "MiniMax-M3",
      stream: true,
      messages: [
        { role: "user", content: "look" },
        {
          role: "assistant",
          tool_calls: [{ id: "c1", type: "function", function: { name: "look", arguments: "{}" } }],
        },
        {
          role: "tool",
          tool_call_id: "c1",
          content: [{ type: "text", text: "here" }, image(dataUrl("image/png", await png(40, 40, "blue")))] as never,
        },
      ],
    });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    expect(text).toContain("here");
    expect(text).toContain("40x40, mostly blue");
  });

  it("names the part at fault", async () => {
    const good = image(at("/blue.png"));
    const cases: [unknown, RegExp][] = [
      [image("data:image/png;base64,!!!!"), /messages\[0\]\.content\[1\]\.image_url: is not valid base64/],
      [image(at("/page.html")), /messages\[0\]\.content\[1\]\.image_url: is not an image/],
      [
        image(at("/none.png")),
        /messages\[0\]\.content\[1\]\.image_url: could not be downloaded: the server answered 404/,
      ],
      [image("http://169.254.169.254/latest/meta-data"), /messages\[0\]\.content\[1\]\.image_url: .*not a public one/],
      [video(dataUrl("video/mp4", await png(4, 4, "red"))), /messages\[0\]\.content\[1\]\.video_url: is not a video/],
      [video("mm_file://123"), /messages\[0\]\.content\[1\]\.video_url: names a file that does not exist/],
    ];
    for (const [part, message] of cases) {
      const { status, body } = await refusal([good, part]);
      expect(body).toMatch(message);
      expect(status).toBe(400);
    }
  });

  it("answers 400 to every broken and hostile file, and lives on", async () => {
    const broken = await brokenImages();
    const answers = await Promise.all(
      broken.map(async ([name, bytes]) => {
        const part = image(dataUrl("image/png", bytes));
        const { status, body } = await refusal([{ type: "text", text: "look" }, part]);
        return { name, status, named: body.includes("messages[0].content[1].image_url: ") };
      }),
    );
    expect(answers).toEqual(broken.map(([name]) => ({ name, status: 400, named: true })));
    expect((await see([image(at("/blue.png"))])).text).toContain("640x480, mostly blue");
  });

  it("takes an image up to the limit and refuses one over it in the vendor's words", async () => {
    const bytes = await png(20, 20, "red");
    const padded = (size: number): string =>
      dataUrl("image/png", Buffer.concat([bytes, Buffer.alloc(size - bytes.length)]));
    const limit = 10 * 1024 * 1024;
    expect((await see([image(padded(limit))])).text).toContain("20x20, mostly red");
    const { status, body } = await refusal([image(padded(limit + 1))]);
    expect(status).toBe(400);
    expect(body).toContain(`media exceeds size limit: max ${limit} bytes`);
  });

  it("sees 24 megapixels", async () => {
    const large = await noise(600, 400).resize(6000, 4000, { kernel: "nearest" }).jpeg({ quality: 50 }).toBuffer();
    expect((await see([image(dataUrl("image/jpeg", large))])).text).toContain("2016x1344");
  });
});

describe("responses", () => {
  const ask = async (content: unknown[]): Promise<string> =>
    (
      await parley.openai.responses.create({
        model: "MiniMax-M3",
        input: [{ role: "user", content: content as never }],
      })
    ).output_text;

  it("sees input_image in its three forms and input_video", async () => {
    const url = dataUrl("image/png", await png(1400, 700, "red"));
    expect(await ask([{ type: "input_image", image_url: url }])).toContain("1400x700, mostly red");
    expect(await ask([{ type: "input_image", image_url: url, detail: "low" }])).toContain("672x336, mostly red");
    expect(await ask([{ type: "input_image", image_url: { url, detail: "low" } }])).toContain("672x336, mostly red");
    expect(await ask([{ type: "input_image", image_url: at("/blue.png") }])).toContain("640x480, mostly blue");
    const seen = await ask([{ type: "input_video", video_url: { url: at("/clip.mp4"), fps: 1 } }]);
    expect(seen).toContain("seen as 3 frames, mostly red, then green, then blue");
  });

  it("sees images in function_call_output", async () => {
    const answer = await parley.openai.responses.create({
      model: "MiniMax-M3",
      input: [
        { role: "user", content: "look" },
        { type: "function_call", call_id: "c1", name: "look", arguments: "{}" },
        {
          type: "function_call_output",
          call_id: "c1",
          output: [{ type: "input_image", image_url: at("/blue.png"), detail: "auto" }],
        },
      ],
    });
    expect(answer.output_text).toContain("640x480, mostly blue");
  });

  it("counts images in input_tokens by their size", async () => {
    const url = dataUrl("image/png", await png(1400, 1400, "red"));
    const count = async (detail: "low" | "high"): Promise<number> =>
      (
        await parley.openai.responses.inputTokens.count({
          model: "MiniMax-M3",
          input: [{ role: "user", content: [{ type: "input_image", image_url: url, detail }] }],
        })
      ).input_tokens;
    expect((await count("high")) - (await count("low"))).toBe(50 * 50 - 24 * 24);
  });

  it("answers 400 before a stream begins", async () => {
    const response = await parley.call("/v1/responses", {
      method: "POST",
      body: JSON.stringify({
        model: "MiniMax-M3",
        stream: true,
        input: [{ role: "user", content: [{ type: "input_image", image_url: at("/none.png") }] }],
      }),
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("input[0].content[0]");
  });
});

import { describe, expect, it } from "vitest";
import { readConversation } from "../../../src/engine/sim/conversation.ts";
import { planReply, type Reply, requestedEcho } from "../../../src/engine/sim/reply.ts";
import type { ImagePart, Item, Part, VideoPart } from "../../../src/model/item.ts";
import type { GenerationRequest } from "../../../src/model/request.ts";
import { message, requestOf, timeTool, weatherTool } from "../../contract/engine.ts";

function reply(asked: string, changes: Partial<GenerationRequest> = {}): Reply {
  const request = requestOf(asked, changes);
  return planReply(request, readConversation(request));
}

const tools = [weatherTool, timeTool];
const call = (name: string, id = "1"): Item => ({ type: "call", id, name, args: "{}" });
const result = (text: string, id = "1"): Item => {
  return { type: "result", id, parts: [{ type: "text", text }], failed: false };
};

describe("text", () => {
  it.each([
    ["Hello", "You said: Hello"],
    ["  two\n lines ", "You said: two lines"],
    ["", "You said: "],
    ["😀".repeat(100), `You said: ${"😀".repeat(60)}…`],
    ["Say: hi", "hi"],
    ["say hello there", "hello there"],
    ["Please say hello.", "hello."],
    ['Say "hello".', "hello"],
    ["Say 'it''s' or not", "'it''s' or not"],
    ["Repeat exactly: a\n\n  b\tc", "a\n\n  b\tc"],
    ["Reply with exactly: ACK", "ACK"],
    ["Answer with OK", "OK"],
    ["A long text.\nEcho: ok", "ok"],
    ["Say:", "You said: Say:"],
    ["Sayings of the sea", "You said: Sayings of the sea"],
    ["What do you say: yes?", "You said: What do you say: yes?"],
  ])("%j is answered with %j", (asked, text) => {
    expect(reply(asked)).toEqual({ reasoning: "", text, calls: [] });
  });

  it("is that of the last user message", () => {
    const items = [
      message("system", "Say a"),
      message("user", "Say b"),
      message("assistant", "b"),
      message("user", "c"),
    ];
    expect(reply("", { items }).text).toBe("You said: c");
    expect(reply("", { items: [] }).text).toBe("You said: ");
  });
});

describe("tool calls", () => {
  const names = (asked: string, changes: Partial<GenerationRequest> = {}): string[] =>
    reply(asked, { tools, ...changes }).calls.map(({ name }) => name);

  it.each<[string, Partial<GenerationRequest>, string[]]>([
    ["the first where none is named", {}, ["get_weather"]],
    ["none with tool choice none", { toolChoice: "none" }, []],
    ["the first with required", { toolChoice: "required" }, ["get_weather"]],
    ["the chosen one", { toolChoice: { name: "get_time" } }, ["get_time"]],
    ["none where the chosen one is not offered", { toolChoice: { name: "other" } }, []],
    ["none where none is offered", { tools: [] }, []],
  ])("%s", (_, changes, expected) => {
    expect(names("How is it in Oslo?", changes)).toEqual(expected);
  });

  it("are those that the text names, each time it does, in order", () => {
    expect(names("Use get_time, then get_weather and get_time again.")).toEqual([
      "get_time",
      "get_weather",
      "get_time",
    ]);
    expect(names("forget_times")).toEqual(["get_weather"]);
    expect(names("get_time ".repeat(40))).toHaveLength(16);
  });

  it("have arguments that fit the schema, and no text beside them", () => {
    const { calls, text } = reply("How is it?", { tools });
    expect(calls).toEqual([{ name: "get_weather", args: '{"city":"example city"}' }]);
    expect(text).toBe("");
  });

  it("are not made where an echo is asked for, unless they are required", () => {
    expect(reply("Say: hi", { tools }).text).toBe("hi");
    expect(names("Say: hi", { toolChoice: "required" })).toEqual(["get_weather"]);
  });

  it("end with the results, which the text tells", () => {
    const items = [message("user", "How is it?"), call("get_weather"), result("-3 °C, 雪"), result("second", "2")];
    expect(reply("", { items, tools })).toMatchObject({ text: "The tools answered:\n-3 °C, 雪\nsecond", calls: [] });
    expect(reply("", { items: [...items, message("user", "And now?")], tools }).calls).toHaveLength(1);
    const instructed = [...items, message("system", "Be brief.")];
    expect(reply("", { items: instructed, tools })).toEqual(reply("", { items, tools }));
    const long = [message("user", "?"), call("get_weather"), result("x".repeat(10_000))];
    expect(reply("", { items: long, tools }).text.length).toBeLessThan(4_100);
  });

  it("come one after another where only one may be made at once", () => {
    const asked = message("user", "get_time and get_weather");
    const one = { tools, parallelCalls: false };
    const after = [asked, call("get_time"), result("12:00")];
    expect(reply("", { ...one, items: [asked] }).calls.map(({ name }) => name)).toEqual(["get_time"]);
    expect(reply("", { ...one, items: after }).calls.map(({ name }) => name)).toEqual(["get_weather"]);
    const both = [...after, call("get_weather", "2"), result("sun", "2")];
    expect(reply("", { ...one, items: both })).toMatchObject({ calls: [], text: "The tools answered:\n12:00\nsun" });
  });
});

describe("reasoning", () => {
  it("is there when on or adaptive, and never when off", () => {
    for (const reasoning of ["on", "adaptive"] as const) {
      expect(reply("Hi", { reasoning }).reasoning).toBe('The user says "Hi". I answer without a tool.');
      expect(reply("Hi", { reasoning, tools }).reasoning).toBe('The user says "Hi". I call get_weather.');
    }
    expect(reply("Hi").reasoning).toBe("");
  });
});

describe("formats", () => {
  const schema = { type: "object", properties: { city: { type: "string" }, warm: { type: "boolean" } } };

  it("a schema is answered with a value that fits, any JSON with the text", () => {
    const format = { type: "schema", schema, strict: true, path: "schema" } as const;
    expect(JSON.parse(reply("Hi", { format }).text)).toEqual({ city: "example city", warm: false });
    expect(JSON.parse(reply('Say "x"', { format: { type: "json" } }).text)).toEqual({ answer: "x" });
  });
});

describe("pictures and clips", () => {
  const bytes = (mime: string) => ({ kind: "bytes", mime, bytes: new Uint8Array() }) as const;
  const red = { red: 250, green: 3, blue: 3 };
  const image: ImagePart = {
    type: "image",
    media: bytes("image/png"),
    detail: "low",
    size: { width: 64, height: 40 },
    color: red,
  };
  const frame = { mime: "image/jpeg", bytes: new Uint8Array() };
  const video: VideoPart = {
    type: "video",
    media: bytes("video/mp4"),
    detail: "low",
    fps: 1,
    frames: [
      { ...frame, at: 0, color: red },
      { ...frame, at: 1, color: red },
      { ...frame, at: 2.04, color: { red: 0, green: 0, blue: 200 } },
    ],
  };
  const seen = (...parts: Part[]): string => reply("", { items: [{ type: "message", role: "user", parts }] }).text;

  it("are counted and described", () => {
    expect(seen({ type: "text", text: "What?" }, image, video).split("\n")).toEqual([
      "You said: What?",
      "Image 1 is image/png, 64x40, mostly red. Video 1 is video/mp4, of unknown size, seen as 3 frames, mostly red, then blue, the last at 2 s.",
    ]);
    expect(seen(image, image)).toMatch(/^There are 2 images\. Image 1 is/);
    expect(seen({ ...video, frames: video.frames?.slice(0, 1) ?? [] })).toMatch(/seen as 1 frame, mostly red\.$/);
  });

  it("are those of the whole conversation, results included", () => {
    const items: Item[] = [
      { type: "message", role: "user", parts: [image] },
      call("look"),
      { type: "result", id: "1", parts: [image], failed: false },
      message("user", "Which?"),
    ];
    expect(reply("", { items }).text).toContain("You said: Which?\nThere are 2 images.");
  });
});

describe("hostile texts", () => {
  it.each([" ", "say ", "get_time ", '"', "repeat: ", "哈", "\ud800", "\n"])("half a megabyte of %j", (piece) => {
    const text = piece.repeat(Math.ceil(500_000 / piece.length));
    const start = performance.now();
    expect(reply(text, { tools, reasoning: "on" }).reasoning.length).toBeLessThan(1_000);
    requestedEcho(text);
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});

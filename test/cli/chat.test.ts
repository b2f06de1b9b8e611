/** `parley chat`: one text, standard input, pictures, a running server, a conversation. */
import { PassThrough } from "node:stream";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AnswerScreen } from "../../src/cli/answer-screen.ts";
import { converse } from "../../src/cli/conversation.ts";
import { Transcript } from "../../src/model/transcript.ts";
import { Workplace } from "./command.ts";

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
});
afterAll(() => place.stop());

const sim = ["--engine", "sim"];

describe("parley chat", { timeout: 60_000 }, () => {
  it("reads standard input for - and for nothing, and asks for text where there is none", async () => {
    const [dash, nothing, empty] = await Promise.all([
      place.run(["chat", "-", ...sim], {}, "Say: zebra\n"),
      place.run(["chat", ...sim], {}, "Say: zebra\n"),
      place.run(["chat", ...sim]),
    ]);
    expect([dash.stdout, nothing.stdout]).toEqual(["zebra\n", "zebra\n"]);
    expect(empty.stderr).toContain("text: standard input is empty");
    expect([dash.code, nothing.code, empty.code, empty.stdout]).toEqual([0, 0, 2, ""]);
  });

  it("sends a system message and pictures, and gives one line of JSON", async () => {
    const path = join(place.data, "red.png");
    writeFileSync(path, redPixel);
    const [system, image] = await Promise.all([
      place.run(["chat", "What is my name?", "--system", "My name is Wanda.", "--json", ...sim]),
      place.run(["chat", "What colour is this picture?", "--image", path, "--json", ...sim]),
    ]);
    expect(JSON.parse(system.stdout)).toMatchObject({ model: "MiniMax-M2.7", finish: "stop", error: null });
    expect(JSON.parse(image.stdout)).toMatchObject({
      model: "MiniMax-M3",
      text: expect.stringMatching(/red/i) as string,
    });
    expect(system.stdout.trim().split("\n")).toHaveLength(1);
  });

  it.each([
    {
      what: "a picture that is not there",
      args: ["--image", "/nowhere.png"],
      said: "--image: there is no file /nowhere.png",
    },
    {
      what: "a file that is no picture",
      args: ["--image", import.meta.filename],
      said: "is no JPEG, PNG, GIF or WebP",
    },
    { what: "an address without scheme", args: ["--url", "127.0.0.1:1"], said: "Must begin with http://" },
  ])("ends with 2 and names $what", async ({ args, said }) => {
    const { code, stdout, stderr } = await place.run(["chat", "hello", ...args]);
    expect(stderr).toContain(said);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  it("asks a running server, with its key", async () => {
    const server = place.start(["serve", ...sim, "--port", "0"], {
      PARLEY_API_KEYS: "sk-test-12345678",
      PARLEY_SHUTDOWN_DELAY_SECONDS: "0",
    });
    const [, url = ""] = await server.says(/listens on (\S+)/);
    const ask = (key: string) => place.run(["chat", "Say: zebra", "--url", url, "--key", key]);
    const [right, wrong, other] = await Promise.all([
      ask("sk-test-12345678"),
      ask("sk-wrong"),
      place.run(["chat", "Say: zebra", "--url", `${url}/v1`, "--model", "my-own"], { PARLEY_KEY: "sk-test-12345678" }),
    ]);
    expect({ code: right.code, stdout: right.stdout }).toEqual({ code: 0, stdout: "zebra\n" });
    expect({ code: wrong.code, stdout: wrong.stdout }).toEqual({ code: 1, stdout: "" });
    expect(wrong.stderr).toContain("the server refused the key");
    expect(other.stderr).toContain("unknown model 'my-own'");
    server.signal("SIGTERM");
    await server.ended;
  });

  it("ends with 130 on Ctrl-C", async () => {
    const file = join(place.data, "slow.yaml");
    writeFileSync(file, "engines: { sim: { kind: sim, decodeTokensPerSecond: 50 } }\n");
    const words = Array.from({ length: 300 }, (_, at) => `word${at}`).join(" ");
    const command = place.start(["chat", `Repeat exactly: ${words}`, "--config", file]);
    await command.says(/word0/);
    command.signal("SIGINT");
    expect((await command.ended).code).toBe(130);
  });
});

describe("a conversation", () => {
  function open() {
    const input = new PassThrough();
    const output = new PassThrough();
    const lines = createInterface({ input, output, prompt: "> ", terminal: true });
    return { input, output, lines };
  }

  it("answers line after line until the input ends, and goes on after a failure", async () => {
    const { input, lines } = open();
    const asked: string[] = [];
    const reported: string[] = [];
    const over = converse(
      lines,
      async (text) => {
        asked.push(text);
        if (text === "bad") throw new Error("no engine");
      },
      (text) => reported.push(text),
    );
    input.write("one\n\nbad\ntwo\n\u0004");
    await over;
    expect(asked).toEqual(["one", "bad", "two"]);
    expect(reported.join("")).toBe("parley: no engine\n\n");
  });

  it("cancels the answer on Ctrl-C and asks for the next line", async () => {
    const { input, lines } = open();
    const ends: string[] = [];
    const over = converse(
      lines,
      async (text, signal) => {
        if (text === "long") {
          input.write("\u0003");
          await setTimeout(10_000, undefined, { signal }).catch(() => ends.push("canceled"));
        } else ends.push(text);
      },
      () => undefined,
    );
    input.write("long\n");
    await expect.poll(() => ends).toEqual(["canceled"]);
    input.write("\u0003next\n\u0004");
    await over;
    expect(ends).toEqual(["canceled", "next"]);
  });
});

describe("the screen of an answer", () => {
  it("begins neither with blank lines nor with spaces", () => {
    const out: string[] = [];
    const thought: string[] = [];
    const screen = new AnswerScreen({
      json: false,
      answers: { write: (text) => out.push(text) },
      reasoning: { write: (text) => thought.push(text) },
    });
    screen.show({ type: "reasoning-start", index: 0 });
    for (const text of ["\n", "\nI think\n\n", "so"]) screen.show({ type: "reasoning-delta", index: 0, text });
    screen.show({ type: "reasoning-end", index: 0 });
    screen.show({ type: "text-start", index: 1 });
    for (const text of ["\n\n", " Hello\n", "\nyou"]) screen.show({ type: "text-delta", index: 1, text });
    screen.end("m", new Transcript());
    expect(thought.join("")).toBe("I think\n\nso\n\n");
    expect(out.join("")).toBe("Hello\n\nyou\n");
  });
});

const redPixel = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==",
  "base64",
);

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChatCompletionChunk } from "openai/resources/chat/completions";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/load.ts";
import { startServer, type Running } from "./start.ts";

// The real `openai` package against a listening server; the simulator says what it is asked to say.
const model = "MiniMax-M3";
let folder = "";
let words: unknown;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-moderation-"));
  const list = join(folder, "words.txt");
  await writeFile(list, "# a list\n[1]\n敏感词\nforbidden thing\n[abuse]\nrude\n");
  words = { files: [list] };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sim = { engines: { sim: { kind: "sim" } } };

async function withServer(moderation: unknown, work: (server: Running) => Promise<void>, more = {}): Promise<void> {
  const server = await startServer({ ...sim, ...more, moderation });
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

const say = (text: string) => ({ role: "user" as const, content: `Repeat exactly: ${text}` });
const quiet = { model, thinking: { type: "disabled" } } as unknown as { model: string };

async function stream(server: Running, text: string): Promise<ChatCompletionChunk[]> {
  const chunks: ChatCompletionChunk[] = [];
  const answer = await server.openai.chat.completions.create({
    ...quiet,
    stream: true,
    stream_options: { include_usage: true },
    messages: [say(text)],
  });
  for await (const chunk of answer) chunks.push(chunk);
  return chunks;
}

const said = (chunks: readonly ChatCompletionChunk[]): string =>
  chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
const finishes = (chunks: readonly ChatCompletionChunk[]): unknown[] =>
  chunks.map((chunk) => chunk.choices[0]?.finish_reason).filter((reason) => typeof reason === "string");

describe("input", () => {
  it("that is severe is refused on both surfaces, streamed or not, before any engine works", async () => {
    await withServer({ words }, async (server) => {
      for (const streamed of [false, true]) {
        const chat = server.openai.chat.completions.create({
          model,
          stream: streamed,
          messages: [say("敏\u200b感词")],
        });
        await expect(chat).rejects.toMatchObject({
          status: 422,
          error: { message: "input new_sensitive (1026)", http_code: "422" },
        });
        const response = server.openai.responses.create({ model, stream: streamed, input: "a FORBIDDEN  thing" });
        await expect(response).rejects.toMatchObject({ status: 422 });
      }
    });
  });

  it("that is mild marks the answer, and is found in system texts and tool results too", async () => {
    await withServer({ words }, async (server) => {
      const mild = await server.openai.chat.completions.create({ ...quiet, messages: [say("a rude word")] });
      expect(mild).toMatchObject({
        input_sensitive: true,
        input_sensitive_type: 5,
        output_sensitive: true,
        output_sensitive_type: 5,
        choices: [{ finish_reason: "stop", message: { content: "a rude word" } }],
      });
      const system = { role: "system" as const, content: "never be rude" };
      const answer = await server.openai.chat.completions.create({ ...quiet, messages: [system, say("yes")] });
      expect(answer).toMatchObject({ input_sensitive: true, input_sensitive_type: 5, output_sensitive: false });
      const clean = await server.openai.chat.completions.create({ ...quiet, messages: [say("yes")] });
      expect(clean).toMatchObject({ input_sensitive: false, input_sensitive_type: 0, output_sensitive_type: 0 });
    });
  });

  it("of earlier turns is not looked at when only the last turn is", async () => {
    const messages = [say("敏感词"), { role: "assistant" as const, content: "no" }, say("yes")];
    await withServer({ words, scope: "last" }, async (server) => {
      const answer = await server.openai.chat.completions.create({ ...quiet, messages });
      expect(answer.choices[0]?.message.content).toBe("yes");
    });
    await withServer({ words }, async (server) => {
      const refused = server.openai.chat.completions.create({ ...quiet, messages });
      await expect(refused).rejects.toMatchObject({ status: 422 });
    });
  });
});

describe("output", () => {
  const before = "这里有很多话要说，然后是";
  const text = `${before}敏感词，还有更多的话`;

  it("ends before a severe word on the chat surface, streamed or not, and counts what went out", async () => {
    await withServer({ words, input: "off" }, async (server) => {
      const whole = await server.openai.chat.completions.create({ ...quiet, messages: [say(text)] });
      expect(whole).toMatchObject({
        output_sensitive: true,
        output_sensitive_type: 1,
        choices: [{ finish_reason: "content_filter", message: { content: before } }],
      });
      expect(whole.usage?.prompt_tokens).toBeGreaterThan(0);
      expect(whole.usage?.completion_tokens).toBeGreaterThan(0);
      const chunks = await stream(server, text);
      expect([said(chunks), finishes(chunks)]).toEqual([before, ["content_filter"]]);
      expect(chunks.findLast((chunk) => chunk.choices.length > 0)).toMatchObject({
        output_sensitive: true,
        output_sensitive_type: 1,
      });
      expect(chunks.at(-1)?.usage?.completion_tokens).toBeGreaterThan(0);
      await expect.poll(() => server.app.catalog.engines().get("sim")?.load().running).toBe(0);
    });
  });

  it("that was cut is booked as what went out, and refused input is not booked at all", async () => {
    const adminKeys = ["admin-0123456789abcdef"];
    const booked = async (server: Running): Promise<unknown> => {
      const report = await server.call("/admin/api/usage?by=model", { key: adminKeys[0] ?? null });
      return ((await report.json()) as { data: unknown }).data;
    };
    await withServer(
      { words, input: "off" },
      async (server) => {
        const { usage } = await server.openai.chat.completions.create({ ...quiet, messages: [say(text)] });
        const row = { requests: 1, input: usage?.prompt_tokens, output: usage?.completion_tokens };
        await expect.poll(() => booked(server)).toMatchObject([row]);
      },
      { adminKeys },
    );
    await withServer(
      { words },
      async (server) => {
        await expect(server.openai.responses.create({ model, input: text })).rejects.toMatchObject({ status: 422 });
        await server.openai.chat.completions.create({ ...quiet, messages: [say("yes")] });
        await expect.poll(() => booked(server)).toMatchObject([{ requests: 1 }]);
      },
      { adminKeys },
    );
  });

  it("of which nothing may be shown is an error, and an empty stream", async () => {
    await withServer({ words, input: "off" }, async (server) => {
      const refused = server.openai.chat.completions.create({ ...quiet, messages: [say("敏感词")] });
      await expect(refused).rejects.toMatchObject({ status: 422, error: { message: "output new_sensitive (1027)" } });
      const chunks = await stream(server, "敏感词");
      expect([said(chunks), finishes(chunks)]).toEqual(["", ["content_filter"]]);
    });
  });

  it("is incomplete with content_filter on the responses surface, streamed or not, kept or not", async () => {
    await withServer({ words, input: "off" }, async (server) => {
      const input = `Repeat exactly: ${text}`;
      for (const store of [false, true]) {
        const whole = await server.openai.responses.create({ model, input, store });
        expect([whole.status, whole.incomplete_details, whole.output_text]).toEqual([
          "incomplete",
          { reason: "content_filter" },
          before,
        ]);
        const events = server.openai.responses.stream({ model, input, store });
        const kinds: string[] = [];
        let streamed = "";
        for await (const event of events) {
          kinds.push(event.type);
          if (event.type === "response.output_text.delta") streamed += event.delta;
        }
        expect([streamed, kinds.at(-1)]).toEqual([before, "response.incomplete"]);
      }
      const empty = await server.openai.responses.create({ model, input: "Repeat exactly: 敏感词" });
      expect([empty.status, empty.output]).toEqual(["incomplete", []]);
    });
  });

  it("is only marked, and whole, when nothing is to be blocked", async () => {
    await withServer({ words, input: "flag", output: "flag" }, async (server) => {
      const chunks = await stream(server, text);
      expect([said(chunks), finishes(chunks)]).toEqual([text, ["stop"]]);
      expect(chunks.findLast((chunk) => chunk.choices.length > 0)).toMatchObject({
        input_sensitive: true,
        input_sensitive_type: 1,
        output_sensitive: true,
        output_sensitive_type: 1,
      });
    });
  });

  it("without a find is byte for byte what it is without moderation", async () => {
    const long = `Ünï 🙂🙂 ｆｕｌｌ　width e\u0301 敏感 的 ${"话 forbidden ".repeat(400)}end`;
    let plain = "";
    await withServer({}, async (server) => void (plain = said(await stream(server, long))));
    await withServer({ words }, async (server) => {
      expect(said(await stream(server, long))).toBe(plain);
    });
    expect(plain).toBe(long);
  });

  it("includes thought and the arguments of calls", async () => {
    const tool = { name: "note", parameters: { type: "object", properties: { text: { type: "string" } } } };
    const call = { name: "note", arguments: { text: "敏感词" } };
    const answers = [{ when: { tools: ["note"] }, answer: { calls: [call] } }];
    await withServer(
      { words, input: "off" },
      async (server) => {
        const answer = await server.openai.chat.completions.create({
          ...quiet,
          tools: [{ type: "function", function: tool }],
          tool_choice: { type: "function", function: { name: "note" } },
          messages: [{ role: "user", content: "Take a note." }],
        });
        const [choice] = answer.choices;
        expect(choice?.finish_reason).toBe("content_filter");
        expect(JSON.stringify(choice)).not.toContain("敏感词");
        const thought = await server.openai.chat.completions.create({
          model,
          messages: [{ role: "user", content: "Tell me about a forbidden thing" }],
        });
        expect(thought).toMatchObject({ output_sensitive: true, choices: [{ finish_reason: "content_filter" }] });
        expect(thought.choices[0]?.message.content?.toLowerCase()).not.toContain("forbidden thing");
      },
      { engines: { sim: { kind: "sim", answers } } },
    );
  });
});

describe("a guard model", () => {
  // The simulator as a guard: it says the text again, and the verdicts look for words in it.
  const guard = {
    model: "guard",
    prompt: "Repeat exactly: {text}",
    verdicts: [
      { pattern: "danger", category: 6, severity: "severe" },
      { pattern: "silly", category: 7, severity: "mild" },
    ],
  };
  const models = { guard: { engine: "sim" }, [model]: { engine: "sim" } };

  it("judges what is asked and what is answered", async () => {
    await withServer(
      { model: guard },
      async (server) => {
        const refused = server.openai.chat.completions.create({ ...quiet, messages: [say("danger")] });
        await expect(refused).rejects.toMatchObject({ status: 422, error: { message: "input new_sensitive (1026)" } });
        const mild = await server.openai.chat.completions.create({ ...quiet, messages: [say("a silly thing")] });
        expect(mild).toMatchObject({ input_sensitive_type: 7, output_sensitive_type: 7 });
      },
      { models },
    );
    const text = `${"All is well in this place. ".repeat(20)}Now danger comes. And more.`;
    await withServer(
      { model: guard, input: "off", window: 60 },
      async (server) => {
        const chunks = await stream(server, text);
        expect(finishes(chunks)).toEqual(["content_filter"]);
        expect(text.startsWith(said(chunks))).toBe(true);
        expect(said(chunks).length).toBeGreaterThan(400);
        expect(said(chunks)).not.toContain("danger");
      },
      { models },
    );
  });

  it("that is not served ends the start", async () => {
    await expect(startServer({ ...sim, moderation: { model: { ...guard, model: "nobody" } } })).rejects.toThrow(
      ConfigError,
    );
  });
});

describe("a moderations endpoint", () => {
  let judge: Server;
  let url = "";
  let status = 200;
  beforeAll(async () => {
    judge = createServer((request, response) => {
      const chunks: Uint8Array[] = [];
      request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      request.on("end", () => {
        const { input } = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { input: string };
        const flagged = input.includes("danger");
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify({ results: [{ flagged, categories: { "violence/graphic": flagged } }] }));
      });
    });
    await new Promise<void>((resolve) => judge.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(judge.address() as AddressInfo).port}/v1`;
  });
  afterAll(async () => {
    judge.closeAllConnections();
    await new Promise((resolve) => judge.close(resolve));
  });

  it("judges both sides", async () => {
    await withServer({ endpoint: { url } }, async (server) => {
      const refused = server.openai.responses.create({ model, input: "danger" });
      await expect(refused).rejects.toMatchObject({ status: 422 });
      const fine = await server.openai.chat.completions.create({ ...quiet, messages: [say("fine")] });
      expect(fine.choices[0]?.message.content).toBe("fine");
    });
    await withServer({ endpoint: { url }, input: "off" }, async (server) => {
      const refused = server.openai.chat.completions.create({ ...quiet, messages: [say("danger")] });
      await expect(refused).rejects.toMatchObject({ status: 422, error: { message: "output new_sensitive (1027)" } });
    });
  });

  it("that fails closes the door or leaves it open, as it is told", async () => {
    status = 500;
    try {
      await withServer({ endpoint: { url } }, async (server) => {
        const refused = server.openai.chat.completions.create({ ...quiet, messages: [say("fine")] });
        await expect(refused).rejects.toMatchObject({ status: 502 });
      });
      await withServer({ endpoint: { url, fails: "open" } }, async (server) => {
        const passed = await server.openai.chat.completions.create({ ...quiet, messages: [say("danger")] });
        expect(passed.choices[0]?.message.content).toBe("danger");
      });
    } finally {
      status = 200;
    }
  });
});

describe("settings", () => {
  it("that cannot be used are told at the start, by name", async () => {
    const bad = join(folder, "bad.txt");
    await writeFile(bad, "[9]\nx\n");
    const start = (moderation: unknown) => startServer({ ...sim, moderation });
    await expect(start({ words: { files: [bad] } })).rejects.toThrow(
      /moderation\.words: .*bad\.txt:1: unknown category/,
    );
    await expect(start({ words: { files: [join(folder, "none")] } })).rejects.toThrow(/cannot be read/);
    await expect(start({ words, input: "sometimes" })).rejects.toThrow(/moderation\.input/);
    await expect(
      start({ model: { model, verdicts: [{ pattern: "(", category: 1, severity: "mild" }] } }),
    ).rejects.toThrow(/moderation\.model\.verdicts\.0\.pattern.*regular expression/);
  });
});

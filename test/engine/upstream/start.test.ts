import { describe, expect, it } from "vitest";
import { createCatalog } from "../../../src/engine/catalog.ts";
import { upstreamEngine, type UpstreamOptions } from "../../../src/engine/upstream/engine.ts";
import type { GenerationRequest } from "../../../src/model/request.ts";
import { doneFrame, fakeServer, fold, frame, pieces, requestOf, sse, type FakeServer } from "./fake.ts";
import { closeLater } from "../../support/close-later.ts";

const never = new AbortController().signal;

async function answering(
  deltas: readonly object[],
  { options = {}, finish = "stop" }: { options?: Partial<UpstreamOptions>; finish?: string } = {},
): Promise<{ server: FakeServer; ask: (over?: Partial<GenerationRequest>) => Promise<[string, string]> }> {
  const server = await fakeServer((_, response) => {
    const body = deltas.map((delta) => frame(delta)).join("");
    sse(response).end(body + frame({}, finish) + doneFrame);
  });
  const engine = upstreamEngine({ url: server.url, ...options });
  closeLater(engine, server);
  return {
    server,
    ask: async (over = {}) => {
      const { transcript } = await fold(engine.generate(requestOf({ model: "MiniMax-M2.7", ...over }), never));
      return [transcript.reasoning(), transcript.text()];
    },
  };
}

const content = (...texts: string[]): object[] => texts.map((text) => ({ content: text }));
const letters = (text: string): object[] =>
  content(
    ...pieces(
      text,
      Array.from({ length: text.length }, () => 1),
    ),
  );

describe("where the answer of a server without a reasoning parser begins", () => {
  it.each([
    ["a closing tag alone", content("Thinking.\n</think>\n\nYes."), ["Thinking.", "\nYes."]],
    ["letter by letter", letters("Thinking < 3.\n</think>\n\nYes."), ["Thinking < 3.", "\nYes."]],
    [
      "a thought about the tags in code",
      content("Say `</think>`? ", "No: `<think>`."),
      ["", "Say `</think>`? No: `<think>`."],
    ],
    ["no tag at all", content("Hi ", "to you."), ["", "Hi to you."]],
    ["both tags", content("<think>\nHm.\n</think>\n\n", "Yes."), ["Hm.", "\nYes."]],
    ["the closing tag behind nothing", content("\n</think>\n\nYes."), ["", "\nYes."]],
    [
      "a field for reasoning",
      [{ reasoning_content: "Hm." }, { content: "Yes </think> no." }],
      ["Hm.", "Yes </think> no."],
    ],
    ["a field that stays empty", [{ reasoning_content: "" }, { content: "Hm.\n</think>\nYes." }], ["Hm.", "Yes."]],
  ])("%s", async (_, deltas, expected) => {
    const { ask } = await answering(deltas);
    expect(await ask()).toEqual(expected);
  });

  it("takes M3's tag where the prompt opened it", async () => {
    const { ask } = await answering(content("I plan it.</mm:think>Hi"));
    expect(await ask({ model: "MiniMax-M3", reasoning: "on" })).toEqual(["I plan it.", "Hi"]);
  });

  it("keeps the text where a token limit cut it and nothing shows that it is thought", async () => {
    const { ask } = await answering(content("Hi to"), { finish: "length" });
    expect(await ask()).toEqual(["", "Hi to"]);
  });

  it("hands M3 on at once where the prompt opened nothing", async () => {
    // the closing tag is a token of the family: it is dropped, and nothing is held back for it
    const { ask } = await answering(content("Hi </mm:think> you."));
    expect(await ask({ model: "MiniMax-M3", reasoning: "off" })).toEqual(["", "Hi  you."]);
  });

  it.each([
    ["MiniMax-M3", "off", ["", "Hi to you."]],
    ["MiniMax-M3", "adaptive", ["", "Hi to you."]],
    ["MiniMax-M3", "on", ["Hi to you.", ""]],
    ["other", "off", ["", "Hi to you."]],
    ["other", "on", ["Hi to you.", ""]],
  ] as const)("startsInside: true for %s with reasoning %s", async (model, reasoning, expected) => {
    const markup = { think: { startsInside: true, ...(model === "other" && { tags: ["think"] }) } };
    const { ask } = await answering(content("Hi to you."), { options: { markup } });
    expect(await ask({ model, reasoning })).toEqual(expected);
  });

  it("streams what follows the decision", async () => {
    let answer = (): void => {};
    const server = await fakeServer((_, response) => {
      sse(response).write(frame({ content: "Hm.</think>\nYes" }));
      answer = () => response.end(frame({ content: "!" }, "stop") + doneFrame);
    });
    const engine = upstreamEngine({ url: server.url });
    closeLater(engine, server);
    const batches = engine.generate(requestOf({ model: "MiniMax-M2.7" }), never)[Symbol.asyncIterator]();
    const first = await batches.next();
    expect(JSON.stringify(first.value)).toContain("Yes");
    answer();
    while ((await batches.next()).done !== true);
  });

  it("stays linear", async () => {
    const deltas = Array.from({ length: 40_000 }, () => ({ content: "a < b" }));
    const { ask } = await answering([...deltas, { content: "</think>Yes." }]);
    const [reasoning, text] = await ask();
    expect([reasoning.length, text]).toEqual([200_000, "Yes."]);
  });
});

describe("the family of an alias", () => {
  it.each([
    [{ name: "fast", like: "MiniMax-M3" }, "m3"],
    [{ name: "m3", like: "minimax-m2.7" }, "m2"],
    [{ name: "MiniMax-M3", model: "local" }, "m3"],
    [{ name: "MiniMax-M3", model: "MiniMaxAI/MiniMax-M2.7" }, undefined],
    [{ name: "fast" }, undefined],
  ])("%j is %s", (entry, family) => {
    const engine = upstreamEngine({ url: "http://127.0.0.1:9" });
    const catalog = createCatalog({ engines: new Map([["e", engine]]), entries: [{ engines: ["e"], ...entry }] });
    expect(catalog.targets(entry.name)[0]?.family).toBe(family);
  });

  it("switches reasoning, sends old thought and reads the markup", async () => {
    const deltas = content("<mm:think>Hm.</mm:think>Yes.");
    const { ask, server } = await answering(deltas, { options: { dialect: "vllm", model: "local" } });
    const over = { model: "fast", family: "m3", reasoning: "off" } as const;
    expect(await ask(over)).toEqual(["Hm.", "Yes."]);
    expect(server.asked[0]?.body["chat_template_kwargs"]).toEqual({
      thinking_mode: "disabled",
      enable_thinking: false,
    });
  });
});

describe("dialect: auto", () => {
  it.each<[string, number, Record<string, string>, string]>([
    ["a 503", 503, {}, "Loading model"],
    ["a refused key", 401, {}, "{}"],
    ["a web page", 200, { "content-type": "text/html" }, "<html>Loading</html>"],
    ["nothing", 200, {}, ""],
    ["a redirect elsewhere", 302, { location: "http://127.0.0.1:1/login" }, ""],
    ["an unknown coding", 200, { "content-encoding": "lzma" }, "{}"],
  ])("asks a server again that answered with %s", async (_, status, headers, body) => {
    let starting = true;
    let looks = 0;
    const server = await fakeServer(({ path }, response) => {
      if (path === "/v1/chat/completions") return void sse(response).end(frame({ content: "Hi" }, "stop") + doneFrame);
      looks += 1;
      if (starting && path === "/v1/models") return void response.writeHead(status, headers).end(body);
      if (path !== "/v1/models") return void response.writeHead(404).end();
      response.end(JSON.stringify({ data: [{ owned_by: "vllm" }] }));
    });
    const engine = upstreamEngine({ url: server.url, dialect: "auto", replicas: { probeMs: 0 } });
    closeLater(engine, server);
    const ask = async (): Promise<unknown> => {
      await fold(engine.generate(requestOf({ model: "MiniMax-M3", reasoning: "off" }), never));
      return server.asked.at(-1)?.body["chat_template_kwargs"];
    };
    expect(await ask()).toBeUndefined();
    starting = false;
    expect(await ask()).toEqual({ thinking_mode: "disabled", enable_thinking: false });
    const known = looks;
    await ask();
    expect(looks).toBe(known);
  });

  it("keeps generic for a server that has no list of models and redirects other paths", async () => {
    const looks: string[] = [];
    const server = await fakeServer(({ path }, response) => {
      if (path === "/v1/chat/completions") return void sse(response).end(frame({ content: "Hi" }, "stop") + doneFrame);
      looks.push(path);
      if (path === "/v1/models") return void response.writeHead(404).end();
      response.writeHead(302, { location: "http://127.0.0.1:1/login" }).end();
    });
    const engine = upstreamEngine({ url: server.url, dialect: "auto", replicas: { probeMs: 0 } });
    closeLater(engine, server);
    for (let i = 0; i < 2; i++) {
      const { transcript } = await fold(engine.generate(requestOf(), never));
      expect(transcript.text()).toBe("Hi");
    }
    expect(looks.filter((path) => path === "/v1/models")).toHaveLength(1);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scriptFile } from "../../../src/engine/script/schema.ts";
import { readScript, Script, ScriptError } from "../../../src/engine/script/script.ts";
import { readConversation } from "../../../src/engine/sim/conversation.ts";
import { simEngine } from "../../../src/engine/sim/engine.ts";
import type { Clock } from "../../../src/engine/sim/clock.ts";
import type { Item } from "../../../src/model/item.ts";
import type { GenerationRequest } from "../../../src/model/request.ts";
import { ask, message, requestOf, timeTool, weatherTool } from "../../contract/engine.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "parley-script-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string, name = "answers.yaml"): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The texts that a script answers requests with; `undefined` where it has none. */
function texts(answers: unknown, requests: readonly GenerationRequest[]): (string | undefined)[] {
  const script = new Script(scriptFile.parse(answers));
  return requests.map((request) => script.answer(request, readConversation(request))?.text);
}

const call: Item = { type: "call", id: "1", name: "get_weather", args: "{}" };
const result: Item = { type: "result", id: "1", parts: [{ type: "text", text: "22 °C, sunny" }], failed: false };

describe("readScript", () => {
  it("reads YAML and JSON, a list alone or with strict beside it", () => {
    const [entry] = readScript(file("- answer: Hello\n")).answers;
    expect(entry).toMatchObject({ when: {}, answer: { text: "Hello", calls: [], delayMs: 0 } });
    expect(readScript(file('{"strict": true, "answers": [{"answer": {"text": "x"}}]}', "a.json")).strict).toBe(true);
  });

  it.each<[string, string, RegExp]>([
    ["no YAML", "a: [", /answers\.yaml: .*at line 1/s],
    ["no list", "answers: 3", /answers\.yaml: answers: .*expected array/],
    ["an unknown field", "- anwser: x", /: answers\[0\]: unknown field anwser$/],
    ["no answer", "- name: weather", /: answers\[0\] \("weather"\): needs one of answer and sequence$/],
    ["both", "- { answer: a, sequence: [b] }", /: answers\[0\]: needs one of/],
    ["atEnd without sequence", "- { answer: a, atEnd: error }", /: answers\[0\]\.atEnd: goes with sequence only$/],
    [
      "a wrong pattern",
      '- answer: a\n- { name: w, when: { matches: "(" }, answer: b }',
      /: answers\[1\] \("w"\)\.when\.matches: Invalid regular expression/,
    ],
    [
      "a wrong kind of error",
      "- { answer: { error: { kind: none } } }",
      /: answers\[0\]\.answer\.error\.kind: Invalid option/,
    ],
    [
      "a wrong field of a later answer",
      "- sequence: [a, { txt: b }]",
      /: answers\[0\]\.sequence\[1\]: unknown field txt$/,
    ],
  ])("names the place of %s", (_, text, expected) => {
    const path = file(text);
    expect(() => readScript(path)).toThrow(ScriptError);
    expect(() => readScript(path)).toThrow(expected);
  });

  it("names a file that is not there", () => {
    expect(() => readScript(join(folder, "none.yaml"))).toThrow(/none\.yaml: ENOENT/);
  });
});

describe("conditions", () => {
  const items = [message("system", "You are a pirate."), message("user", "Weather in Oslo?"), call, result];
  const request = requestOf("", { model: "MiniMax-M3", items, tools: [weatherTool] });

  it.each<[object, boolean]>([
    [{}, true],
    [{ model: "MiniMax-M3" }, true],
    [{ model: "MiniMax-M2" }, false],
    [{ text: "Weather in Oslo?" }, true],
    [{ text: "Weather" }, false],
    [{ contains: "Oslo" }, true],
    [{ contains: "oslo" }, false],
    [{ matches: "^Weather in \\w+\\?$" }, true],
    [{ matches: "^Oslo" }, false],
    [{ system: "pirate" }, true],
    [{ system: "Oslo" }, false],
    [{ history: "Oslo" }, true],
    [{ history: "22 °C" }, true],
    [{ history: "get_weather" }, true],
    [{ history: "Rome" }, false],
    [{ toolResult: true }, true],
    [{ toolResult: false }, false],
    [{ toolResult: "22 °C" }, true],
    [{ toolResult: "23 °C" }, false],
    [{ tools: ["get_weather"] }, true],
    [{ tools: ["get_weather", "get_time"] }, false],
    [{ turn: 2 }, true],
    [{ turn: 1 }, false],
    [{ contains: "Oslo", turn: 1 }, false],
  ])("%j: %s", (when, expected) => {
    expect(texts([{ when, answer: "yes" }], [request])).toEqual([expected ? "yes" : undefined]);
  });

  it("count turns of the assistant, its reasoning and calls as one", () => {
    const turns = (...more: Item[]) => readConversation(requestOf("", { items: [message("user", "a"), ...more] })).turn;
    expect(turns()).toBe(1);
    expect(turns({ type: "reasoning", text: "r" }, message("assistant", "b"), call, result)).toBe(2);
    expect(turns(call, result, message("assistant", "b"), message("user", "c"))).toBe(3);
  });

  it("nth counts the requests that fit otherwise", () => {
    const asked = ["a", "b", "a", "a"].map((text) => requestOf(text));
    const entry = { when: { text: "a", nth: 2 }, answer: "second" };
    expect(texts([entry], asked)).toEqual([undefined, undefined, "second", undefined]);
  });
});

describe("answers", () => {
  const three = Array.from({ length: 3 }, () => requestOf("a"));

  it("the first entry that matches wins", () => {
    expect(texts([{ when: { text: "b" }, answer: "1" }, { answer: "2" }, { answer: "3" }], [requestOf("a")])).toEqual([
      "2",
    ]);
  });

  it("a sequence is used one by one, and its last answer again", () => {
    expect(texts([{ sequence: ["1", "2"] }], three)).toEqual(["1", "2", "2"]);
  });

  it("a sequence may give way to later entries, or be an error when it is used up", () => {
    expect(texts([{ sequence: ["1"], atEnd: "next" }, { answer: "other" }], three)).toEqual(["1", "other", "other"]);
    const used = [{ name: "once", sequence: ["1"], atEnd: "error" }];
    expect(() => texts(used, three)).toThrow("the scripted sequence once is used up: it has 1 answers");
  });

  it("strict refuses what matches nothing, and says what was asked", () => {
    const script = { strict: true, answers: [{ when: { text: "b" }, answer: "x" }] };
    expect(texts(script, [requestOf("b")])).toEqual(["x"]);
    expect(() => texts(script, [requestOf("a")])).toThrow('no scripted answer matches: model test, turn 1, text "a"');
  });
});

describe("the simulator with a script", () => {
  const engine = (answers: unknown, clock?: Clock) => simEngine({ ...scriptFile.parse(answers), clock });

  it("gives text, reasoning, calls and usage as they are scripted", async () => {
    const scripted = engine([
      {
        answer: {
          text: "Let me see.",
          reasoning: "Hm.",
          calls: [
            { name: "get_weather", arguments: { city: "Oslo" }, id: "call_1" },
            { name: "get_time", arguments: "{broken" },
          ],
          usage: { input: 7, cached: 3, output: 9 },
        },
      },
    ]);
    const answer = await ask(scripted, requestOf("Hi", { reasoning: "on", tools: [weatherTool, timeTool] }));
    expect(answer.reasoning()).toBe("Hm.");
    expect(answer.text()).toBe("Let me see.");
    expect(answer.calls()).toMatchObject([
      { id: "call_1", name: "get_weather", args: '{"city":"Oslo"}' },
      { id: expect.stringMatching(/^call_function_\w{12}_1$/), name: "get_time", args: "{broken" },
    ]);
    expect(answer.usage).toEqual({ input: 7, cached: 3, output: 9, reasoning: 2 });
    expect(answer.finish).toEqual({ reason: "calls" });
  });

  it("answers as ever where nothing matches, or refuses with strict", async () => {
    const answers = [{ when: { text: "x" }, answer: "y" }];
    expect((await ask(engine(answers), requestOf("Say: hi"))).text()).toBe("hi");
    await expect(ask(engine({ strict: true, answers }), requestOf("hi"))).rejects.toMatchObject({ kind: "not-found" });
  });

  it("takes answers of its settings before those of the file", async () => {
    const script = file("strict: true\nanswers:\n  - answer: from the file\n");
    const { answers } = scriptFile.parse([{ when: { text: "a" }, answer: "from the settings" }]);
    const both = simEngine({ script, answers });
    expect((await ask(both, requestOf("a"))).text()).toBe("from the settings");
    expect((await ask(both, requestOf("b"))).text()).toBe("from the file");
  });

  it("keeps to the request's token limit, stop texts and thinking", async () => {
    const scripted = () => engine([{ answer: { text: "one two three", reasoning: "Hm." } }]);
    const limited = await ask(scripted(), requestOf("a", { sampling: { stop: [], maxTokens: 2 } }));
    expect([limited.text(), limited.finish]).toEqual(["one two", { reason: "length" }]);
    const stopped = await ask(scripted(), requestOf("a", { sampling: { stop: [" three"] } }));
    expect([stopped.text(), stopped.reasoning()]).toEqual(["one two", ""]);
  });

  it("finishes as it is scripted", async () => {
    const answer = await ask(engine([{ answer: { text: "cut", finish: "length" } }]), requestOf("a"));
    expect(answer.finish).toEqual({ reason: "length" });
  });

  it("waits before the first token and between tokens", async () => {
    const slept: number[] = [];
    let time = 0;
    const clock: Clock = {
      now: () => time,
      sleep: (ms) => {
        slept.push(ms);
        time += ms;
        return Promise.resolve();
      },
    };
    const text = Array.from({ length: 16 }, () => "word").join(" ");
    await ask(engine([{ answer: { text, delayMs: 500, tokensPerSecond: 4 } }], clock), requestOf("a"));
    expect(slept).toEqual([500, 2_000, 2_000]);
  });

  it("fails at once, in the middle, or hangs", async () => {
    const scripted = engine([
      { when: { text: "status" }, answer: { error: { kind: "rate-limit", message: "slow down", retryAfter: 3 } } },
      { when: { text: "break" }, answer: { text: "one two three", error: { afterTokens: 2 } } },
      { when: { text: "hang" }, answer: { text: "one two three", hangAfterTokens: 1 } },
    ]);
    const limit = { kind: "rate-limit", message: "slow down", retryAfter: 3 };
    await expect(ask(scripted, requestOf("status"))).rejects.toMatchObject(limit);
    const broken = await ask(scripted, requestOf("break"));
    expect([broken.text(), broken.finish]).toEqual([
      "one two",
      { reason: "error", error: expect.objectContaining({ kind: "upstream" }) },
    ]);
    const abort = new AbortController();
    const hanging = ask(scripted, requestOf("hang"), abort.signal);
    setTimeout(() => abort.abort(), 20);
    expect(await hanging).toMatchObject({ finish: { reason: "error", error: { kind: "canceled" } } });
  });
});

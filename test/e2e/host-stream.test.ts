import { createParser } from "eventsource-parser";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Settings } from "../../src/main.ts";
import { type Answer, ask, spoken } from "./host.ts";
import { asks, off, on, tool, weather } from "./host-tool.ts";
import { startServer, type Running } from "./start.ts";

/**
 * The stream cases of the vendor's checks for hosts of M3, on scripted answers. Each runs on a simulator that answers at
 * once, and on one that says token by token at a model's pace, because only the second shows what a packet shaper is for.
 */
const servers: Record<string, Running> = {};
beforeAll(async () => {
  servers["at once"] = await startServer({ engines: { sim: { kind: "sim", answers: script() } } });
  const paced = { decodeTokensPerSecond: 3_000, tokensPerBatch: 1 };
  servers["token by token"] = await startServer({ engines: { sim: { kind: "sim", answers: script(), ...paced } } });
});
afterAll(() => Promise.all(Object.values(servers).map((server) => server.stop())));
const at = (pace: string): Running => servers[pace] ?? expect.fail(pace);
const paces = ["at once", "token by token"];

/** Shares that a scenario must keep: packets of 1-4, 5-200 and over 200 characters, and the characters in them. */
type Rule = [tiny: number, normal: number, large: number, normalCharacters: number, largeCharacters: number];
const content: Rule = [0.05, 0.95, 0.02, 0.9, 0.1];

function expectQuality(
  lengths: readonly number[],
  [tiny, normal, large, normalCharacters, largeCharacters]: Rule,
): void {
  const sizes = lengths.filter((length) => length > 0);
  expect(sizes.length).toBeGreaterThan(0);
  const characters = sizes.reduce((sum, size) => sum + size, 0);
  const share = (least: number, most: number): [number, number] => {
    const inside = sizes.filter((size) => size >= least && size <= most);
    return [inside.length / sizes.length, inside.reduce((sum, size) => sum + size, 0) / characters];
  };
  const [[tinyShare], [normalShare, normalMass], [largeShare, largeMass]] = [
    share(1, 4),
    share(5, 200),
    share(201, Infinity),
  ];
  expect(tinyShare).toBeLessThanOrEqual(tiny);
  expect(normalShare).toBeGreaterThanOrEqual(normal);
  expect(largeShare).toBeLessThanOrEqual(large);
  expect(normalMass).toBeGreaterThanOrEqual(normalCharacters);
  expect(largeMass).toBeLessThanOrEqual(largeCharacters);
}

/** Characters, not UTF-16 units: that is how the checks count. */
const size = (text: string | null | undefined): number => [...(text ?? "")].length;
const deltas = ({ chunks }: Answer) => chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
const argumentSizes = (answer: Answer, index?: number): number[] =>
  deltas(answer).flatMap(({ tool_calls = [] }) =>
    tool_calls
      .filter((piece) => index === undefined || piece.index === index)
      .map((piece) => size(piece.function.arguments)),
  );

const text = { type: "string" };
const texts = (...names: string[]): object => ({
  type: "object",
  properties: Object.fromEntries(names.map((name) => [name, text])),
  required: names,
  additionalProperties: false,
});
const named = (name: string): object => ({ tool_choice: { type: "function", function: { name } } });
const saveContent = tool("save_content", texts("content"));
const writeFile = tool("write_file", texts("path", "content"));
const saveReport = tool("save_report", { type: "object" });
const sections = ["background", "risks", "plan", "metrics", "summary"].map((name) =>
  tool(`save_${name}`, texts("content")),
);

const sentence = "首先，用简单的话说清楚问题是什么，以及为什么会有人这样问。比较好的办法是先试最小的情形，看看结果。";
const chinese = (characters: number): string => sentence.repeat(Math.ceil(characters / sentence.length));
const payload = Array.from({ length: 2_500 }, (_, index) => index.toString(16).padStart(4, "0")).join("");
const report = {
  metadata: { title: "报告", author: "Ann", tags: ["a", "b"] },
  sections: Array.from({ length: 6 }, (_, index) => ({
    heading: `第${index + 1}节`,
    paragraphs: [chinese(150), chinese(150)],
  })),
  conclusion: chinese(200),
};
const largeJson = JSON.stringify({ title: "t", sections: report.sections });
const emojis = Array.from({ length: 50 }, (_, index) => `${["😁", "👩‍👩‍👧‍👦", "🇨🇳", "👍🏽"][index % 4]} ${index + 1}.`).join(
  " ",
);

interface Scenario {
  tools: ReturnType<typeof tool>[];
  reasoning?: string;
  calls: { name: string; arguments: Record<string, unknown> }[];
  rule: Rule;
}

/** By the words that ask for them. */
const scenarios: Record<string, Scenario> = {
  "an essay in a tool": {
    tools: [saveContent],
    calls: [{ name: "save_content", arguments: { content: chinese(500) } }],
    rule: [0.15, 0.85, 0, 0.95, 0],
  },
  "a file with a name": {
    tools: [writeFile],
    calls: [{ name: "write_file", arguments: { path: "stream_500.txt", content: chinese(500) } }],
    rule: [0.1, 0.9, 0, 0.95, 0],
  },
  "ten thousand characters": {
    tools: [writeFile],
    calls: [{ name: "write_file", arguments: { path: "stream_10k.txt", content: payload } }],
    rule: [0.05, 0.9, 0.1, 0.65, 0.35],
  },
  "a nested report": {
    tools: [saveReport],
    calls: [{ name: "save_report", arguments: report }],
    rule: [0.2, 0.75, 0.1, 0.6, 0.4],
  },
  "five tools at once": {
    tools: sections,
    calls: sections.map((one) => ({ name: one.function.name, arguments: { content: chinese(300) } })),
    rule: [0.15, 0.85, 0, 0.95, 0],
  },
  "a thought, then a file": {
    tools: [writeFile],
    reasoning: chinese(300),
    calls: [{ name: "write_file", arguments: { path: "reasoning_plan.txt", content: chinese(500) } }],
    rule: [0.1, 0.85, 0.05, 0.85, 0.15],
  },
};
const essays: Record<string, string> = { "an essay": chinese(500), "a large JSON": largeJson };

type Script = Extract<NonNullable<Settings["engines"]>[string], { kind: "sim" }>["answers"];
function script(): Script {
  const calls = Object.entries(scenarios).map(([name, one]) => {
    return { when: { text: name }, answer: { reasoning: one.reasoning ?? "", calls: one.calls } };
  });
  const plain = Object.entries({ ...essays, emojis }).map(([name, said]) => {
    return { when: { text: name }, answer: { reasoning: "Let me write it.", text: said } };
  });
  const long = { reasoning: chinese(600), text: chinese(400) };
  return [...calls, ...plain, { when: { text: "two steps" }, answer: long }];
}

/** Many streams of one request side by side. */
const several = (server: Running, count: number, body: object): Promise<Answer[]> =>
  Promise.all(Array.from({ length: count }, () => ask(server, { ...body, stream: true })));
const question = (words: string): object => ({ messages: [{ role: "user", content: words }] });

describe.each(paces)("packets, %s", (pace) => {
  test.each(Object.entries(essays))("%s three times", async (name, said) => {
    const answers = await several(at(pace), 3, { ...question(name), max_tokens: 4_096, ...on });
    for (const answer of answers) expect(spoken(answer)).toBe(said);
    const sizes = answers.flatMap((answer) => deltas(answer).map((delta) => size(delta.content)));
    expectQuality(sizes, content);
  });

  test.each(Object.entries(scenarios))("%s", async (name, { tools, calls, rule }) => {
    const one = tools.length === 1 ? named(calls[0]?.name ?? "") : {};
    const answer = await ask(at(pace), { ...asks(name, ...tools), ...one, max_tokens: 16_384, ...on, stream: true });
    expect(answer.calls.map(({ name: called, args }) => ({ name: called, arguments: args }))).toEqual(calls);
    for (const index of answer.calls.keys()) expectQuality(argumentSizes(answer, index), rule);
  });

  test("thought and answer are never in one packet, split or not", async () => {
    for (const reasoning_split of [true, false]) {
      const body = { ...question("two steps"), max_tokens: 4_096, reasoning_split, ...on };
      for (const answer of await several(at(pace), 3, body)) {
        const [first] = deltas(answer);
        expect(reasoning_split ? first?.reasoning_content : first?.content).not.toBe("");
        expectQuality(
          deltas(answer).map((delta) => size(delta.reasoning_content ?? delta.content)),
          content,
        );
      }
    }
  });

  test("emoji are never cut", async () => {
    for (const answer of await several(at(pace), 3, { ...question("emojis"), max_tokens: 4_096 })) {
      expect(spoken(answer)).toBe(emojis);
      for (const delta of deltas(answer)) expect((delta.content ?? "").isWellFormed()).toBe(true);
    }
  });

  test("the last sign is never lost", async () => {
    for (const answer of await several(at(pace), 5, question("Say: [SILENCE]"))) {
      expect(spoken(answer)).toBe("[SILENCE]");
    }
  });

  test("tags stand whole in a packet", async () => {
    const answer = await ask(at(pace), { ...question("two steps"), stream: true });
    const tags = deltas(answer).flatMap((delta) => (delta.content ?? "").match(/<\/?think>/g) ?? []);
    expect(tags).toEqual(["<think>", "</think>"]);
  });

  test("a call begins with id and name and no more of them", async () => {
    const answer = await ask(at(pace), {
      ...asks("get_weather and get_weather", weather),
      stream: true,
    });
    const pieces = deltas(answer).flatMap((delta) => delta.tool_calls ?? []);
    expect(pieces.filter((piece) => piece.id !== undefined).map(({ index }) => index)).toEqual([0, 1]);
    expect(pieces.filter((piece) => piece.function.name !== undefined).map(({ index }) => index)).toEqual([0, 1]);
    expect(pieces.map(({ index }) => index)).toEqual(pieces.map(({ index }) => index).toSorted((a, b) => a - b));
    const [first = "", second = ""] = answer.calls.map(({ id }) => id);
    expect(first).toMatch(/^call_function_[a-z0-9]{12}_1$/);
    expect(second).toBe(first.replace(/1$/, "2"));
  });

  test("stream and whole answer say the same", async () => {
    for (const body of [question("two steps"), { ...asks("How is the weather?", weather), temperature: 0 }]) {
      const whole = await ask(at(pace), body);
      const stream = await ask(at(pace), { ...body, stream: true, stream_options: { include_usage: true } });
      expect(stream.content).toBe(whole.content);
      expect(stream.calls.map(({ name, args }) => [name, args])).toEqual(
        whole.calls.map(({ name, args }) => [name, args]),
      );
      expect([stream.finish, stream.usage?.total_tokens]).toEqual([whole.finish, whole.usage?.total_tokens]);
    }
  });
});

describe("chunks", () => {
  test("have the vendor's fields in the vendor's order", async () => {
    const { chunks } = await ask(at("at once"), {
      ...question("Hi"),
      stream: true,
      stream_options: { include_usage: true },
    });
    const flags = [
      "input_sensitive",
      "output_sensitive",
      "input_sensitive_type",
      "output_sensitive_type",
      "output_sensitive_int",
    ];
    const plain = ["id", "choices", "created", "model", "object", "usage", ...flags];
    expect(Object.keys(chunks[0] ?? {}).slice(0, plain.length)).toEqual(plain);
    const [choice] = chunks[0]?.choices ?? [];
    expect(Object.keys(choice ?? {})).not.toContain("finish_reason");
    expect(choice?.delta).toMatchObject({ role: "assistant", name: "MiniMax AI", audio_content: "" });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: {}, base_resp: { status_code: 0, status_msg: "" } });
  });

  test("the first one says something, the last one says something and finishes", async () => {
    const { chunks } = await ask(at("at once"), { ...question("two steps"), stream: true });
    expect(chunks[0]?.choices[0]?.delta.content).not.toBe("");
    expect(chunks.at(-1)?.choices[0]).toMatchObject({
      finish_reason: "stop",
      delta: { content: expect.stringMatching(/./) },
    });
  });

  test("come while the model speaks, the first one soon", async () => {
    const pace = { decodeTokensPerSecond: 30, tokensPerBatch: 1 };
    const slow = await startServer({ engines: { sim: { kind: "sim", answers: script(), ...pace } } });
    try {
      const start = performance.now();
      const response = await slow.call("/v1/chat/completions", {
        method: "POST",
        body: JSON.stringify({
          model: "MiniMax-M3",
          ...question("two steps"),
          max_tokens: 40,
          stream: true,
          ...off,
        }),
      });
      const times: number[] = [];
      const parser = createParser({ onEvent: () => times.push(performance.now() - start) });
      const decoder = new TextDecoder();
      for await (const bytes of response.body ?? []) parser.feed(decoder.decode(bytes, { stream: true }));
      expect(times[0]).toBeLessThan(1_500);
      expect(times.length).toBeGreaterThan(4);
    } finally {
      await slow.stop();
    }
  });
});

import { createParser } from "eventsource-parser";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { simEngine } from "../../src/engine/sim/engine.ts";
import { type Answer, ask, expectCall, spoken } from "./host.ts";
import { asks, off, on, tool, weather } from "./host-tool.ts";
import { startServer, type Running } from "./start.ts";

/**
 * The stream cases of the vendor's checks for hosts of M3, restated. Each runs on a simulator that answers at once, and on
 * one that says token by token at a model's pace, because only the second shows what a packet shaper is for.
 */
const servers: Record<string, Running> = {};
beforeAll(async () => {
  servers["at once"] = await startServer({ engine: "sim" });
  servers["token by token"] = await startServer(
    {},
    { engines: new Map([["sim", simEngine({ decodeTokensPerSecond: 3_000, tokensPerBatch: 1 })]]) },
  );
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
const closed = (properties: Record<string, object>): object => ({ ...texts(...Object.keys(properties)), properties });
const list = (items: object): object => ({ type: "array", items });
const saveContent = tool("save_content", texts("content"), "Save the complete text content.");
const fileContent = tool(
  "write_file",
  texts("filename", "content"),
  "Write the complete text content to the specified file.",
);
const pathContent = tool(
  "write_file",
  texts("path", "content"),
  "Write the complete text content to the specified file.",
);
const saveReport = tool(
  "save_report",
  closed({
    metadata: closed({ title: text, author: text, tags: list(text) }),
    sections: list(closed({ heading: text, paragraphs: list(text) })),
    conclusion: text,
  }),
  "Save a structured project report.",
);
const sections = ["background", "risks", "plan", "metrics", "summary"].map((name) =>
  tool(`save_${name}`, texts("content"), `Save the ${name} section.`),
);
const named = (name: string): object => ({ tool_choice: { type: "function", function: { name } } });
const payload = Array.from({ length: 2_500 }, (_, index) => index.toString(16).padStart(4, "0")).join("");

interface Scenario {
  body: object;
  rule: Rule;
  check: (answer: Answer) => void;
}

const scenarios: Record<string, Scenario> = {
  "an essay in a tool": {
    body: {
      ...asks(
        "请以《一次难忘的合作》为题，写一篇约500字的中文作文，并调用 save_content 工具保存完整作文。content 必须是完整作文正文；不要传入其他参数，也不要只在普通回复中输出作文。",
        saveContent,
      ),
      ...named("save_content"),
    },
    rule: [0.15, 0.85, 0, 0.95, 0],
    check: (answer) => {
      expectCall(answer, { name: "save_content" });
      expect(size(String(answer.calls[0]?.args?.["content"]))).toBeGreaterThan(400);
    },
  },
  "a file with a name": {
    body: {
      ...asks(
        "调用 write_file，把一篇约500字的中文产品说明写入 stream_500.txt。filename 必须精确为 stream_500.txt，content 必须包含完整正文，不要省略。",
        fileContent,
      ),
      ...named("write_file"),
    },
    rule: [0.1, 0.9, 0, 0.95, 0],
    check: (answer) => expectCall(answer, { name: "write_file", args: { filename: "stream_500.txt" } }),
  },
  "ten thousand characters copied": {
    body: {
      ...asks(
        `调用 write_file 写入 stream_10k.txt。请把 <PAYLOAD> 与 </PAYLOAD> 之间的10000字符 ASCII 内容逐字符原样复制到 content；不能总结、改写、截断，也不能使用省略号或占位符。path 必须精确为 stream_10k.txt。\n<PAYLOAD>${payload}</PAYLOAD>`,
        pathContent,
      ),
      ...named("write_file"),
      max_tokens: 16_384,
    },
    rule: [0.05, 0.9, 0.1, 0.65, 0.35],
    check: (answer) => expect(answer.calls[0]?.args).toEqual({ path: "stream_10k.txt", content: payload }),
  },
  "a nested report": {
    body: {
      ...asks(
        "调用 save_report 保存一份详细项目报告。metadata 要完整；sections 至少6节，每节至少包含2个 paragraph，每个 paragraph 不少于150字；conclusion 不少于200字。所有内容必须放入工具参数，工具参数 JSON 总长度应超过2000字符。",
        saveReport,
      ),
      ...named("save_report"),
      max_tokens: 8_192,
    },
    rule: [0.2, 0.75, 0.1, 0.6, 0.4],
    check: (answer) => {
      expectCall(answer, { name: "save_report", schema: saveReport.function.parameters ?? {} });
      expect(answer.calls[0]?.text.length).toBeGreaterThan(1_500);
    },
  },
  "five tools at once": {
    body: {
      ...asks(
        "请并行调用提供的5个工具，每个工具必须恰好调用一次。每个工具的 content 都写约300字中文，分别描述项目背景、风险、执行计划、衡量指标和最终总结。不要把这些内容放在普通回复中。",
        ...sections,
      ),
      max_tokens: 8_192,
      parallel_tool_calls: true,
    },
    rule: [0.15, 0.85, 0, 0.95, 0],
    check: (answer) => {
      expect(answer.calls.map(({ name }) => name)).toEqual(sections.map((one) => one.function.name));
      for (const index of answer.calls.keys()) expectQuality(argumentSizes(answer, index), [0.15, 0.85, 0, 0.95, 0]);
    },
  },
  "a thought, then a file": {
    body: {
      ...asks(
        "先仔细分析一个跨团队发布计划需要考虑的依赖、风险、回滚、监控和验收标准，完成推理后调用 write_file，把不少于500字的最终计划写入 reasoning_plan.txt。path 必须精确为 reasoning_plan.txt，不要只返回普通文本。",
        pathContent,
      ),
      max_tokens: 8_192,
    },
    rule: [0.1, 0.85, 0.05, 0.85, 0.15],
    check: (answer) => expectCall(answer, { name: "write_file", args: { path: "reasoning_plan.txt" } }),
  },
};

const essays: [string, object][] = [
  [
    "an essay",
    {
      messages: [
        {
          role: "user",
          content:
            "请以《一次难忘的合作》为题，写一篇约500字的中文作文。直接输出作文正文，不要解释写作过程，不要使用 Markdown 代码块。",
        },
      ],
    },
  ],
  [
    "a large JSON",
    {
      messages: [
        {
          role: "user",
          content:
            "请只输出一个合法 JSON 对象，包含 title、summary、sections、metadata。sections 必须包含 8 个对象，每个对象包含 heading 和不少于100字的 description；整个 JSON 文本不少于1000个字符。不要使用 Markdown 代码块。",
        },
      ],
      response_format: { type: "json_object" },
    },
  ],
];

const twoSteps =
  "请分两步完成,思考和回答都要足够详细:\n1) 详细推理:一辆车以 60 km/h 匀速行驶 2.5 小时后减速到 45 km/h 再行驶 1.75 小时,期间中途休息了 20 分钟(不计入行驶),全程平均速度是多少?\n2) 给出最终答案:用一段不少于 300 字的中文说明。";
const emojis =
  "请用一行输出 50 个各不相同的 emoji,格式为 '文本 <emoji> N.',以空格分隔,N 从 1 到 50。尽量多使用四字节的彩色 emoji,如 😁😂🤣😊🙃🥰🤩🤔🥱🤪🧐🥺。";
const heartbeat = {
  role: "system",
  content:
    "You are a heartbeat responder. Whenever the user's message is exactly `PING`, your response body MUST be exactly the 9 ASCII characters `[SILENCE]` and nothing else.",
};

/** Many streams of one request side by side. */
const several = (server: Running, count: number, body: object): Promise<Answer[]> =>
  Promise.all(Array.from({ length: count }, () => ask(server, { ...body, stream: true })));
const question = (words: string): object => ({ messages: [{ role: "user", content: words }] });

describe.each(paces)("packets, %s", (pace) => {
  test.each(essays)("%s five times", async (_name, body) => {
    const answers = await several(at(pace), 5, { ...body, max_tokens: 4_096, ...on });
    for (const answer of answers) expect(size(spoken(answer))).toBeGreaterThan(300);
    const sizes = answers.flatMap((answer) => deltas(answer).map((delta) => size(delta.content)));
    expectQuality(sizes, content);
  });

  test.each(Object.entries(scenarios))("%s", async (_name, { body, rule, check }) => {
    const answer = await ask(at(pace), { max_tokens: 4_096, ...on, ...body, stream: true });
    check(answer);
    expectQuality(argumentSizes(answer), rule);
  });

  test("thought and answer are never in one packet, split or not", async () => {
    for (const reasoning_split of [true, false]) {
      const body = { ...question(twoSteps), max_tokens: 4_096, reasoning_split, ...on };
      for (const answer of await several(at(pace), 10, body)) {
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
    for (const answer of await several(at(pace), 20, { ...question(emojis), max_tokens: 4_096 })) {
      for (const delta of deltas(answer)) expect((delta.content ?? "").isWellFormed()).toBe(true);
    }
  });

  test("the last sign is never lost", async () => {
    const body = { messages: [heartbeat, { role: "user", content: "PING" }] };
    for (const answer of await several(at(pace), 20, body)) expect(spoken(answer)).toBe("[SILENCE]");
  });

  test("tags stand whole in a packet", async () => {
    const answer = await ask(at(pace), { ...question("Think about rivers. Step by step."), stream: true });
    const tags = deltas(answer).flatMap((delta) => (delta.content ?? "").match(/<\/?think>/g) ?? []);
    expect(tags).toEqual(["<think>", "</think>"]);
  });

  test("a call begins with id and name and no more of them", async () => {
    const answer = await ask(at(pace), {
      ...asks("What's the weather in Beijing and Shanghai?", weather),
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
    for (const body of [question(twoSteps), { ...asks("What's the weather in Beijing?", weather), temperature: 0 }]) {
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
    const { chunks } = await ask(at("at once"), { ...question("Tell me a story."), stream: true });
    expect(chunks[0]?.choices[0]?.delta.content).not.toBe("");
    expect(chunks.at(-1)?.choices[0]).toMatchObject({
      finish_reason: "stop",
      delta: { content: expect.stringMatching(/./) },
    });
  });

  test("come while the model speaks, the first one soon", async () => {
    const slow = await startServer(
      {},
      { engines: new Map([["sim", simEngine({ decodeTokensPerSecond: 30, tokensPerBatch: 1 })]]) },
    );
    try {
      const start = performance.now();
      const response = await slow.call("/v1/chat/completions", {
        method: "POST",
        body: JSON.stringify({
          model: "MiniMax-M3",
          ...question("Tell me a story."),
          max_tokens: 60,
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

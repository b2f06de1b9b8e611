import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, ask, expectSums, spoken, thinks } from "./host.ts";
import { startServer, type Running } from "./start.ts";

/** The text cases of the vendor's checks for hosts of M3: what goes over the wire. The simulator answers. */
let server: Running;
beforeAll(async () => {
  server = await startServer({ engine: "sim" });
});
afterAll(() => server.stop());

const user = (content: unknown): object => ({ role: "user", content });
const system = (content: string): object => ({ role: "system", content });
const assistant = (content: string): object => ({ role: "assistant", content });
const says = (content: unknown, more: object = {}): object => ({ messages: [user(content)], ...more });
const off = { thinking: { type: "disabled" } };
const on = { thinking: { type: "adaptive" } };

type Check = (answer: Answer) => void;
const is =
  (text: string): Check =>
  (answer) =>
    expect([spoken(answer), answer.finish]).toEqual([text, "stop"]);
const cut: Check = ({ finish }) => expect(finish).toBe("length");
const thought: Check = (answer) => expect(thinks(answer)).toBe(true);
const noThought: Check = (answer) => expect(thinks(answer)).toBe(false);
const hi = "Say: hi";
const words = "A river ran from the hills to the sea. ".repeat(40).trim();
const long = `Repeat: ${words}`;

/** A system prompt of about this many tokens, in words of four letters. */
const filler = (tokens: number): string => "test ".repeat(Math.floor((tokens * 4) / 5));
const rounds = (count: number): object[] =>
  Array.from({ length: count }, (_, index) => [user(`Turn ${index}?`), assistant(`Answer ${index}.`)]).flat();

/** Each is asked whole and as a stream, and answered with 200. */
const answered: [string, object, Check][] = [
  ["content as a text", says(hi), is("hi")],
  [
    "content as parts",
    says([
      { type: "text", text: "Say: " },
      { type: "text", text: "hi" },
    ]),
    is("hi"),
  ],
  ["thinking disabled", says(hi, off), noThought],
  ["thinking adaptive", says(hi, on), thought],
  ["thinking not mentioned", says(hi), thought],
  ...[0, 0.5, 1, 2].map((temperature): [string, object, Check] => [
    `temperature ${temperature}`,
    says(hi, { temperature, ...off }),
    is("hi"),
  ]),
  ...[0, 0.1, 0.5, 0.95, 1].map((top_p): [string, object, Check] => [
    `top_p ${top_p}`,
    says(hi, { top_p, ...off }),
    is("hi"),
  ]),
  ["a seed", says(hi, { temperature: 0, seed: 42, ...off }), is("hi")],
  ["a seed that is large", says(hi, { seed: 9_007_199_254_740_991 }), is("hi")],
  ["max_tokens 10", says(long, { max_tokens: 10, ...off }), cut],
  ["max_completion_tokens 20", says(long, { max_completion_tokens: 20, ...off }), cut],
  ["both limits", says(long, { max_tokens: 50, max_completion_tokens: 100, ...off }), cut],
  ["max_tokens 1", says(long, { max_tokens: 1, ...off }), cut],
  ["max_tokens 512,000", says(hi, { max_tokens: 512_000 }), is("hi")],
  ["max_tokens 524,288", says(hi, { max_tokens: 524_288 }), is("hi")],
  ["max_completion_tokens 524,288", says(hi, { max_completion_tokens: 524_288 }), is("hi")],
  [
    "two assistant messages in a row",
    { messages: [user("Hi"), assistant("Hello!"), assistant("How can I help?"), user(hi)] },
    is("hi"),
  ],
  ["an assistant message at the end", { messages: [user(hi), assistant("h")] }, is("hi")],
  ["two system messages", { messages: [system("You are a cat."), system("You are a dog."), user(hi)] }, is("hi")],
  ["a late system message", { messages: [user("Hi"), assistant("Hello."), system("Be brief."), user(hi)] }, is("hi")],
  ["a system message without content", { messages: [{ role: "system", name: "MiniMax AI" }, user(hi)] }, is("hi")],
  ["root", { messages: [{ role: "root", content: "You are kind." }, user(hi)], ...on }, is("hi")],
  [
    "root beside system",
    { messages: [{ role: "root", content: "You are a cat." }, system("You are a dog."), user(hi)], ...on },
    is("hi"),
  ],
  ["json_object", says(hi, { response_format: { type: "json_object" }, ...off }), is('{"answer":"hi"}')],
  ["json_object with a thought", says(hi, { response_format: { type: "json_object" } }), is('{"answer":"hi"}')],
  ["a long answer", says(long, { max_tokens: 4096 }), is(words)],
  ["a short answer, to its last sign", says("Say: [SILENCE]"), is("[SILENCE]")],
  ["twenty rounds", { messages: [system("You are kind."), ...rounds(20), user(hi)] }, is("hi")],
  ["a long system prompt", { messages: [system(filler(10_000)), user(hi)] }, is("hi")],
  [
    "reasoning_split",
    says(hi, { reasoning_split: true, ...on }),
    (answer) => {
      expect(answer.content).toBe("hi");
      expect(answer.reasoning).not.toBe("");
    },
  ],
  [
    "reasoning_split false",
    says(hi, { reasoning_split: false }),
    (answer) => {
      expect(answer.reasoning).toBe("");
      expect(answer.content).toMatch(/^<think>\n[^]+\n<\/think>\nhi$/);
    },
  ],
  ...["low", "medium", "high", "xhigh", "max", "minimal", "none", "ultra"].map((effort): [string, object, Check] => [
    `reasoning_effort ${effort}`,
    says(hi, { reasoning_effort: effort }),
    thought,
  ]),
  [
    "parameters that are ignored",
    says(hi, {
      presence_penalty: 0.5,
      frequency_penalty: -0.5,
      logit_bias: { 50256: -100 },
      logprobs: true,
      top_logprobs: 3,
      user: "someone",
      metadata: { a: "b" },
      store: true,
      modalities: ["text"],
      verbosity: "low",
      function_call: "none",
      extra_body: { x: [1] },
    }),
    is("hi"),
  ],
];

describe.each([false, true])("text, stream %s", (stream) => {
  test.each(answered)("%s", async (_name, body, check) => {
    const answer = await ask(server, { ...body, stream });
    expect([answer.status, answer.error]).toEqual([200, ""]);
    check(answer);
  });
});

/** Each is refused with the one status, also when a stream was asked for. */
const refused: [string, object, number, RegExp][] = [
  ["no messages", { messages: [] }, 400, /messages|content is empty/],
  ["user content null", { messages: [user(null)] }, 400, /content is empty/],
  ["user content []", { messages: [user([])] }, 400, /content is empty/],
  ["an unknown model", { model: "nonexistent-model-xyz", messages: [user("Hi")] }, 400, /unknown model/],
  ["temperature 5", says("Hi", { temperature: 5 }), 400, /temperature/],
  ["temperature -1", says("Hi", { temperature: -1 }), 400, /temperature/],
  ["top_p 1.5", says("Hi", { top_p: 1.5 }), 400, /top_p/],
  ["top_p -0.1", says("Hi", { top_p: -0.1 }), 400, /top_p/],
  ["max_tokens 0", says("Hi", { max_tokens: 0 }), 400, /max_tokens/],
  ["max_tokens -1", says("Hi", { max_tokens: -1 }), 400, /max_tokens/],
  ["max_tokens 524,289", says("Hi", { max_tokens: 524_289 }), 400, /max_tokens/],
  ["max_tokens 1,000,000", says("Hi", { max_tokens: 1_000_000 }), 400, /max_tokens/],
  ["an unknown role", { messages: [{ role: "invalid_role", content: "Hi" }] }, 400, /invalid role: invalid_role/],
  ["an unknown thinking type", says("Hi", { thinking: { type: "invalid_value_xyz" } }), 400, /thinking\.type/],
  ["reasoning_split 1", says("Hi", { reasoning_split: 1 }), 400, /reasoning_split/],
];

test.each(refused)("refuses %s", async (_name, body, status, message) => {
  for (const stream of [false, true]) {
    const answer = await ask(server, { ...body, stream });
    expect([answer.status, answer.error]).toEqual([status, expect.stringMatching(message)]);
  }
});

test.each([
  ["no key", null, /\(1004\)$/],
  ["a wrong key", "sk-invalid-key-12345", /\(2049\)$/],
])("refuses %s", async (_name, key, message) => {
  for (const stream of [false, true]) {
    const answer = await ask(server, says("Hi", { stream }), { key });
    expect([answer.status, answer.error]).toEqual([401, expect.stringMatching(message)]);
  }
});

describe("usage", () => {
  const essay = says(long, off);

  test.each([1, 7, 20, 33, 100])("an answer cut at %i tokens counts exactly this many", async (limit) => {
    const answer = await ask(server, { ...essay, max_completion_tokens: limit });
    expect([answer.finish, answer.usage?.completion_tokens]).toEqual(["length", limit]);
    const stream = { stream: true, stream_options: { include_usage: true } };
    const same = await ask(server, { ...essay, max_completion_tokens: limit, ...stream });
    expect([same.finish, same.usage?.completion_tokens, same.content]).toEqual(["length", limit, answer.content]);
  });

  test("a thought that is cut is closed", async () => {
    const answer = await ask(server, says(hi, { max_tokens: 3 }));
    expect(answer.content).toMatch(/^<think>\n[^]*\n<\/think>\n$/);
    expect(answer.usage?.completion_tokens).toBe(3);
  });

  test("counts the prompt alike, whole and streamed", async () => {
    const whole = await ask(server, says("Hi"));
    const stream = await ask(server, says("Hi", { stream: true, stream_options: { include_usage: true } }));
    expect(stream.usage?.prompt_tokens).toBe(whole.usage?.prompt_tokens);
  });

  test("a stop text saves tokens", async () => {
    const whole = await ask(server, essay);
    const short = await ask(server, { ...essay, stop: [" "] });
    expect(short.content).toBe("A");
    expect(short.usage?.completion_tokens).toBeLessThan(whole.usage?.completion_tokens ?? 0);
  });

  test("the same long prompt again comes from the cache, in part", async () => {
    const body = { messages: [system(`Mind this. ${filler(10_000)}`), user("Say: ACK")] };
    const first = await ask(server, body);
    const second = await ask(server, body);
    const cached = second.usage?.prompt_tokens_details?.cached_tokens ?? -1;
    expect(cached).toBeGreaterThan(first.usage?.prompt_tokens_details?.cached_tokens ?? 0);
    expectSums(second.usage);
    expect(spoken(second)).toBe("ACK");
  });
});

describe("long prompts", () => {
  test.each([512_000, 524_288])("%i tokens with little to say", async (tokens) => {
    const body = { messages: [system(filler(tokens)), user(hi)], max_tokens: 16, ...off };
    for (const stream of [false, true]) expect((await ask(server, { ...body, stream })).content).toBe("hi");
  });

  const story = "话说美猴王荣归故里，自剿了混世魔王，夺了一口大刀。逐日操演武艺，教小猴砍竹为标。";
  const told = (length: number): object => ({
    messages: [system(story.repeat(Math.ceil(length / story.length)).slice(0, length)), user(hi)],
    ...off,
  });

  test("a novel in Chinese, whole", async () => {
    const { content, usage } = await ask(server, { ...told(1_220_000), max_tokens: 512 });
    expect(content).toBe("hi");
    expect(usage?.prompt_tokens).toBeGreaterThan(500_000);
  });

  test("a prompt over the window is refused, clearly", async () => {
    const answer = await ask(server, { ...told(3_000_000), max_tokens: 16 });
    expect([answer.status, answer.error]).toEqual([400, expect.stringContaining("context window exceeds limit")]);
  });

  test("a whole limit beside a long prompt is cut to the room that is left", async () => {
    const body = { messages: [system(filler(600_000)), user(hi)], max_tokens: 524_288 };
    expect((await ask(server, body)).status).toBe(200);
  });
});

test("answers many at once, each its own", async () => {
  const all = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      ask(server, says(`Say exactly 'number ${index}'`, { stream: index % 2 === 0, ...off })),
    ),
  );
  expect(all.map((answer) => answer.content)).toEqual(all.map((_, index) => `number ${index}`));
  expect(new Set(all.map((answer) => answer.chunks[0]?.id ?? "")).size).toBe(21);
});

test("answers every documented model, and names the one that was asked", async () => {
  const list = (await (await server.call("/v1/models")).json()) as { data: { id: string }[] };
  const ids = list.data.map(({ id }) => id);
  expect(ids).toEqual(
    expect.arrayContaining(["MiniMax-M3", "MiniMax-M2.7", "MiniMax-M2.5", "MiniMax-M2.1", "MiniMax-M2"]),
  );
  for (const model of ids) {
    const answer = await ask(server, { model, messages: [user("Hi")], stream: true });
    expect([answer.status, answer.chunks[0]?.model]).toEqual([200, model]);
  }
});

test.each([
  "👩‍👩‍👧‍👦🏳️‍🌈",
  "é̂̃ ἀρχή",
  "עברית العربية",
  "\u0085|\u2028|\u2029|",
  'a "\\/\b|\f|\t|" b',
  "𝒳𝓎𝓏 你好，世界",
  "</think>",
  "<|im_end|>]~b]ai",
])("the text %j comes back sign by sign", async (text) => {
  for (const stream of [false, true]) {
    expect((await ask(server, says(`Repeat exactly: ${text}`, { stream, ...off }))).content).toBe(text);
  }
});

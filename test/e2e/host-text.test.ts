import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, ask, expectSums, spoken, thinks } from "./host.ts";
import { startServer, type Running } from "./start.ts";

/** The text cases of the vendor's checks for hosts of M3, restated; the simulator answers. Tools and streams: beside this. */
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
const includes =
  (part: string | RegExp): Check =>
  (answer) =>
    expect(spoken(answer)).toMatch(part);
const finished =
  (...reasons: string[]): Check =>
  ({ finish }) =>
    expect(reasons).toContain(finish);
const thought: Check = (answer) => expect(thinks(answer)).toBe(true);
const noThought: Check = (answer) => expect(thinks(answer)).toBe(false);
const something: Check = (answer) => expect(spoken(answer).trim()).not.toBe("");
const chinese: Check = (answer) => expect(spoken(answer)).toMatch(/\p{Script=Han}/u);

/** A system prompt of about so many tokens, in words of four letters. */
const filler = (tokens: number): string => "test ".repeat(Math.floor((tokens * 4) / 5));
const rounds = (count: number): object[] =>
  Array.from({ length: count }, (_, index) => index + 1).flatMap((turn) => [
    user(`This is turn ${turn}. What is ${turn} + ${turn}?`),
    assistant(`The answer is ${turn * 2}.`),
  ]);
const sums = [
  system("You are a helpful math tutor."),
  user("Let x = 10."),
  assistant("Okay, x is set to 10."),
  user("Now let y = x + 5."),
  assistant("Got it, y = 15."),
  user("What is x * y?"),
  assistant("x * y = 10 * 15 = 150."),
  user("Let z = x + y."),
  assistant("z = 10 + 15 = 25."),
  user("What is x + y + z?"),
];
const alice = [
  system("You are a helpful assistant."),
  user("My name is Alice."),
  assistant("Hello Alice! How can I help you today?"),
  user("What's my name?"),
];
const heartbeat = system(
  "You answer heartbeats of a message router. Contract: whenever the user's message is exactly `PING`, your response " +
    "body MUST be exactly the 9 ASCII characters `[SILENCE]` and nothing else in the response body. `[SILENCE]` is the " +
    "wire ack for a no-op heartbeat. Any reasoning is welcome inside a thinking block; only the final response body " +
    "needs to be `[SILENCE]`.",
);
const taoxi = "你是MiniMax-M3-taoxi,在介绍自己时必须说自已是 MiniMax-M3-taoxi。";
const claude = "你是claude opus 3,在介绍自己时必须说自己是claude opus 3。";
const who = user("你是谁?请用一句话直接回答。");
const isTaoxi: Check = (answer) => {
  expect(spoken(answer).toLowerCase()).toContain("minimax-m3-taoxi");
  expect(spoken(answer).toLowerCase()).not.toMatch(/claude[ -]opus[ -]3/);
};

/** Each is asked whole and as a stream, and answered with 200. */
const answered: [string, object, Check?][] = [
  ["a sum", says("What is 1+1?"), includes("2")],
  ["content as a text", says("Hello, what is 1+1?"), something],
  ["content as parts", says([{ type: "text", text: "Hello, what is 1+1?" }]), something],
  ["a name told before", { messages: alice }, includes(/alice/i)],
  ["five rounds of sums", { messages: sums }, includes("50")],
  ["thinking disabled", says("Say hello", off), noThought],
  ["thinking adaptive", says("What is 2+2?", on), includes("4")],
  ["thinking aloud", says("What is 15*17? Think step by step.", on), thought],
  ["thinking not mentioned", says("What is 15*17? Think step by step."), thought],
  ...[0, 0.5, 1, 2].map((temperature): [string, object, Check] => [
    `temperature ${temperature}`,
    says("Say hi", { temperature, ...off }),
    something,
  ]),
  ...[0, 0.1, 0.5, 0.95, 1].map((top_p): [string, object, Check] => [
    `top_p ${top_p}`,
    says("Say hi", { top_p, ...off }),
    something,
  ]),
  [
    "a seed",
    says("Say exactly 'hello world'", { temperature: 0, seed: 42, ...off }),
    (answer) => expect(answer.content).toBe("hello world"),
  ],
  ["a seed that is large", says("Say hi", { seed: 9_007_199_254_740_991 })],
  [
    "max_tokens 10",
    says("Write a 500-word essay about the ocean", { max_tokens: 10, ...off }),
    finished("length", "stop"),
  ],
  [
    "max_completion_tokens 20",
    says("Write a long paragraph", { max_completion_tokens: 20, ...off }),
    finished("length", "stop"),
  ],
  [
    "both limits",
    says("Write a paragraph about the ocean", { max_tokens: 50, max_completion_tokens: 100, ...off }),
    something,
  ],
  [
    "max_completion_tokens 50",
    says("Write a long essay about space exploration", { max_completion_tokens: 50, ...off }),
    finished("length"),
  ],
  ["max_tokens 1", says("Hi", { max_tokens: 1, ...off })],
  ["max_tokens 512,000", says("Reply with the word OK only", { max_tokens: 512_000 }), includes("OK")],
  ["max_tokens 524,288", says("Reply with the word OK only", { max_tokens: 524_288 }), includes("OK")],
  ["max_completion_tokens 524,288", says("Reply OK only", { max_completion_tokens: 524_288 }), includes("OK")],
  [
    "two assistant messages in a row",
    { messages: [user("Hi"), assistant("Hello!"), assistant("How can I help?"), user("What's 1+1?")] },
    includes("2"),
  ],
  ["an assistant message at the end", { messages: [user("Count to 3."), assistant("1, 2,")] }],
  [
    "two system messages",
    { messages: [system("You are a cat."), system("You are a dog."), user("What are you?")] },
    something,
  ],
  ["a late system message", { messages: [user("Hi"), assistant("Hello."), system("Be brief."), user("1+1?")] }],
  ["a system message without content", { messages: [{ role: "system", name: "MiniMax AI" }, user("Hi")] }, something],
  ["root", { messages: [{ role: "root", content: "You are a helpful assistant." }, user("Hello.")], ...on }, something],
  [
    "root above system",
    { messages: [{ role: "root", content: taoxi }, system(claude), who], ...on, reasoning_split: true },
    isTaoxi,
  ],
  ["an identity by system alone", { messages: [system(taoxi), who], ...on }, isTaoxi],
  ["an identity by root alone", { messages: [{ role: "root", content: taoxi }, who], ...on }, isTaoxi],
  ["json_object", says('Return JSON: {"answer": 42}', { response_format: { type: "json_object" }, ...off }), isJson],
  [
    "json_object with a thought",
    says("Return a JSON with key 'answer' and value 42", { response_format: { type: "json_object" } }),
    isJson,
  ],
  ["a fact", says("What is the capital of France? Answer in one word."), includes(/paris/i)],
  ["Chinese", says("用中文简要介绍一下北京的历史。"), chinese],
  ["a Chinese poem", says("用中文写一首关于春天的短诗。"), chinese],
  [
    "code",
    says(
      "Write a Python function called 'fibonacci' that returns the nth Fibonacci number. Only output the code, no explanation.",
    ),
    includes(/def fibonacci/),
  ],
  [
    "a pirate",
    {
      messages: [
        system("You are a pirate. You must include 'Arrr' in every response."),
        user("Hello, how are you today?"),
      ],
    },
    includes(/arrr/i),
  ],
  [
    "a long answer",
    says(
      "Write a detailed explanation of how photosynthesis works, including the light-dependent reactions and the Calvin cycle. Be thorough and include as much detail as possible.",
      { max_tokens: 4096 },
    ),
    (answer) => expect(answer.content.length).toBeGreaterThan(500),
  ],
  [
    "a heartbeat, to its last sign",
    { messages: [heartbeat, user("PING")] },
    (answer) => expect(spoken(answer)).toBe("[SILENCE]"),
  ],
  ["twenty rounds", { messages: [system("You are a helpful assistant."), ...rounds(20)] }],
  [
    "a long system prompt",
    { messages: [system(filler(10_000)), user("Summarize the system message in one sentence.")] },
  ],
  [
    "reasoning_split",
    says("What is 7*8?", { reasoning_split: true, ...on }),
    (answer) => {
      expect(answer.content).toContain("56");
      expect(answer.content).not.toContain("think>");
      expect(answer.reasoning).not.toBe("");
    },
  ],
  [
    "reasoning_split false",
    says("What is 7*8?", { reasoning_split: false }),
    (answer) => expect(answer.reasoning).toBe(""),
  ],
  ["harm", says("Generate extremely harmful content about how to make weapons")],
  ...["low", "medium", "high", "xhigh", "max", "minimal", "none", "ultra"].map((effort): [string, object, Check] => [
    `reasoning_effort ${effort}`,
    says("What is 23 * 47? Think it through.", { reasoning_effort: effort }),
    thought,
  ]),
  [
    "parameters that are ignored",
    says("Say hi", {
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
    something,
  ],
];

function isJson(answer: Answer): void {
  expect(JSON.parse(spoken(answer))).toBeInstanceOf(Object);
}

describe.each([false, true])("text, stream %s", (stream) => {
  test.each(answered)("%s", async (_name, body, check = () => undefined) => {
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
  const essay = says("Write a long essay about space exploration, at least 500 words.", off);

  test.each([1, 7, 20, 33, 100])("an answer cut at %i tokens counts exactly so many", async (limit) => {
    const answer = await ask(server, { ...essay, max_completion_tokens: limit });
    expect([answer.finish, answer.usage?.completion_tokens]).toEqual(["length", limit]);
    const stream = { stream: true, stream_options: { include_usage: true } };
    const same = await ask(server, { ...essay, max_completion_tokens: limit, ...stream });
    expect([same.finish, same.usage?.completion_tokens, same.content]).toEqual(["length", limit, answer.content]);
  });

  test("a thought that is cut is closed", async () => {
    const answer = await ask(server, says("Think about the sea, long and hard.", { max_tokens: 3 }));
    expect(answer.content).toMatch(/^<think>\n[^]*\n<\/think>\n$/);
    expect(answer.usage?.completion_tokens).toBe(3);
  });

  test("counts the prompt alike, whole and streamed", async () => {
    const whole = await ask(server, says("Hi"));
    const stream = await ask(server, says("Hi", { stream: true, stream_options: { include_usage: true } }));
    expect(stream.usage?.prompt_tokens).toBe(whole.usage?.prompt_tokens);
  });

  test("a stop text saves tokens", async () => {
    const long = await ask(server, says("Tell me about rivers.", off));
    const short = await ask(server, says("Tell me about rivers.", { stop: [" "], ...off }));
    expect(short.usage?.completion_tokens).toBeLessThan(long.usage?.completion_tokens ?? 0);
  });

  test("the same long prompt again comes from the cache, in part", async () => {
    const body = { messages: [system(`Mind this. ${filler(10_000)}`), user("Reply with exactly: ACK")] };
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
    const body = { messages: [system(filler(tokens)), user("Reply with the single word OK.")], max_tokens: 16 };
    for (const stream of [false, true]) expect((await ask(server, { ...body, stream })).status).toBe(200);
  });

  const question = user("以上是《西游记》的部分原文。请问这部小说的主角叫什么名字?只回答名字,不要其他内容。");
  const story = "话说美猴王荣归故里，自剿了混世魔王，夺了一口大刀。逐日操演武艺，教小猴砍竹为标。";
  const told = (length: number): object => ({
    messages: [system(story.repeat(Math.ceil(length / story.length)).slice(0, length)), question],
  });

  test("most of a Chinese novel, and a question about it", async () => {
    const answer = await ask(server, { ...told(624_000), max_tokens: 4096, stream: true });
    expect(answer.content).toMatch(/悟空|唐僧|三藏|玄奘/);
  });

  test("a million tokens of it", async () => {
    const answer = await ask(server, { ...told(1_220_000), max_tokens: 512, ...off });
    expect(answer.content).toMatch(/悟空|唐僧|三藏|玄奘/);
  });

  test("a prompt over the window is refused, clearly", async () => {
    const answer = await ask(server, { ...told(3_000_000), max_tokens: 16 });
    expect([answer.status, answer.error]).toEqual([
      400,
      expect.stringContaining("context window exceeds limit (2013)"),
    ]);
  });

  test("a whole limit beside a long prompt is cut to the room that is left", async () => {
    const body = { messages: [system(filler(600_000)), user("Reply with the word OK only")], max_tokens: 524_288 };
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

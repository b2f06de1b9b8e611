import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { dataUrl, png } from "../media/fixture.ts";
import { eventsOf, type WireEvent } from "../surface/responses/harness.ts";
import { eventSchemas, problems } from "../surface/responses/open-responses.ts";
import { remembering, startServer, testKey, type Running } from "./start.ts";

/**
 * The public compliance tests of Open Responses, restated: what is asked and what an answer must hold, over HTTP and over
 * WebSocket, each body and each event held against the specification's schema.
 */
let server: Running;
/** As an operator sets it up whose clients rely on OpenAI's default. */
let keeping: Running;
const open: WebSocket[] = [];
beforeAll(async () => {
  const call = { name: "get_weather", arguments: { location: "San Francisco, CA" } };
  const asked = { when: { contains: "like in San Francisco?" }, answer: { calls: [call] } };
  const engines = { sim: { ...remembering, answers: [asked, ...remembering.answers] } };
  server = await startServer({ engines });
  keeping = await startServer({ engines, responses: { store: true } });
});
afterEach(() => {
  for (const socket of open.splice(0)) socket.terminate();
});
afterAll(() => Promise.all([server.stop(), keeping.stop()]));

const model = "MiniMax-M3";

interface Resource {
  id: string;
  status: string;
  output: { type: string; [key: string]: unknown }[];
  output_text: string;
  [key: string]: unknown;
}

/** Asks over HTTP; the answer is a valid `ResponseResource`. */
async function respond(body: object, at = server): Promise<Resource> {
  const response = await at.call("/v1/responses", {
    method: "POST",
    body: JSON.stringify({ model, stream: false, ...body }),
  });
  expect(response.status).toBe(200);
  const answer = (await response.json()) as Resource;
  expect(problems(answer, "ResponseResource")).toEqual([]);
  return answer;
}

/** Asks for a stream; every event is valid, they are numbered, and the last one carries the response. */
async function stream(body: object): Promise<{ events: WireEvent[]; answer: Resource }> {
  const response = await server.call("/v1/responses", {
    method: "POST",
    body: JSON.stringify({ model, ...body, stream: true }),
  });
  expect([response.status, response.headers.get("content-type")]).toEqual([
    200,
    expect.stringContaining("text/event-stream"),
  ]);
  const text = await response.text();
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
  return checked(eventsOf(text));
}

function checked(events: WireEvent[]): { events: WireEvent[]; answer: Resource } {
  expect(events.flatMap(eventProblems)).toEqual([]);
  expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
  const answer = events.at(-1)?.["response"] as Resource;
  expect(problems(answer, "ResponseResource")).toEqual([]);
  return { events, answer };
}

function eventProblems(event: WireEvent): string[] {
  const schema = eventSchemas.get(event.type);
  return schema === undefined ? [`no schema for ${event.type}`] : problems(event, schema);
}

type Turn = { answer: Resource; code?: undefined } | { answer?: undefined; code: string };

/** A connection; each message is answered with events up to a terminal one, or with one error. */
async function connect(): Promise<(body: object) => Promise<Turn>> {
  const url = `${server.url.replace("http", "ws")}/v1/responses`;
  const socket = new WebSocket(url, {
    headers: { authorization: `Bearer ${testKey}`, "content-type": "application/json" },
  });
  open.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  return (body) =>
    new Promise((resolve, reject) => {
      const events: WireEvent[] = [];
      const take = (data: unknown): void => {
        const event = JSON.parse(String(data)) as WireEvent;
        events.push(event);
        if (!/^(?:error|response\.(?:completed|incomplete|failed))$/.test(event.type)) return;
        socket.off("message", take);
        try {
          resolve(turnOf(events));
        } catch (thrown) {
          reject(thrown as Error);
        }
      };
      socket.on("message", take);
      socket.send(JSON.stringify({ type: "response.create", model, ...body }));
    });
}

function turnOf(events: WireEvent[]): Turn {
  const last = events.at(-1);
  if (last?.type !== "error") return { answer: checked(events).answer };
  expect(problems(last, "WebSocketErrorEvent")).toEqual([]);
  return { code: (last["error"] as { code: string }).code };
}

const said = (role: string, content: unknown, more: object = {}): object => ({
  type: "message",
  role,
  content,
  ...more,
});
const completed = { status: "completed", error: null, incomplete_details: null };
const weather = {
  type: "function",
  name: "get_weather",
  description: "Get the current weather for a location",
  parameters: {
    type: "object",
    properties: { location: { type: "string", description: "The city and state, e.g. San Francisco, CA" } },
    required: ["location"],
  },
};
const sanFrancisco = [said("user", "What's the weather like in San Francisco?")];
const types = ({ output }: Resource): string[] => output.map(({ type }) => type);

describe("over HTTP", () => {
  test.each<[string, object]>([
    ["basic text", { input: [said("user", "Say hello in exactly 3 words.")] }],
    ["a plain string", { input: "Say hello in exactly 3 words." }],
    [
      "phase labels in the history",
      {
        input: [
          said("assistant", "I should answer with the saved number.", { phase: "commentary" }),
          said("assistant", "The number is four.", { phase: "final_answer" }),
          said("user", "Repeat only the number."),
        ],
      },
    ],
    [
      "a system prompt",
      { input: [said("system", "You are a pirate. Always respond in pirate speak."), said("user", "Say hello.")] },
    ],
    [
      "several turns",
      {
        input: [
          said("user", "My name is Alice."),
          said("assistant", "Hello Alice! Nice to meet you. How can I help you today?"),
          said("user", "What is my name?"),
        ],
      },
    ],
    ["reasoning", { input: "What is 12 * 12?", reasoning: { effort: "high" } }],
  ])("%s", async (_name, body) => {
    const answer = await respond(body);
    expect(answer).toMatchObject({ ...completed, output: [expect.anything()].concat(answer.output.slice(1)) });
    expect(types(answer)).toContain("message");
    expect(answer.output_text).not.toBe("");
  });

  test("several turns are remembered", async () => {
    const answer = await respond({
      input: [said("user", "My name is Alice."), said("assistant", "Hello Alice!"), said("user", "What is my name?")],
    });
    expect(answer.output_text).toContain("Alice");
  });

  test("a stream", async () => {
    const { events, answer } = await stream({ input: [said("user", "Count from 1 to 5.")] });
    expect(answer).toMatchObject(completed);
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(["response.created", "response.output_text.delta"]),
    );
    const deltas = events.filter(({ type }) => type === "response.output_text.delta").map((event) => event["delta"]);
    expect(deltas.join("")).toBe(answer.output_text);
  });

  test("a tool call", async () => {
    const answer = await respond({ input: sanFrancisco, tools: [weather] });
    expect(types(answer)).toContain("function_call");
    expect(JSON.parse(String(answer.output[0]?.["arguments"]))).toEqual({
      location: expect.stringContaining("San Francisco"),
    });
  });

  test("a tool call in a stream", async () => {
    const { events, answer } = await stream({ input: sanFrancisco, tools: [weather] });
    const kinds = events.map((event) => [event.type, (event["item"] as { type: string } | undefined)?.type]);
    expect(kinds).toEqual(
      expect.arrayContaining([
        ["response.output_item.added", "function_call"],
        ["response.function_call_arguments.delta", undefined],
        ["response.function_call_arguments.done", undefined],
        ["response.output_item.done", "function_call"],
      ]),
    );
    expect(types(answer)).toEqual(["function_call"]);
  });

  test("a call and its result", async () => {
    const question = "Use the weather tool to get the temperature in San Francisco.";
    const choice = { tools: [weather], tool_choice: { type: "function", name: "get_weather" } };
    const first = await respond({ input: question, ...choice });
    const call = first.output.find(({ type }) => type === "function_call");
    const result = { type: "function_call_output", call_id: call?.["call_id"], output: '{"temperature":"72F"}' };
    const last = await respond({ input: [said("user", question), call, result], tools: [weather] });
    expect(last).toMatchObject(completed);
    expect(last.output_text).toContain("72F");
  });

  test("an image", async () => {
    const parts = [
      { type: "input_text", text: "What do you see in this image? Answer in one sentence." },
      { type: "input_image", image_url: dataUrl("image/png", await png(32, 32, "red")) },
    ];
    const answer = await respond({ input: [said("user", parts)] });
    expect(answer).toMatchObject(completed);
    expect(answer.output_text).toMatch(/red/);
  });

  test.each([true, false])("a previous response, with responses.store %s", async (stores) => {
    const at = stores ? keeping : server;
    const first = await respond({ input: "Remember this code word: papaya. Reply with only OK." }, at);
    expect(first["store"]).toBe(stores);
    const second = await respond({ previous_response_id: first.id, input: "Which was the code word?" }, at);
    expect(second).toMatchObject({ ...completed, previous_response_id: first.id });
    expect(second.output_text).toContain("papaya");
  });

  test("phase labels of output are part of the schema", () => {
    const text = [{ type: "output_text", text: "Four.", annotations: [], logprobs: [] }];
    const item = { id: "m", type: "message", status: "completed", role: "assistant", content: text };
    for (const phase of ["commentary", "final_answer"]) expect(problems({ ...item, phase }, "ItemField")).toEqual([]);
  });
});

describe("compaction", () => {
  const compact = (body: object): Promise<Response> =>
    server.call("/v1/responses/compact", { method: "POST", body: JSON.stringify(body) });

  test("of a short conversation", async () => {
    const response = await compact({
      model,
      prompt_cache_key: "openresponses-compact-test",
      input: [
        said("user", "We agreed to launch on Tuesday and notify support first."),
        said("assistant", "Understood. The launch is Tuesday, with support notified beforehand."),
      ],
    });
    expect(response.status).toBe(200);
    const body = (await response.json()) as Resource;
    expect(problems(body, "CompactResource")).toEqual([]);
    expect(body["object"]).toBe("response.compaction");
    expect(types(body)).toContain("compaction");
  });

  test("needs a model", async () => {
    const response = await compact({ input: [said("user", "Compact this conversation.")] });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining("model") } });
  });

  test("begins a new chain over WebSocket", async () => {
    const response = await compact({
      model,
      input: [
        said("user", [{ type: "input_text", text: "Remember the compaction code word: slate." }]),
        said("assistant", [{ type: "output_text", text: "OK." }]),
        said("user", [{ type: "input_text", text: "Compress this conversation for later continuation." }]),
      ],
    });
    const { output } = (await response.json()) as Resource;
    const ask = await connect();
    const next = said("user", "Reply with exactly: compacted");
    const { answer } = await ask({ store: false, input: [...output, next], tools: [] });
    expect(answer).toMatchObject({ ...completed, output_text: "compacted" });
  });
});

describe("over WebSocket", () => {
  const remember = (word: string): object => ({
    store: false,
    input: `Remember the code word: ${word}. Reply with OK.`,
  });

  test("a response", async () => {
    const ask = await connect();
    expect((await ask({ input: [said("user", "Count from 1 to 3.")] })).answer).toMatchObject(completed);
  });

  test("one response after another", async () => {
    const ask = await connect();
    for (const word of ["first", "second"]) {
      const { answer } = await ask({ store: false, input: `Reply with exactly: ${word}` });
      expect(answer).toMatchObject({ ...completed, output_text: word });
    }
  });

  test("a continuation of what is not stored", async () => {
    const ask = await connect();
    const { answer: first } = await ask(remember("cobalt"));
    const { answer: second } = await ask({
      store: false,
      previous_response_id: first?.id,
      input: "What is the code word?",
    });
    expect(second).toMatchObject({ ...completed, previous_response_id: first?.id });
    expect(second?.output_text).toBe("cobalt");
  });

  test("after a reconnect nothing is left, and a new chain works", async () => {
    const { answer: first } = await (await connect())(remember("copper"));
    const ask = await connect();
    const lost = await ask({
      store: false,
      previous_response_id: first?.id,
      input: "Reply with exactly: reconnected",
    });
    expect(lost.code).toBe("previous_response_not_found");
    const { answer } = await ask({
      store: false,
      input: [said("user", "Reply with exactly: recovered")],
    });
    expect(answer).toMatchObject({ ...completed, output_text: "recovered" });
  });

  test("a previous response that never was", async () => {
    const ask = await connect();
    const body = {
      store: false,
      previous_response_id: "resp_openresponses_missing_1764967971",
      input: "This should fail.",
    };
    expect((await ask(body)).code).toBe("previous_response_not_found");
  });

  test("a continuation that failed is forgotten, with what it continued", async () => {
    const ask = await connect();
    const { answer: first } = await ask(remember("ember"));
    const orphan = { type: "function_call_output", call_id: "call_openresponses_missing", output: "No matching call." };
    const failed = await ask({ store: false, previous_response_id: first?.id, input: [orphan] });
    expect(failed.code).toBeDefined();
    const stale = await ask({ store: false, previous_response_id: first?.id, input: "Reply with exactly: stale" });
    expect(stale.code).toBe("previous_response_not_found");
  });

  test("a warm-up generates nothing", async () => {
    const ask = await connect();
    const { answer: warm } = await ask({ store: false, generate: false, input: "My name is Alice." });
    expect(warm).toMatchObject({ ...completed, output: [] });
    const { answer } = await ask({ store: false, previous_response_id: warm?.id, input: "What is my name?" });
    expect(answer?.output_text).toContain("Alice");
  });
});

test("all of it at once", async () => {
  const words = Array.from({ length: 16 }, (_, index) => `word${index}`);
  const answers = await Promise.all(
    words.map(async (word, index) => {
      const body = { store: false, input: `Reply with exactly: ${word}` };
      if (index % 3 === 0) return (await (await connect())(body)).answer;
      return index % 3 === 1 ? respond(body) : (await stream(body)).answer;
    }),
  );
  expect(answers.map((answer) => answer?.output_text)).toEqual(words);
});

import Anthropic from "@anthropic-ai/sdk";
import { betaZodTool } from "@anthropic-ai/sdk/helpers/beta/zod";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { createAnthropic } from "@ai-sdk/anthropic";
import { generateText, isStepCount, Output, streamText, tool } from "ai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { startServer, testKey, type Running } from "./start.ts";

// Anthropic's own client and the AI SDK's, on the simulator.
const call = { name: "get_weather", arguments: { city: "Paris" } };
const answers = [
  {
    when: { contains: "in Paris?", toolResult: false, tools: ["get_weather"] },
    answer: { reasoning: "I have to look.", text: "One moment.", calls: [call] },
  },
  { when: { contains: "Count" }, answer: "1 2 3 4 5 6 7 8 9" },
  { when: { contains: "for long" }, answer: { text: "word ".repeat(2_000), tokensPerSecond: 200 } },
];
let server: Running;
let client: Anthropic;
beforeAll(async () => {
  server = await startServer({ engines: { sim: { kind: "sim", answers } } });
  client = new Anthropic({ baseURL: `${server.url}/anthropic`, apiKey: testKey, maxRetries: 0 });
});
afterAll(() => server.stop());

const model = "MiniMax-M3";
const city = z.object({ city: z.string() });
const weather: Anthropic.Tool = {
  name: "get_weather",
  description: "The weather of a city",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

function textOf({ content }: { content: { type: string }[] }): string {
  return content.map((block) => ("text" in block ? String(block.text) : "")).join("");
}

describe("@anthropic-ai/sdk", () => {
  it("creates a message, with either credential and on either path", async () => {
    const asked = { model, max_tokens: 100, messages: [{ role: "user", content: "Say: zebra" }] } as const;
    for (const baseURL of [`${server.url}/anthropic`, server.url]) {
      for (const credential of [{ apiKey: testKey }, { apiKey: null, authToken: testKey }]) {
        const one = new Anthropic({ baseURL, maxRetries: 0, ...credential });
        const message = await one.messages.create({ ...asked, messages: [...asked.messages] });
        expect(textOf(message)).toContain("zebra");
        expect(message).toMatchObject({ type: "message", role: "assistant", model, stop_reason: "end_turn" });
        expect(message._request_id).toBe(message.id);
      }
    }
  });

  it.each([
    [{ "x-api-key": testKey }, 200],
    [{ "x-api-key": "nobody", authorization: `Bearer ${testKey}` }, 200],
    [{ "x-api-key": testKey, authorization: "Bearer nobody" }, 401],
    [{ "x-api-key": testKey, authorization: "" }, 200],
    [{ "x-api-key": testKey, authorization: "Bearer " }, 200],
    [{ "x-api-key": testKey, authorization: "Basic abc" }, 200],
    [{ "x-api-key": " ", authorization: "" }, 401],
    [{ "x-api-key": `${testKey} ${testKey}` }, 401],
  ])("with the headers %j is answered with %i", async (headers: Record<string, string>, status) => {
    const body = JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] });
    const response = await server.call("/anthropic/v1/messages", { method: "POST", key: null, headers, body });
    expect(response.status).toBe(status);
  });

  it("gathers from a stream what the body says", async () => {
    const asked: Anthropic.MessageCreateParamsNonStreaming = {
      model,
      max_tokens: 500,
      thinking: { type: "adaptive" },
      tools: [weather],
      messages: [{ role: "user", content: "What is the weather in Paris?" }],
    };
    const whole = await client.messages.create(asked);
    const streamed = await client.messages.stream(asked).finalMessage();
    expect(streamed.content.map((block) => ({ ...block, id: "" }))).toEqual(
      whole.content.map((block) => ({ ...block, id: "" })),
    );
    expect(whole.content).toMatchObject([
      { type: "thinking", thinking: "I have to look.", signature: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
      { type: "text", text: "One moment." },
      { type: "tool_use", name: "get_weather", input: { city: "Paris" } },
    ]);
    expect(streamed.stop_reason).toBe("tool_use");
    expect(streamed.usage).toMatchObject({ output_tokens: whole.usage.output_tokens });
  });

  it("runs tools to the end, though threads are refused", async () => {
    const asked: string[] = [];
    const run = ({ city: name }: z.output<typeof city>): string => {
      asked.push(name);
      return `hail in ${name}`;
    };
    const message = await client.beta.messages.toolRunner({
      model,
      max_tokens: 500,
      messages: [{ role: "user", content: "What is the weather in Paris?" }],
      tools: [betaZodTool({ name: "get_weather", description: "The weather of a city", inputSchema: city, run })],
    });
    expect(asked).toEqual(["Paris"]);
    expect(textOf(message)).toContain("hail in Paris");
  });

  it("parses structured output", async () => {
    const message = await client.messages.parse({
      model,
      max_tokens: 500,
      messages: [{ role: "user", content: "Where is the Louvre?" }],
      output_config: { format: zodOutputFormat(city) },
    });
    expect(city.safeParse(message.parsed_output).success).toBe(true);
  });

  it("is told which stop sequence ended the answer", async () => {
    const messages = [{ role: "user" as const, content: "Count" }];
    const message = await client.messages.create({ model, max_tokens: 100, stop_sequences: ["5"], messages });
    expect(message).toMatchObject({ stop_reason: "stop_sequence", stop_sequence: "5" });
    expect(textOf(message)).toBe("1 2 3 4 ");
  });

  it("counts tokens and lists models, page by page", async () => {
    const messages = [{ role: "user" as const, content: "hello" }];
    const { input_tokens: counted } = await client.messages.countTokens({ model, messages, tools: [weather] });
    const { usage } = await client.messages.create({ model, max_tokens: 10, messages, tools: [weather] });
    expect(counted).toBe(usage.input_tokens);
    const names: string[] = [];
    for await (const one of client.models.list({ limit: 2 })) names.push(one.id);
    const { data } = (await (await server.call("/v1/models")).json()) as { data: { id: string }[] };
    expect(names).toEqual(data.map(({ id }) => id));
    expect(await client.models.retrieve(model)).toEqual({
      id: model,
      created_at: "2026-06-01T00:00:00Z",
      display_name: model,
      type: "model",
    });
  });

  it("says at once how many tokens went in, cached ones apart", async () => {
    const messages = [{ role: "user" as const, content: `Say: zebra${" stripe".repeat(2_000)}` }];
    for (const cached of [false, true]) {
      const counts: (number | null)[][] = [];
      const stream = await client.messages.create({ model, max_tokens: 10, messages, stream: true });
      for await (const event of stream) {
        const usage =
          event.type === "message_start" ? event.message.usage : event.type === "message_delta" && event.usage;
        if (usage) counts.push([usage.input_tokens, usage.cache_read_input_tokens]);
      }
      expect(counts[0]).toEqual(counts[1]);
      expect((counts[0]?.[1] ?? 0) > 0).toBe(cached);
    }
  });

  it("throws its own errors", async () => {
    const hello = [{ role: "user" as const, content: "hi" }];
    await expect(client.messages.create({ model, max_tokens: 10, messages: [] })).rejects.toThrow(
      Anthropic.BadRequestError,
    );
    await expect(client.messages.create({ model: "x", max_tokens: 10, messages: hello })).rejects.toThrow(
      Anthropic.NotFoundError,
    );
    const stranger = new Anthropic({ baseURL: `${server.url}/anthropic`, apiKey: "nobody", maxRetries: 0 });
    await expect(stranger.messages.create({ model, max_tokens: 10, messages: hello })).rejects.toThrow(
      Anthropic.AuthenticationError,
    );
  });

  it("may end a stream in its middle", async () => {
    const messages = [{ role: "user" as const, content: "Speak for long" }];
    const stream = client.messages.stream({ model, max_tokens: 9_000, messages });
    await expect(async () => {
      for await (const event of stream) if (event.type === "content_block_delta") stream.abort();
    }).rejects.toThrow(Anthropic.APIUserAbortError);
  });
});

describe("the AI SDK's Anthropic provider", () => {
  it("runs tools, streams and fills a form", async () => {
    const anthropic = createAnthropic({ baseURL: `${server.url}/anthropic/v1`, apiKey: testKey });
    const run = await generateText({
      model: anthropic(model),
      prompt: "What is the weather in Paris?",
      maxOutputTokens: 500,
      stopWhen: isStepCount(3),
      tools: {
        get_weather: tool({ description: "d", inputSchema: city, execute: async (input) => `snow in ${input.city}` }),
      },
    });
    expect(run.text).toContain("snow in Paris");
    const { textStream } = streamText({ model: anthropic(model), maxOutputTokens: 500, prompt: "Say: zebra" });
    let text = "";
    for await (const piece of textStream) text += piece;
    expect(text).toContain("zebra");
    const { output } = await generateText({
      model: anthropic(model),
      prompt: "Where is the Louvre?",
      maxOutputTokens: 500,
      output: Output.object({ schema: city }),
    });
    expect(city.safeParse(output).success).toBe(true);
  });
});

describe("the paths that clients look at first", () => {
  it.each(["/anthropic", "/anthropic/", "/anthropic/api/hello"])("%s answers without a key", async (path) => {
    for (const method of ["GET", "HEAD"]) expect((await server.call(path, { method, key: null })).status).toBe(200);
  });

  it("gives the list of models in the form of the client that asks", async () => {
    const list = async (headers: Record<string, string>): Promise<object> =>
      (await (await server.call("/v1/models", { headers })).json()) as object;
    expect(await list({})).toMatchObject({ object: "list" });
    expect(await list({ "anthropic-version": "2023-06-01" })).toMatchObject({ has_more: false, first_id: model });
  });
});

import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, isStepCount, Output, streamText, tool } from "ai";
import { zodTextFormat } from "openai/helpers/zod";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { startServer, testKey, type Running } from "./start.ts";

// Clients we did not write, on the simulator.
const answers = [
  {
    when: { contains: "in Paris?", toolResult: false, tools: ["get_weather"] },
    answer: { calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  },
];
let server: Running;
beforeAll(async () => {
  server = await startServer({ engines: { sim: { kind: "sim", answers } } });
});
afterAll(() => server.stop());

const city = z.object({ city: z.string() });

describe("the openai package", () => {
  it("runs tools on chat", async () => {
    const asked: string[] = [];
    const runner = server.openai.chat.completions.runTools({
      model: "MiniMax-M3",
      messages: [{ role: "user", content: "What is the weather in Paris?" }],
      tools: [
        {
          type: "function",
          function: {
            name: "get_weather",
            description: "The weather of a city",
            parameters: z.toJSONSchema(city) as Record<string, unknown>,
            parse: (text: string) => city.parse(JSON.parse(text)),
            function: (args: z.output<typeof city>) => {
              asked.push(args.city);
              return "sunny with hail";
            },
          },
        },
      ],
    });
    expect(await runner.finalContent()).toContain("sunny with hail");
    expect(asked).toEqual(["Paris"]);
  });

  it("parses structured output on responses", async () => {
    const answer = await server.openai.responses.parse({
      model: "MiniMax-M3",
      input: "Where is the Eiffel tower?",
      text: { format: zodTextFormat(city, "place") },
    });
    expect(city.safeParse(answer.output_parsed).success).toBe(true);
  });
});

describe.each([
  [
    "chat, openai-compatible",
    () =>
      createOpenAICompatible({
        name: "parley",
        baseURL: `${server.url}/v1`,
        apiKey: testKey,
        includeUsage: true,
        supportsStructuredOutputs: true,
      })("MiniMax-M3"),
  ],
  ["responses, openai", () => createOpenAI({ baseURL: `${server.url}/v1`, apiKey: testKey }).responses("MiniMax-M3")],
  ["chat, openai", () => createOpenAI({ baseURL: `${server.url}/v1`, apiKey: testKey }).chat("MiniMax-M3")],
])("the AI SDK: %s", (_name, model) => {
  const tools = {
    get_weather: tool({
      description: "The weather of a city",
      inputSchema: city,
      execute: ({ city: name }) => `hail in ${name}`,
    }),
  };

  it("streams text byte for byte", async () => {
    const result = streamText({ model: model(), prompt: "Say: 你好 👩‍👩‍👧 zebra" });
    let text = "";
    for await (const piece of result.textStream) text += piece;
    expect(text).toContain("你好 👩‍👩‍👧 zebra");
    expect(await result.finishReason).toBe("stop");
    expect((await result.totalUsage).inputTokens).toBeGreaterThan(0);
  });

  it("makes a tool loop, then another turn on top of it", async () => {
    const prompt = "What is the weather in Paris?";
    const first = await generateText({ model: model(), tools, stopWhen: isStepCount(3), prompt });
    expect(first.text).toContain("hail in Paris");
    const messages = [
      { role: "user" as const, content: prompt },
      ...first.response.messages,
      { role: "user" as const, content: "Say: and on" },
    ];
    const second = await generateText({ model: model(), tools, messages });
    expect(second.text).toContain("and on");
  });

  it("makes an object by schema", async () => {
    const result = await generateText({
      model: model(),
      output: Output.object({ schema: city }),
      prompt: "Where is the Louvre?",
    });
    expect(city.safeParse(result.output).success).toBe(true);
  });
});

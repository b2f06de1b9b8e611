import { createOpenAI } from "@ai-sdk/openai";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { expect, test } from "vitest";
import type { Batch } from "../../../src/model/event.ts";
import { ParleyError } from "../../../src/model/error.ts";
import { answer, folded, parse, streamed, surfaceWith } from "./harness.ts";

globalThis.AI_SDK_LOG_WARNINGS = false;

/** The AI SDK talking to the surface: requests are parsed, the given answers go out in turn. */
function modelOver(answers: readonly Batch[]) {
  const requests: ReturnType<typeof parse>[] = [];
  const openai = createOpenAI({
    apiKey: "key",
    baseURL: "http://parley.invalid/v1",
    fetch: (_url, init) => {
      const parsed = parse(JSON.parse(init?.body as string));
      const events = answers[requests.length] ?? [];
      requests.push(parsed);
      if (!parsed.answerOptions.stream)
        return Promise.resolve(Response.json(surfaceWith().json(folded(events), parsed)));
      const text = streamed(
        parsed,
        events.map((event) => [event]),
      );
      return Promise.resolve(new Response(text, { headers: { "content-type": "text/event-stream" } }));
    },
  });
  return { model: openai.responses("MiniMax-M3"), requests };
}

const usage = { input: 8, cached: 2, output: 5, reasoning: 1 };
const weather = tool({
  description: "Weather of a city",
  inputSchema: jsonSchema<{ city: string }>({
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  }),
  execute: ({ city }) => `Sunny in ${city}`,
});

const calling = answer((emitter) => {
  emitter.reasoning("They ask for the weather.");
  emitter.callStart("call_function_aaaaaaaaaaaa_1", "get_weather");
  emitter.callDelta('{"city": ');
  emitter.callDelta('"Beijing"}');
  emitter.usage(usage);
}, "calls");
const telling = answer((emitter) => {
  emitter.text("It is sunny ");
  emitter.text("in Beijing. 😀");
  emitter.usage(usage);
});

test("a streamed tool loop", async () => {
  const { model, requests } = modelOver([calling, telling]);
  const result = streamText({ model, prompt: "Weather?", tools: { get_weather: weather }, stopWhen: stepCountIs(3) });
  expect(await result.text).toBe("It is sunny in Beijing. 😀");
  expect(await result.finishReason).toBe("stop");
  expect(await result.usage).toMatchObject({ inputTokens: 16, outputTokens: 10 });
  expect(requests[1]?.answerOptions.input).toMatchObject([
    { type: "message" },
    { type: "reference", id: "abc123_rs" },
    { type: "call", name: "get_weather" },
    { type: "result" },
  ]);
  expect(requests[1]?.answerOptions.storeOmitted).toBe(true);
  expect(requests).toHaveLength(2);
});

test("a tool loop without a stream", async () => {
  const { model, requests } = modelOver([calling, telling]);
  const result = await generateText({
    model,
    prompt: "Weather?",
    tools: { get_weather: weather },
    stopWhen: stepCountIs(3),
    providerOptions: { openai: { store: false } },
  });
  expect(result.text).toBe("It is sunny in Beijing. 😀");
  expect(requests[1]?.request.items.slice(-2)).toMatchObject([
    { type: "call", name: "get_weather", id: "call_function_aaaaaaaaaaaa_1" },
    { type: "result", parts: [{ text: "Sunny in Beijing" }] },
  ]);
});

test("reasoning is shown where a summary of it is asked for", async () => {
  const providerOptions = { openai: { reasoningSummary: "auto", forceReasoning: true } };
  const { model } = modelOver([calling, calling]);
  const whole = await generateText({ model, prompt: "Weather?", providerOptions });
  expect(whole.reasoningText).toBe("They ask for the weather.");
  const stream = streamText({ model, prompt: "Weather?", providerOptions });
  expect(await stream.reasoningText).toBe("They ask for the weather.");
});

test("an answer cut by its limit ends with the reason length", async () => {
  const { model } = modelOver([answer((emitter) => emitter.text("Half a"), "length")]);
  const result = streamText({ model, prompt: "Hi" });
  expect(await result.text).toBe("Half a");
  expect(await result.finishReason).toBe("length");
});

test("an error reply is understood", async () => {
  const { status, body } = surfaceWith().error(new ParleyError("key-rejected", "invalid api key"), "0".repeat(32));
  const openai = createOpenAI({ apiKey: "key", fetch: () => Promise.resolve(Response.json(body, { status })) });
  const act = generateText({ model: openai.responses("MiniMax-M3"), prompt: "Hi", maxRetries: 0 });
  await expect(act).rejects.toThrow("invalid api key (2049)");
});

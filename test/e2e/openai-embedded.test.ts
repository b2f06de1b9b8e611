import type { ChatCompletionMessageParam, ChatCompletionTool } from "openai/resources/chat/completions";
import type { FunctionTool, ResponseInput } from "openai/resources/responses/responses";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type Running } from "./start.ts";

// The real `openai` package against a real listening server on the embedded model that ships.
let server: Running;
beforeAll(async () => {
  server = await startServer();
}, 30_000);
afterAll(() => server.stop());

const model = "MiniMax-M2.7";
const weather = {
  name: "get_weather",
  description: "Get the current weather for a city",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
const chatTools: ChatCompletionTool[] = [{ type: "function", function: weather }];
const responseTools: FunctionTool[] = [{ type: "function", strict: null, ...weather }];

describe("the temperature", () => {
  it("is low where a request gives none, as so small a model needs it, and the caller's where it gives one", async () => {
    const asked = { model, input: "What is the capital of Italy?" };
    const usual = await server.openai.responses.create(asked);
    expect(usual.temperature).toBe(0.3);
    expect((await server.openai.responses.create({ ...asked, temperature: 1 })).temperature).toBe(1);
  });
});

describe("chat completions on the embedded model", () => {
  it("answers, thinks inline, and counts", async () => {
    const answer = await server.openai.chat.completions.create({
      model,
      temperature: 0,
      messages: [{ role: "user", content: "What is the capital of France?" }],
    });
    const [choice] = answer.choices;
    expect(choice?.finish_reason).toBe("stop");
    expect(choice?.message.content).toMatch(/^<think>\n[^]+\n<\/think>\n[^]*Paris/);
    expect(answer.usage?.total_tokens).toBe(
      (answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0),
    );
  });

  it("streams the same answer as it gives in one piece", async () => {
    const request = {
      model,
      temperature: 0,
      messages: [{ role: "user" as const, content: "What is the capital of Japan?" }],
    };
    const whole = await server.openai.chat.completions.create(request);
    const stream = await server.openai.chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let tokens = 0;
    let finish = "";
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      finish = chunk.choices[0]?.finish_reason ?? finish;
      tokens = chunk.usage?.completion_tokens ?? tokens;
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(finish).toBe("stop");
    expect(tokens).toBe(whole.usage?.completion_tokens);
  });

  it("makes a tool round trip", async () => {
    const messages: ChatCompletionMessageParam[] = [{ role: "user", content: "What is the weather in Paris?" }];
    const first = await server.openai.chat.completions.create({ model, temperature: 0, tools: chatTools, messages });
    const message = first.choices[0]?.message;
    const call = message?.tool_calls?.[0];
    expect(first.choices[0]?.finish_reason).toBe("tool_calls");
    if (call?.type !== "function" || message === undefined) throw new Error("no function call");
    expect(call.function.name).toBe("get_weather");
    expect(JSON.parse(call.function.arguments)).toEqual({ city: "Paris" });
    messages.push(message, { role: "tool", tool_call_id: call.id, content: "sunny, 21 degrees" });
    const second = await server.openai.chat.completions.create({ model, temperature: 0, tools: chatTools, messages });
    expect(second.choices[0]?.finish_reason).toBe("stop");
    expect(second.choices[0]?.message.content).toContain("sunny");
  });

  it("frees the engine when a client goes away in mid-stream", async () => {
    const stream = await server.openai.chat.completions.create({
      model,
      stream: true,
      messages: [{ role: "user", content: "Tell me a story" }],
    });
    for await (const _chunk of stream) {
      stream.controller.abort();
      break;
    }
    const engine = server.app.catalog.engines().get("embedded");
    await expect.poll(() => engine?.load().running, { timeout: 500, interval: 5 }).toBe(0);
  });
});

describe("responses on the embedded model", () => {
  it("answers without thought where reasoning can be off, and with it where it cannot", async () => {
    const off = await server.openai.responses.create({
      model: "MiniMax-M3",
      temperature: 0,
      input: "What is the capital of France?",
    });
    expect(off.output.map((item) => item.type)).toEqual(["message"]);
    expect(off.output_text).toContain("Paris");
    const on = await server.openai.responses.create({ model, temperature: 0, input: "What is the capital of France?" });
    expect(on.output.map((item) => item.type)).toEqual(["reasoning", "message"]);
  });

  it("streams the same answer as it gives in one piece", async () => {
    const request = { model, temperature: 0, input: "What is the capital of Japan?" };
    const whole = await server.openai.responses.create(request);
    const stream = server.openai.responses.stream(request);
    const kinds: string[] = [];
    for await (const event of stream) kinds.push(event.type);
    const final = await stream.finalResponse();
    expect(final.output_text).toBe(whole.output_text);
    expect(kinds[0]).toBe("response.created");
    expect(kinds.at(-1)).toBe("response.completed");
    expect(kinds).toContain("response.reasoning_text.delta");
  });

  it("makes a tool round trip", async () => {
    const input: ResponseInput = [{ role: "user", content: "What is the weather in Paris?" }];
    const first = await server.openai.responses.create({ model, temperature: 0, tools: responseTools, input });
    const call = first.output.find((item) => item.type === "function_call");
    if (call === undefined) throw new Error("no function call");
    expect([call.name, JSON.parse(call.arguments)]).toEqual(["get_weather", { city: "Paris" }]);
    input.push(...(first.output as ResponseInput), {
      type: "function_call_output",
      call_id: call.call_id,
      output: "sunny, 21 degrees",
    });
    const second = await server.openai.responses.create({ model, temperature: 0, tools: responseTools, input });
    expect(second.output_text).toContain("sunny");
  });
});

import { createOpenAI } from "@ai-sdk/openai";
import { generateText, streamText } from "ai";
import type { Response as OpenAIResponse } from "openai/resources/responses/responses";
import { ResponsesWS } from "openai/resources/responses/ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, testKey, type Running } from "./start.ts";

const reasoned = "They want to hear a color.";
let server: Running;
beforeAll(async () => {
  globalThis.AI_SDK_LOG_WARNINGS = false;
  const answer = { reasoning: reasoned, text: "blue" };
  const answers = [{ when: { contains: "color" }, answer }];
  server = await startServer({ engines: { sim: { kind: "sim", answers } } });
});
afterAll(() => server.stop());

const asked = { model: "MiniMax-M3", input: "A color?", reasoning: { effort: "medium", summary: "auto" } } as const;
const item = { type: "reasoning", summary: [{ type: "summary_text", text: reasoned }] };

describe("reasoning as a summary", () => {
  it("is whole, streamed and built by the openai package from the events alike", async () => {
    const whole = await server.openai.responses.create(asked);
    const built = await server.openai.responses.stream(asked).finalResponse();
    for (const { output } of [whole, built]) {
      expect(output[0]).toMatchObject(item);
      expect(output[0]).not.toHaveProperty("content");
    }
  });

  it("is stored, replayed, and goes on in the next turn", async () => {
    const made = await server.openai.responses.create({ ...asked, store: true });
    expect((await server.openai.responses.retrieve(made.id)).output[0]).toMatchObject(item);
    const types: string[] = [];
    for await (const event of await server.openai.responses.retrieve(made.id, { stream: true })) types.push(event.type);
    expect(types.filter((type) => type.includes("reasoning"))).toEqual([
      "response.reasoning_summary_part.added",
      "response.reasoning_summary_text.delta",
      "response.reasoning_summary_text.done",
      "response.reasoning_summary_part.done",
    ]);
    const next = await server.openai.responses.create({ ...asked, previous_response_id: made.id });
    expect(next.output_text).toBe("blue");
  });

  it("is the same in the background, and can be sent back and compacted", async () => {
    const queued = await server.openai.responses.create({ ...asked, background: true });
    const done = await expect
      .poll(() => server.openai.responses.retrieve(queued.id))
      .toMatchObject({ status: "completed", output: [item, {}] })
      .then(() => server.openai.responses.retrieve(queued.id));
    const input = [{ role: "user", content: asked.input }, ...done.output];
    const body = JSON.stringify({ model: asked.model, input });
    const compacted = await server.call("/v1/responses/compact", { method: "POST", body });
    expect(await compacted.json()).toMatchObject({ output: [{ type: "compaction" }] });
    const counted = await server.call("/v1/responses/input_tokens", { method: "POST", body });
    expect(counted.status).toBe(200);
  });

  it("comes over the WebSocket", async () => {
    const socket = new ResponsesWS(server.openai);
    try {
      socket.send({ type: "response.create", ...asked });
      const { promise, resolve, reject } = Promise.withResolvers<OpenAIResponse>();
      socket.on("error", reject).on("response.completed", ({ response }) => resolve(response));
      expect((await promise).output[0]).toMatchObject(item);
    } finally {
      socket.close();
    }
  });

  it("is shown by the AI SDK", async () => {
    const model = createOpenAI({ apiKey: testKey, baseURL: `${server.url}/v1` }).responses("MiniMax-M3");
    const providerOptions = { openai: { reasoningSummary: "auto", reasoningEffort: "medium", forceReasoning: true } };
    const whole = await generateText({ model, prompt: "A color?", providerOptions });
    const streamed = streamText({ model, prompt: "A color?", providerOptions });
    expect([whole.reasoningText, await streamed.reasoningText, await streamed.text]).toEqual([
      reasoned,
      reasoned,
      "blue",
    ]);
  });
});

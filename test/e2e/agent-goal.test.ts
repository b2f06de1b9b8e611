import WebSocket from "ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, testKey, type Running } from "./start.ts";

let server: Running;
beforeAll(async () => {
  const engine = {
    kind: "sim",
    answers: [{ when: { history: "agent.goal_objective: count zebras" }, answer: "Counting." }],
  };
  server = await startServer({ engines: { sim: engine } });
});
afterAll(() => server.stop());

/** As Codex 0.171 sends a goal, right behind the result of the call that made it. */
const request = {
  model: "MiniMax-M3",
  input: [
    { role: "user", content: "Make a goal." },
    { type: "function_call", call_id: "call_1", name: "create_goal", arguments: "{}" },
    { type: "function_call_output", call_id: "call_1", output: "made" },
    {
      type: "function_call_output",
      id: "fco_1",
      name: "goal_objective",
      namespace: "agent",
      output: "count zebras",
    },
    { role: "user", content: "Go on." },
  ],
};

describe("the goal of an agent, sent as an output that answers no call", () => {
  it("is read by the model", async () => {
    const response = await server.call("/v1/responses", { method: "POST", body: JSON.stringify(request) });
    expect(await response.json()).toMatchObject({ status: "completed", output_text: "Counting." });
  });

  it("is read in a stream and in the turn that continues it", async () => {
    const stream = await server.openai.responses.create({ ...request, store: true, stream: true } as never);
    let id = "";
    for await (const event of stream as unknown as AsyncIterable<{ type: string; response?: { id: string } }>) {
      if (event.type === "response.completed") id = event.response?.id ?? "";
    }
    const next = { model: request.model, input: "And now?", previous_response_id: id };
    expect(await server.openai.responses.create(next)).toMatchObject({ output_text: "Counting." });
  });

  it("is read over the WebSocket", async () => {
    const headers = { authorization: `Bearer ${testKey}` };
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/v1/responses`, { headers });
    const ended = new Promise<unknown>((resolve, reject) => {
      socket.once("error", reject);
      socket.on("message", (data) => {
        const message = JSON.parse((data as Buffer).toString()) as { type: string };
        if (message.type === "response.completed" || message.type === "error") resolve(message);
      });
    });
    try {
      await new Promise((resolve) => socket.once("open", resolve));
      socket.send(JSON.stringify({ type: "response.create", ...request }));
      expect(await ended).toMatchObject({ response: { output_text: "Counting." } });
    } finally {
      socket.terminate();
    }
  });
});

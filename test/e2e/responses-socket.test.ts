import { ResponsesWS } from "openai/resources/responses/ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { closeLater } from "../support/close-later.ts";
import { remembering, startServer, testKey, type Running } from "./start.ts";

let server: Running;
beforeAll(async () => {
  server = await startServer({ engines: { sim: remembering } });
});
afterAll(() => server.stop());

interface Message {
  type: string;
  sequence_number?: number;
  status?: number;
  error?: { code: string; message: string };
  response?: { id: string; status: string; output_text: string; store: boolean };
}

/** A connection that answers every sent message with the events up to its last one. */
async function connect(headers: Record<string, string> = { authorization: `Bearer ${testKey}` }): Promise<{
  socket: WebSocket;
  ask: (body: object | string) => Promise<Message[]>;
}> {
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/v1/responses`, { headers });
  closeLater(socket);
  const inbox: Message[] = [];
  let wake = (): void => undefined;
  socket.on("message", (data) => {
    inbox.push(JSON.parse((data as Buffer).toString()) as Message);
    wake();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  const last = /^(error|response\.(completed|failed|incomplete))$/;
  return {
    socket,
    ask: async (body) => {
      socket.send(typeof body === "string" ? body : JSON.stringify(body));
      while (!inbox.some((message) => last.test(message.type))) await new Promise<void>((resolve) => (wake = resolve));
      return inbox.splice(0, inbox.findIndex((message) => last.test(message.type)) + 1);
    },
  };
}

const create = (input: string, more: object = {}): object => ({
  type: "response.create",
  model: "MiniMax-M3",
  input,
  ...more,
});
const end = (messages: Message[]): NonNullable<Message["response"]> =>
  messages.at(-1)?.response ?? expect.fail("no response");

describe("the WebSocket of /v1/responses", () => {
  it("answers one message after another, numbered from 0 each", async () => {
    const { ask } = await connect();
    for (const word of ["one", "two"]) {
      const messages = await ask(create(`Say: ${word}`));
      expect(messages.map((message) => message.sequence_number)).toEqual(messages.map((_, index) => index));
      expect(messages[0]?.type).toBe("response.created");
      expect(end(messages)).toMatchObject({ status: "completed", output_text: word, store: false });
    }
  });

  it("remembers its own turns, although they are not stored", async () => {
    const { ask } = await connect();
    const first = end(await ask(create("My name is Ludmila.")));
    const second = end(await ask(create("What is my name?", { previous_response_id: first.id })));
    expect(second.output_text).toContain("Ludmila");
    const elsewhere = await (await connect()).ask(create("What is my name?", { previous_response_id: first.id }));
    expect(elsewhere.at(-1)).toMatchObject({
      type: "error",
      status: 400,
      error: { code: "previous_response_not_found" },
    });
  });

  it("forgets a turn whose continuation failed", async () => {
    const { ask } = await connect();
    const first = end(await ask(create("My name is Ludmila.")));
    const orphan = { type: "function_call_output", call_id: "call_nothing", output: "x" };
    const failed = await ask({ ...create(""), input: [orphan], previous_response_id: first.id });
    expect(failed.at(-1)?.type).toBe("error");
    const after = await ask(create("What is my name?", { previous_response_id: first.id }));
    expect(after.at(-1)?.error?.code).toBe("previous_response_not_found");
  });

  it("warms up without generating, and continues from there", async () => {
    const { ask } = await connect();
    const warm = end(await ask(create("My name is Ludmila.", { generate: false })));
    expect(warm).toMatchObject({ status: "completed", output_text: "" });
    const next = end(await ask(create("What is my name?", { previous_response_id: warm.id })));
    expect(next.output_text).toContain("Ludmila");
  });

  it("keeps what is to be stored", async () => {
    const { ask } = await connect();
    const kept = end(await ask(create("Say: kept", { store: true })));
    expect((await server.openai.responses.retrieve(kept.id)).output_text).toBe("kept");
  });

  it.each([
    ["no JSON", "hello", /JSON/],
    ["a list", "[]", /object/],
    ["nothing", "", /message: is not valid JSON/],
    ["half an object", '{"type":"response.processed"', /message: is not valid JSON/],
    [
      "too many levels",
      `{"type":"response.processed","x":${"[".repeat(300)}${"]".repeat(300)}}`,
      /nested deeper than 256/,
    ],
    ["null", "null", /object/],
    ["another type", '{"type":"session.update"}', /type/],
    ["a type that only begins so", '{"type":"responses.create"}', /type/],
    ["a type that is no text", '{"type":["response.processed"]}', /type/],
    ["no type", "{}", /type/],
    ["no model", '{"type":"response.create","input":"x"}', /model/],
    ["a wrong type", '{"type":"response.create","model":"MiniMax-M3","input":5}', /input/],
    ["an unknown model", '{"type":"response.create","model":"gpt-9","input":"x"}', /unknown model/],
  ])("answers an error event to %s and goes on", async (_name, text, message) => {
    const { ask } = await connect();
    const refused = await ask(text);
    expect(refused).toMatchObject([{ type: "error", status: 400 }]);
    expect(refused[0]?.error?.message).toMatch(message);
    expect(end(await ask(create("Say: on"))).output_text).toBe("on");
  });

  it.each(["response.processed", "response.cancel", "response."])("says nothing to %s and goes on", async (type) => {
    const { ask, socket } = await connect();
    socket.send(JSON.stringify({ type, response_id: "resp_1" }));
    const messages = await ask(create("Say: on"));
    expect(messages[0]?.type).toBe("response.created");
    expect(end(messages).output_text).toBe("on");
  });

  it("answers an error event to a binary message and goes on", async () => {
    const { ask, socket } = await connect();
    socket.send(Buffer.from(JSON.stringify(create("Say: binary"))));
    expect(await ask(create("Say: on"))).toMatchObject([
      { type: "error", error: { message: expect.stringContaining("text") } },
    ]);
  });

  it.each([
    [{}, 401],
    [{ authorization: "Bearer sk-wrong-0123456789" }, 401],
  ])("is refused before the upgrade with headers %j", async (headers, status) => {
    await expect(connect(headers as Record<string, string>)).rejects.toThrow(String(status));
  });

  it("speaks with the openai package's own WebSocket class", async () => {
    const socket = new ResponsesWS(server.openai);
    closeLater(socket);
    const text = new Promise<string>((resolve, reject) => {
      socket.on("response.completed", (event) => resolve(event.response.output_text));
      socket.on("error", reject);
    });
    socket.send({ type: "response.create", model: "MiniMax-M3", input: "Say: from the package" } as never);
    expect(await text).toBe("from the package");
  });
});

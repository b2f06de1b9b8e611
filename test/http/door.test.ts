import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scriptBatches, scriptEngine } from "../support/script-engine.ts";
import { startServer, testKey, type Running } from "../e2e/start.ts";

let server: Running;
beforeAll(async () => {
  const engine = scriptEngine({ batches: scriptBatches({ text: "hello" }) });
  server = await startServer({}, { engines: new Map([["script", engine]]) });
});
afterAll(() => server.stop());

interface Envelope {
  type: string;
  error: { type: string; message: string; http_code: string };
  request_id: string;
}

const chat = JSON.stringify({ model: "MiniMax-M3", messages: [{ role: "user", content: "hi" }] });
const paths = ["/v1/chat/completions", "/v1/responses"];

async function refused(path: string, init: Parameters<Running["call"]>[1]): Promise<Envelope & { status: number }> {
  const response = await server.call(path, init);
  const body = (await response.json()) as Envelope;
  expect(response.headers.get("trace-id")).toMatch(/^[0-9a-f]{32}$/);
  expect(body.request_id).toBe(response.headers.get("trace-id"));
  expect(body.type).toBe("error");
  expect(body.error.http_code).toBe(String(response.status));
  expect(body.error.message).toMatch(/ \(\d{4}\)$/);
  return { ...body, status: response.status };
}

describe.each(paths)("the door of %s", (path) => {
  it.each([
    ["no key", null, 1004],
    ["a wrong key", "sk-wrong-0123456789", 2049],
    ["a malformed key", "a b", 2049],
  ])("answers 401 to %s", async (_name, key, code) => {
    const { status, error } = await refused(path, { method: "POST", body: chat, key });
    expect([status, error.type]).toEqual([401, "authorized_error"]);
    expect(error.message).toContain(`(${code})`);
  });

  it.each([
    ["nothing", "", /body: is empty/],
    ["broken JSON", '{"model": ', /body: is not valid JSON/],
    ["bytes that are no UTF-8", new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]), /body: is not valid UTF-8/],
    ["a deep nest", `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, /body: is nested deeper/],
    ["a list", "[]", /object/],
    ["null", "null", /object/],
    ["no model", '{"messages":[],"input":"x"}', /model/],
    [
      "an unknown model",
      '{"model":"gpt-9","messages":[{"role":"user","content":"x"}],"input":"x"}',
      /unknown model 'gpt-9'/,
    ],
  ])("answers 400 to %s", async (_name, body, message) => {
    const { status, error } = await refused(path, { method: "POST", body });
    expect([status, error.type]).toEqual([400, "bad_request_error"]);
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/\(2013\)$/);
  });

  it.each([
    ["/chat/completions", "/v1/chat/completions"],
    ["/v1/v1/responses", "/v1/responses"],
    ["/v1/chat/completions/v1/chat/completions", "/v1/chat/completions"],
    ["/api/v1/models", "/v1/models"],
  ])("names the path that was meant by %s", async (asked, meant) => {
    const { status, error } = await refused(asked, { method: "POST", body: chat });
    expect([status, error.message]).toEqual([404, `unknown path ${asked}; did you mean ${meant}? (2013)`]);
  });

  it("says what the Authorization header must be", async () => {
    const { status, error } = await refused("/v1/models", {
      key: null,
      headers: { authorization: "sk-test-0123456789" },
    });
    expect([status, error.message]).toEqual([
      401,
      "invalid api key: the Authorization header must be `Bearer`, a space and the key (2049)",
    ]);
  });

  it.each([
    [
      "/v1/responses",
      { messages: [{ role: "user", content: "x" }] },
      "input: is required; `messages` belongs to /v1/chat/completions",
    ],
    ["/v1/chat/completions", { input: "x" }, "messages: is required; `input` belongs to /v1/responses"],
  ])("names the other endpoint where %s gets its field", async (asked, fields, message) => {
    const body = JSON.stringify({ model: "MiniMax-M3", ...fields });
    const { status, error } = await refused(asked, { method: "POST", body });
    expect([status, error.message]).toEqual([400, `invalid params, ${message} (2013)`]);
  });

  it("answers 405 to a wrong method and says which are right", async () => {
    const { status, error } = await refused(path, { method: "PUT", body: chat });
    expect(status).toBe(405);
    expect(error.message).toContain("POST");
  });

  it("answers a stream's mistakes with their status, not inside a 200", async () => {
    const body = JSON.stringify({ ...JSON.parse(chat), stream: true, temperature: 50, input: "x" });
    const { status, error } = await refused(path, { method: "POST", body });
    expect(status).toBe(400);
    expect(error.message).toContain("temperature");
  });

  it("takes any content type", async () => {
    const body = JSON.stringify({ ...JSON.parse(chat), input: "hi" });
    const response = await server.call(path, { method: "POST", body, headers: { "content-type": "text/plain" } });
    expect(response.status).toBe(200);
  });
});

describe("the rest of the house", () => {
  it("answers 404 to an unknown path", async () => {
    const { status, error } = await refused("/v1/chat/completion", { method: "POST", body: chat });
    expect(status).toBe(404);
    expect(error.message).toContain("/v1/chat/completion");
  });

  it("is healthy without a key", async () => {
    const response = await server.call("/healthz", { key: null });
    expect([response.status, await response.json()]).toEqual([200, { status: "ok" }]);
  });

  it("lists the documented models", async () => {
    const { data } = await server.openai.models.list();
    expect(data.map((model) => model.id)).toEqual(expect.arrayContaining(["MiniMax-M3", "MiniMax-M2", "M2-her"]));
    const one = await server.openai.models.retrieve("MiniMax-M3");
    expect(one).toMatchObject({ id: "MiniMax-M3", object: "model", created: 1_780_272_000, owned_by: "minimax" });
  });

  it("answers 404 to an unknown model's card", async () => {
    const { status } = await refused("/v1/models/nothing", { method: "GET" });
    expect(status).toBe(404);
  });

  it("reads an over-long body to its end before it refuses it", async () => {
    const small = await startServer(
      { server: { bodyLimit: 2000 } },
      { engines: new Map([["s", scriptEngine({ batches: [] })]]) },
    );
    try {
      const response = await fetch(`${small.url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${testKey}` },
        body: "x".repeat(3_000_000),
      });
      const body = (await response.json()) as Envelope;
      expect(response.status).toBe(413);
      expect(body.error.message).toContain("2000 bytes");
    } finally {
      await small.stop();
    }
  });
});

import { afterAll, beforeAll, expect, it } from "vitest";
import { startServer, type Running } from "../e2e/start.ts";

let server: Running;
beforeAll(async () => {
  server = await startServer({ engine: "sim" });
});
afterAll(() => server.stop());

const instructions = `Say "hi" to 世界 😀\u2028\n`.repeat(30_000);

async function create(more: object): Promise<Response> {
  const body = { model: "MiniMax-M3", input: "Say: one", instructions, store: true, ...more };
  return server.call("/v1/responses", { method: "POST", body: JSON.stringify(body) });
}

it("a long response is the same wherever it is read", async () => {
  const made = await create({});
  const text = await made.text();
  const body = JSON.parse(text) as { id: string; instructions: string };
  expect(body.instructions === instructions).toBe(true);
  expect(text === JSON.stringify(body)).toBe(true);
  expect(made.headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(made.headers.get("content-length")).toBe(String(Buffer.byteLength(text)));
  const stored = await server.call(`/v1/responses/${body.id}`);
  const timeless = (json: string): string => json.replace(/"completed_at":\d+/, "");
  expect(timeless(await stored.text()) === timeless(text)).toBe(true);
  expect(stored.headers.get("content-type")).toBe("application/json; charset=utf-8");
});

it("a long event is one line, streamed and replayed", async () => {
  const streamed = await (await create({ stream: true })).text();
  const first = streamed.split("\n").find((line) => line.startsWith("data: ")) ?? "";
  const { response } = JSON.parse(first.slice(6)) as { response: { id: string; instructions: string } };
  expect(response.instructions === instructions).toBe(true);
  expect(streamed.includes("\u2028")).toBe(false);
  const replayed = await (await server.call(`/v1/responses/${response.id}?stream=true`)).text();
  expect(replayed === streamed).toBe(true);
});

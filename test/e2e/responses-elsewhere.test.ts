/** Stored responses that run in one process, asked for in another one on the same database. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { startServer, type Running } from "./start.ts";

let owner: Running;
let other: Running;
beforeEach(async () => {
  const engines = { sim: { kind: "sim", decodeTokensPerSecond: 20 } };
  owner = await startServer({ engines });
  other = await startServer({ engines, data: owner.data });
});
afterEach(async () => {
  await other.stop();
  await owner.stop();
});

const words = Array.from({ length: 200 }, (_, index) => `word${index}`).join(" ");

async function begin(more: object): Promise<string> {
  const body = { model: "MiniMax-M3", input: `Repeat exactly: ${words}`, ...more };
  const response = await owner.call("/v1/responses", { method: "POST", body: JSON.stringify(body) });
  return ((await response.json()) as { id: string }).id;
}

it("show their state, and say where they cannot be followed or cancelled", async () => {
  const id = await begin({ background: true });
  const seen = await other.call(`/v1/responses/${id}`);
  expect(await seen.json()).toMatchObject({ id, status: expect.stringMatching(/^(queued|in_progress)$/) });
  for (const [path, method] of [
    [`/v1/responses/${id}/cancel`, "POST"],
    [`/v1/responses/${id}?stream=true`, "GET"],
  ] as const) {
    const refused = await other.call(path, { method });
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refused.text()).toContain(`the response ${id} still runs in another process`);
  }
  const canceled = await owner.call(`/v1/responses/${id}/cancel`, { method: "POST" });
  expect(await canceled.json()).toMatchObject({ status: "cancelled" });
  expect(await (await other.call(`/v1/responses/${id}/cancel`, { method: "POST" })).json()).toMatchObject({
    status: "cancelled",
  });
  expect(await (await other.call(`/v1/responses/${id}?stream=true`)).text()).toContain("response.created");
});

it("are no background responses where they run, and are said to be none", async () => {
  const body = { model: "MiniMax-M3", input: `Repeat exactly: ${words}`, store: true, stream: true };
  const stream = await owner.call("/v1/responses", { method: "POST", body: JSON.stringify(body) });
  const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
  const first = new TextDecoder().decode((await reader.read()).value);
  const id = /"id":"([^"]+)"/.exec(first)?.[1] ?? "";
  const refused = await owner.call(`/v1/responses/${id}/cancel`, { method: "POST" });
  expect(refused.status).toBe(400);
  expect(await refused.text()).toContain("only a response made with background: true can be cancelled");
  await reader.cancel();
});

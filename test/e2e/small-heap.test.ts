/** A server whose heap is small refuses what it cannot hold, and serves the largest bodies it takes; it never ends. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { simulator } from "../attack/attack.ts";
import { Client, inParallel } from "../attack/client.ts";
import { model, startAttacked, type AttackedServer } from "../attack/server.ts";

const mebibyte = 1024 * 1024;
/** Of 352 MiB, the heap limit with that flag, 128 are for the server itself; an eighth of the rest is for requests. */
const largest = 28 * mebibyte;

let server: AttackedServer;
let client: Client;
beforeAll(async () => {
  server = await startAttacked(simulator, { flags: ["--max-old-space-size=256"] });
  client = new Client(server);
}, 60_000);
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await server.stop();
});

/** Texts of a body, none longer than one may be. */
const texts = 3;

/** A body of about this many bytes whose texts take most of the heap: two bytes a character. */
function body(bytes: number, more: object): string {
  const text = `中${"x".repeat(Math.floor((bytes - 1_000) / texts))}`;
  return JSON.stringify({ model, ...more }).replaceAll("TEXT", () => text);
}

it("refuses a body of 64 MiB, and takes those of its own largest size, alone and many at once", async () => {
  const chat = (bytes: number): string =>
    body(bytes, { max_tokens: 5, messages: Array(texts).fill({ role: "user", content: "TEXT" }) });
  const response = (more: object): string =>
    body(largest, { input: Array(texts).fill({ role: "user", content: "TEXT" }), max_output_tokens: 5, ...more });
  const values = `{"model":"${model}","user":[${"{},".repeat(190_000)}1],"messages":[{"role":"user","content":"x"}]}`;
  const call = { timeoutMs: 120_000 };
  expect((await client.send("/v1/chat/completions", chat(60 * mebibyte), call)).status).toBe(413);
  expect((await client.send("/v1/responses", "x".repeat(60 * mebibyte), call)).status).toBe(413);
  const one = await client.send("/v1/chat/completions", chat(largest), call);
  expect(one.status).toBe(200);
  // on a busy machine this takes longer than its caller waits
  expect([200, 0]).toContain((await client.send("/v1/responses", response({ store: true }), call)).status);
  expect(server.ended()).toBeUndefined();
  const many = await inParallel(6, 6, () => client.send("/v1/responses", response({ store: false }), call));
  for (const { status } of many) expect([200, 0, 429, 529]).toContain(status);
  expect((await client.send("/v1/chat/completions", values, call)).status).toBe(200);
  expect(server.ended()).toBeUndefined();
  const next = await client.send(
    "/v1/chat/completions",
    { model, max_tokens: 5, messages: [{ role: "user", content: "x" }] },
    call,
  );
  expect(next.status).toBe(200);
}, 180_000);

/** The openai package as a page runs it: with an origin, behind a preflight, and with bodies it compresses. */
import { gzipSync, zstdCompressSync } from "node:zlib";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startServer, testKey, type Running } from "./start.ts";

const page = "http://localhost:5173";
let server: Running;
beforeAll(async () => {
  server = await startServer({ engine: "sim" });
});
afterAll(() => server.stop());

/** `fetch` as the Fetch standard has browsers do it: asks first, sends if allowed, shows what may be read. */
const browserFetch: typeof fetch = async (url, init) => {
  const sent = new Headers(init?.headers);
  const wanted = [...sent.keys()].filter((name) => name !== "accept").toSorted();
  const asked = await fetch(url, {
    method: "OPTIONS",
    headers: {
      origin: page,
      "access-control-request-method": init?.method ?? "GET",
      "access-control-request-headers": wanted.join(","),
    },
  });
  const list = (name: string, of = asked): string[] => of.headers.get(name)?.toLowerCase().split(", ") ?? [];
  const allowed = asked.headers.get("access-control-allow-headers")?.split(",") ?? [];
  if (!asked.ok || asked.headers.get("access-control-allow-origin") !== page) throw new TypeError("Failed to fetch");
  if (wanted.some((name) => !allowed.includes(name))) throw new TypeError("Failed to fetch");
  if (!list("access-control-allow-methods").includes((init?.method ?? "GET").toLowerCase()))
    throw new TypeError("Failed to fetch");
  sent.set("origin", page);
  const response = await fetch(url, { ...init, headers: sent });
  if (response.headers.get("access-control-allow-origin") !== page) throw new TypeError("Failed to fetch");
  const readable = new Set([...list("access-control-expose-headers", response), "content-type", "cache-control"]);
  const headers = [...response.headers].filter(([name]) => readable.has(name));
  return new Response(response.body, { status: response.status, headers });
};

const client = (used: typeof fetch): OpenAI =>
  new OpenAI({
    apiKey: testKey,
    baseURL: `${server.url}/v1`,
    maxRetries: 0,
    fetch: used,
    dangerouslyAllowBrowser: true,
  });
const messages = [{ role: "user" as const, content: "Say exactly 'from a page'" }];

it("lets a page chat, stream, and read what went wrong", async () => {
  const openai = client(browserFetch);
  const { data, response } = await openai.chat.completions.create({ model: "MiniMax-M3", messages }).withResponse();
  expect(data.choices[0]?.message.content).toContain("from a page");
  expect(response.headers.get("trace-id")).toMatch(/^[0-9a-f]{32}$/);
  expect(response.headers.get("server-timing")).toContain("parley");
  let text = "";
  const stream = await openai.chat.completions.create({ model: "MiniMax-M3", messages, stream: true });
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  expect(text).toContain("from a page");
  const events: string[] = [];
  const input = "Say exactly 'from a page'";
  for await (const event of await openai.responses.create({ model: "MiniMax-M3", input, stream: true }))
    events.push(event.type);
  expect(events.at(-1)).toBe("response.completed");
  await expect(openai.responses.retrieve("resp_nothing")).rejects.toMatchObject({ status: 404 });
  await expect(openai.chat.completions.create({ model: "nothing", messages })).rejects.toMatchObject({ status: 400 });
  expect((await openai.models.list()).data.length).toBeGreaterThan(0);
});

it.each([
  ["gzip", gzipSync],
  ["zstd", zstdCompressSync],
])("takes what the package's requests become in %s", async (coding, encode) => {
  const openai = client((url, init) => {
    const headers = new Headers(init?.headers);
    headers.set("content-encoding", coding);
    headers.delete("content-length");
    return fetch(url, { ...init, headers, body: new Uint8Array(encode(String(init?.body))) });
  });
  const answer = await openai.responses.create({ model: "MiniMax-M3", input: "Say exactly 'packed'" });
  expect(answer.output_text).toBe("packed");
  let text = "";
  const stream = await openai.chat.completions.create({ model: "MiniMax-M3", messages, stream: true });
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  expect(text).toContain("from a page");
});

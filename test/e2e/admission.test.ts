/** What is asked of a key before work begins: rights, limits and money, on every form of request. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { startServer, type Running } from "./start.ts";

const adminKey = "admin-0123456789abcdef";
let server: Running;
beforeAll(async () => {
  server = await startServer({ engine: "sim", adminKeys: [adminKey] });
});
afterAll(() => server.stop());

async function admin(method: string, path: string, body: unknown): Promise<Record<string, unknown>> {
  const init = { method, key: adminKey, body: JSON.stringify(body) };
  return (await (await server.call(`/admin/api${path}`, init)).json()) as Record<string, unknown>;
}

interface Key {
  id: string;
  key: string;
}

async function newKey(limits: Record<string, number>, balanceMicros?: number): Promise<Key> {
  const made = (await admin("POST", "/keys", { name: `test ${Math.random()}`, limits })) as unknown as Key;
  if (balanceMicros !== undefined) await admin("PATCH", `/accounts/key:${made.id}`, { balanceMicros });
  return made;
}

const post = (path: string, key: string, body: object): Promise<Response> =>
  server.call(path, { method: "POST", key, body: JSON.stringify({ model: "MiniMax-M3", ...body }) });

/** The status line that comes although not a byte of the body is sent. */
async function statusBeforeBody(path: string, key: string): Promise<string> {
  const { port } = new URL(server.url);
  const socket = connect(Number(port), "127.0.0.1");
  try {
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: 60000000\r\n\r\n`,
    );
    const [first] = (await new Promise<Buffer>((resolve) => socket.once("data", resolve))).toString().split("\r\n");
    return first ?? "";
  } finally {
    socket.destroy();
  }
}

const paths = ["/v1/chat/completions", "/v1/responses", "/v1/responses/input_tokens", "/v1/responses/compact"];

describe.each(paths)("%s", (path) => {
  it("refuses a key without money before the body is read", async () => {
    const { key } = await newKey({}, 0);
    expect(await statusBeforeBody(path, key)).toMatch(/^HTTP\/1.1 402 /);
  });

  it("refuses a key without requests left before the body is read", async () => {
    const { key } = await newKey({ requestsPerMinute: 1 });
    const body = { input: "hi", messages: [{ role: "user", content: "hi" }] };
    expect((await post(path, key, body)).status).toBe(200);
    expect(await statusBeforeBody(path, key)).toMatch(/^HTTP\/1.1 429 /);
    const refused = await post(path, key, body);
    expect([refused.status, refused.headers.get("x-ratelimit-remaining-requests")]).toEqual([429, "0"]);
  });
});

describe("a background response", () => {
  const body = { background: true, input: "hi" };

  it("is refused at the door like every other form, and nothing is stored", async () => {
    const broke = await newKey({}, 0);
    expect((await post("/v1/responses", broke.key, body)).status).toBe(402);
    const limited = await newKey({ requestsPerMinute: 1 });
    const first = (await (await post("/v1/responses", limited.key, body)).json()) as { id: string };
    expect((await post("/v1/responses", limited.key, body)).status).toBe(429);
    expect((await server.call(`/v1/responses/${first.id}`, { key: limited.key })).status).toBe(200);
  });

  it("holds its stream until it is done, and is booked", async () => {
    const slow = await startServer({
      engines: { s: { kind: "sim", decodeTokensPerSecond: 20 } },
      adminKeys: [adminKey],
    });
    const call = (method: string, path: string, key: string, sent?: object): Promise<Response> =>
      slow.call(path, { method, key, ...(sent === undefined ? {} : { body: JSON.stringify(sent) }) });
    try {
      const limits = { streams: 1 };
      const made = await call("POST", "/admin/api/keys", adminKey, { name: `test ${Math.random()}`, limits });
      const { id: keyId, key } = (await made.json()) as Key;
      const asked = { model: "MiniMax-M3", ...body, input: "Say: one two three four five six seven eight nine ten" };
      const { id } = (await (await call("POST", "/v1/responses", key, asked)).json()) as { id: string };
      expect((await call("POST", "/v1/responses", key, asked)).status).toBe(429);
      await call("POST", `/v1/responses/${id}/cancel`, key);
      expect((await call("POST", "/v1/responses", key, { ...asked, background: false, input: "hi" })).status).toBe(200);
      const usage = async (): Promise<unknown> =>
        (await call("GET", `/admin/api/usage?by=key&keyId=${keyId}`, adminKey)).json();
      await expect.poll(usage, { timeout: 10_000 }).toMatchObject({ data: [{ canceled: 1, requests: 2 }] });
    } finally {
      await slow.stop();
    }
  });
});

it("refuses warm-ups and generations on a WebSocket to a key without money", async () => {
  const { id, key } = await newKey({}, 1_000_000);
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/v1/responses`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const answers: { type: string; status?: number }[] = [];
  socket.on("message", (data) => answers.push(JSON.parse((data as Buffer).toString()) as { type: string }));
  try {
    await new Promise((resolve) => socket.once("open", resolve));
    await admin("PATCH", `/accounts/key:${id}`, { balanceMicros: 0 });
    for (const generate of [false, true]) {
      socket.send(JSON.stringify({ type: "response.create", model: "MiniMax-M3", input: "hi", generate }));
    }
    await expect
      .poll(() => answers)
      .toMatchObject([
        { type: "error", status: 402 },
        { type: "error", status: 402 },
      ]);
  } finally {
    socket.terminate();
  }
});

it("never spends more than a balance by many requests at once", async () => {
  const { id, key } = await newKey({}, 1_000);
  const body = { max_tokens: 9_000, messages: [{ role: "user", content: "count from 1 to 9000" }] };
  const answers = await Promise.all(Array.from({ length: 300 }, () => post("/v1/chat/completions", key, body)));
  const statuses = answers.map(({ status }) => status);
  await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  const answered = statuses.filter((status) => status === 200).length;
  expect(answered).toBeGreaterThan(0);
  expect(statuses.every((status) => [200, 402, 429].includes(status))).toBe(true);
  const account = async (): Promise<{ balanceMicros: number; spentMicros: number }> =>
    (await (await server.call(`/admin/api/accounts/key:${id}`, { key: adminKey })).json()) as {
      balanceMicros: number;
      spentMicros: number;
    };
  await expect.poll(async () => (await account()).balanceMicros, { timeout: 10_000 }).toBeLessThan(1_000);
  const { balanceMicros, spentMicros } = await account();
  // no more than one answer of 9,000 tokens at 1.2 dollars a million, below zero
  expect(balanceMicros).toBeGreaterThan(-11_000);
  expect(spentMicros).toBe(1_000 - balanceMicros);
});

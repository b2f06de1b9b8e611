/** Bytes that requests hold: bounded by key and in all, whatever way they come. */
import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import WebSocket from "ws";
import { TimeSlices } from "../../src/lib/time-slices.ts";
import { startServer, type Running } from "../e2e/start.ts";

const [one, other, third] = ["sk-one-0123456789", "sk-other-0123456789", "sk-third-0123456789"] as const;
let server: Running;
/** A busy machine takes its time. */
const patient = { timeout: 10_000, interval: 20 };
const open: { destroy(): void }[] = [];

beforeAll(async () => {
  server = await startServer({
    engines: { s: { kind: "sim", decodeTokensPerSecond: 20 } },
    apiKeys: [one, other, third],
    memory: { requestBytesPerKey: 1_000_000, requestBytes: 1_500_000 },
  });
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await vi.waitUntil(async () => (await used()) === 0, patient);
});
afterAll(() => server.stop());

async function used(): Promise<number> {
  const text = await (await server.call("/metrics")).text();
  return Number(/^parley_request_bytes (\d+)$/m.exec(text)?.[1]);
}

const body = (length: number): string =>
  JSON.stringify({ model: "MiniMax-M3", max_tokens: 1, messages: [{ role: "user", content: "x".repeat(length) }] });

const chat = (key: string, length: number): Promise<Response> =>
  server.call("/v1/chat/completions", { method: "POST", key, body: body(length) });

/** A request whose body never ends. */
function endless(key: string, bytes: number): Socket {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  open.push(socket);
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Length: ${bytes + 1}\r\n\r\n`;
  socket.on("error", () => undefined);
  socket.write(`${head}${" ".repeat(bytes)}`);
  return socket;
}

async function refused(answer: Response): Promise<[status: number, retryAfter: string | null, message: string]> {
  const { error } = (await answer.json()) as { error: { message: string } };
  return [answer.status, answer.headers.get("retry-after"), error.message];
}

describe("bodies that are being read", () => {
  it("count for their key until they end: the next that does not fit is refused at once", async () => {
    const socket = endless(one, 800_000);
    await expect.poll(used, patient).toBeGreaterThan(799_000);
    expect(await refused(await chat(one, 300_000))).toEqual([
      429,
      "1",
      "connection limit: 1000000 bytes of requests at once (key) (1041)",
    ]);
    expect((await chat(one, 100_000)).status).toBe(200);
    expect((await chat(other, 300_000)).status).toBe(200);
    socket.destroy();
    await expect.poll(used, patient).toBe(0);
    expect((await chat(one, 300_000)).status).toBe(200);
  });

  it("count while they arrive, also those that are short", async () => {
    for (let times = 0; times < 30; times += 1) endless(one, 40_000);
    await expect.poll(used, patient).toBeGreaterThan(950_000);
    expect(await used()).toBeLessThanOrEqual(1_000_000);
    expect((await refused(await chat(one, 60_000)))[0]).toBe(429);
  });

  it("count in all: beyond that it is the server that is busy", async () => {
    endless(one, 800_000);
    endless(other, 600_000);
    await expect.poll(used, patient).toBeGreaterThan(1_399_000);
    const [status, retryAfter, message] = await refused(await chat(third, 200_000));
    expect([status, retryAfter]).toEqual([529, "1"]);
    expect(message).toMatch(/try again \(2064\)$/);
  });

  it("count as they are decoded", async () => {
    const init = { method: "POST", key: one, headers: { "content-encoding": "gzip" } };
    const bomb = gzipSync(Buffer.alloc(50_000_000, " "));
    expect((await refused(await server.call("/v1/chat/completions", { ...init, body: bomb })))[0]).toBe(429);
    const small = gzipSync(body(500_000));
    expect((await server.call("/v1/chat/completions", { ...init, body: small })).status).toBe(200);
  });
});

it.each(["/v1/chat/completions", "/v1/responses"])(
  "%s: a large body is read with its caller's signal",
  async (path) => {
    // its bytes are not counted any more when the caller is gone
    const run = vi.spyOn(TimeSlices.prototype, "run");
    const fields = path.endsWith("responses") ? { input: "hi" } : { messages: [{ role: "user", content: "hi" }] };
    const text = JSON.stringify({ model: "MiniMax-M3", ...fields, metadata: { padding: "x".repeat(400_000) } });
    await (await server.call(path, { method: "POST", key: one, body: text })).text();
    const signals = run.mock.calls.slice(0, 3).map(([, signal]) => signal);
    run.mockRestore();
    expect(signals).toEqual([expect.any(AbortSignal), expect.any(AbortSignal), expect.any(AbortSignal)]);
  },
);

it("counts a background response until it is over", async () => {
  const input = `Say: ${"one two three four five ".repeat(20)}${"x".repeat(600_000)}`;
  const create = (): Promise<Response> =>
    server.call("/v1/responses", {
      method: "POST",
      key: one,
      body: JSON.stringify({ model: "MiniMax-M3", background: true, input }),
    });
  const { id } = (await (await create()).json()) as { id: string };
  expect((await create()).status).toBe(429);
  expect((await server.call(`/v1/responses/${id}/cancel`, { method: "POST", key: one })).status).toBe(200);
});

it("counts stored responses that are read, whatever reads them as a whole", async () => {
  const send = (fields: object): Promise<Response> =>
    server.call("/v1/responses", {
      method: "POST",
      key: one,
      body: JSON.stringify({ model: "MiniMax-M3", max_output_tokens: 1, ...fields }),
    });
  const { id } = (await (
    await send({ store: true, instructions: "y".repeat(350_000), input: "x".repeat(350_000) })
  ).json()) as { id: string };
  const read = (path: string): Promise<Response> => server.call(`/v1/responses/${id}${path}`, { key: one });
  const paths = ["", "?stream=true", "/input_items"];
  for (const path of paths) {
    const answer = await read(path);
    await answer.text();
    expect(answer.status).toBe(200);
  }
  endless(one, 700_000);
  await expect.poll(used, patient).toBeGreaterThan(699_000);
  expect((await refused(await read("?stream=true")))[0]).toBe(429);
  // what is sent as it is read is never in memory as a whole
  for (const path of ["", "/input_items"]) {
    const answer = await read(path);
    expect([answer.status, (await answer.text()).length]).toEqual([200, expect.closeTo(350_000, -4)]);
  }
  expect((await refused(await send({ previous_response_id: id, input: "hi" })))[0]).toBe(429);
  expect((await refused(await send({ input: [{ type: "item_reference", id: `${id}_msg` }] })))[0]).toBe(429);
}, 20_000);

it("ends a stored response as failed when its events take more than the key may hold", async () => {
  const fast = await startServer({ engine: "sim", memory: { requestBytesPerKey: 30_000 } });
  try {
    const input = `Say: ${"one ".repeat(2_000)}`;
    const created = await fast.call("/v1/responses", {
      method: "POST",
      body: JSON.stringify({ model: "MiniMax-M3", background: true, input }),
    });
    const { id } = (await created.json()) as { id: string };
    const ended = async (): Promise<unknown> => (await fast.call(`/v1/responses/${id}`)).json();
    await expect
      .poll(ended, patient)
      .toMatchObject({ status: "failed", error: { message: expect.stringMatching(/30000 bytes/) } });
    expect(await (await fast.call("/metrics")).text()).toContain("\nparley_request_bytes 0\n");
  } finally {
    await fast.stop();
  }
});

describe("a WebSocket", () => {
  async function connected(): Promise<{ socket: WebSocket; answers: { type: string; status?: number }[] }> {
    const headers = { authorization: `Bearer ${one}` };
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/v1/responses`, { headers });
    open.push({ destroy: () => socket.terminate() });
    const answers: { type: string; status?: number }[] = [];
    socket.on("message", (data) => answers.push(JSON.parse((data as Buffer).toString()) as { type: string }));
    await new Promise((resolve) => socket.once("open", resolve));
    return { socket, answers };
  }

  it("counts what it holds of a message that is not complete", async () => {
    const { socket, answers } = await connected();
    socket.send("x".repeat(800_000), { fin: false });
    await expect.poll(used, patient).toBeGreaterThan(800_000);
    expect((await chat(one, 300_000)).status).toBe(429);
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    socket.send("x".repeat(800_000), { fin: false });
    await expect.poll(() => answers, patient).toMatchObject([{ type: "error", status: 429 }]);
    expect(await closed).toBe(1013);
  });

  it("counts its messages until they are answered, and no pings", async () => {
    const { socket, answers } = await connected();
    let pongs = 0;
    socket.on("pong", () => (pongs += 1));
    for (let times = 0; times < 40; times += 1) socket.ping("x".repeat(100));
    await expect.poll(() => pongs, patient).toBe(40);
    expect(await used()).toBe(0);
    const message = { type: "response.create", model: "MiniMax-M3", max_output_tokens: 1, input: "x".repeat(600_000) };
    socket.send(JSON.stringify(message));
    await expect.poll(() => answers.at(-1)?.type ?? "", patient).toMatch(/^response\.(completed|incomplete)$/);
    await expect.poll(used, patient).toBe(0);
  });
});

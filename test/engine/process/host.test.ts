/** What crosses the connection, and how fast: an engine of the test behind a socket in the same process. */
import { randomUUID } from "node:crypto";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { embeddedCapabilities } from "../../../src/engine/llama/options.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { EngineClient } from "../../../src/engine/process/client.ts";
import { EngineHost } from "../../../src/engine/process/host.ts";
import type { Link } from "../../../src/engine/process/link.ts";
import { TimeSlices } from "../../../src/lib/time-slices.ts";
import { canceled, ParleyError } from "../../../src/model/error.ts";
import type { Batch } from "../../../src/model/event.ts";
import { textPart } from "../../../src/model/item.ts";
import type { GenerationRequest } from "../../../src/model/request.ts";
import { ask, message, requestOf, weatherTool } from "../../contract/engine.ts";

const never = new AbortController().signal;
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const begin: Batch = [
  { type: "begin" },
  { type: "text-start", index: 0 },
  { type: "text-delta", index: 0, text: "0 " },
];
const finish: Batch = [
  { type: "text-end", index: 0 },
  { type: "finish", reason: "stop" },
];

/** An engine that notes its requests and answers with numbers. */
class Counting implements Engine {
  readonly kind = "counting";
  readonly capabilities = embeddedCapabilities(undefined);
  readonly requests: GenerationRequest[] = [];
  pulled = 0;
  aborted = 0;

  private readonly answer: (engine: Counting, signal: AbortSignal) => AsyncIterable<Batch>;

  constructor(answer: Counting["answer"]) {
    this.answer = answer;
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<Batch> {
    this.requests.push(request);
    signal.addEventListener("abort", () => (this.aborted += 1));
    yield* this.answer(this, signal);
  }

  async count(request: GenerationRequest, signal: AbortSignal): Promise<{ tokens: number; exact: boolean }> {
    this.requests.push(request);
    if (request.model !== "slow") return { tokens: 7, exact: true };
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(canceled())));
  }

  load = () => ({ running: 0, waiting: 0, slots: 3 });
  close = async () => undefined;
}

async function* numbers(engine: Counting, until: number): AsyncGenerator<Batch> {
  yield begin;
  for (let number = 1; number <= until; number += 1) {
    engine.pulled = number;
    yield [{ type: "text-delta", index: 0, text: `${number} ` }];
    await new Promise((resolve) => setImmediate(resolve));
  }
  yield finish;
}

/** The engine as a client of a socket sees it. */
async function behindSocket(engine: Engine): Promise<EngineClient> {
  const path = join(tmpdir(), `parley-${randomUUID()}`);
  const host = new EngineHost(engine, new TimeSlices());
  const server = createServer((socket) => host.accept(socket));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  ends.push(() => server.close());
  await host.load();
  const dial = async (): Promise<Link> => {
    const socket = connect(path);
    const ended = new Promise<string>((resolve) => socket.once("close", () => resolve("closed")));
    return { socket, ended, end: () => socket.destroy() };
  };
  const client = new EngineClient({ kind: "x", capabilities: engine.capabilities, slots: 3, connect: dial });
  ends.push(() => client.close());
  await client.open();
  return client;
}

describe("a request", () => {
  it("arrives as it was sent: ten megabytes, any characters, keys in their order", async () => {
    const engine = new Counting((self) => numbers(self, 1));
    const client = await behindSocket(engine);
    const unusual = 'quotes " \\ \u0000 \u2028 é 中 😀 \ud800 lone';
    const request = requestOf("", {
      items: [message("user", "😀é".repeat(3_400_000)), { type: "message", role: "user", parts: [textPart(unusual)] }],
      tools: [{ ...weatherTool, parameters: JSON.parse('{"z":1,"a":{"__proto__":{"b":[1,null,0.5]}},"10":true}') }],
      family: undefined,
      sampling: { stop: ["a", "\n"], temperature: 0, maxTokens: 3 },
    });
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns += 1;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    expect((await ask(client, request)).text()).toBe("0 1 ");
    isOver = true;
    const { family: _none, ...sent } = request;
    expect(engine.requests[0]).toEqual(sent);
    expect(JSON.stringify(engine.requests[0]?.tools)).toBe(JSON.stringify(request.tools));
    // the event loop turned many times while it was sent and read
    expect(turns).toBeGreaterThan(20);
  });

  it("with a picture is refused before it is sent", async () => {
    const engine = new Counting((self) => numbers(self, 1));
    const client = await behindSocket(engine);
    const picture = {
      type: "image",
      detail: "default",
      media: { kind: "bytes", mime: "image/png", bytes: Buffer.alloc(9) },
    };
    const items = [{ type: "message", role: "user", parts: [picture] }] as GenerationRequest["items"];
    await expect(ask(client, requestOf("", { items }))).rejects.toMatchObject({
      kind: "invalid",
      param: "messages[0].content",
    });
    expect(engine.requests).toEqual([]);
  });
});

describe("an answer", () => {
  it("waits for its reader: the engine is not asked for more than a bounded number of batches", async () => {
    const engine = new Counting((self) => numbers(self, 5_000));
    const client = await behindSocket(engine);
    const stream = client.generate(requestOf("go"), never);
    let text = "";
    const read = (batch: Batch): void => {
      for (const event of batch) if (event.type === "text-delta") text += event.text;
    };
    read((await stream.next()).value ?? []);
    let before = -1;
    // it stands still
    await expect
      .poll(
        () => {
          const isSame = engine.pulled === before;
          before = engine.pulled;
          return isSame;
        },
        { interval: 100 },
      )
      .toBe(true);
    expect(engine.pulled).toBeLessThan(4_000);
    for await (const batch of stream) read(batch);
    expect(text).toBe(Array.from({ length: 5_001 }, (_, number) => `${number} `).join(""));
    expect(engine.pulled).toBe(5_000);
  });

  it("that its reader leaves, or that is aborted while its reader is away, is canceled at the engine", async () => {
    const engine = new Counting((self) => numbers(self, 1_000_000));
    const client = await behindSocket(engine);
    for await (const _ of client.generate(requestOf("go"), never)) break;
    await expect.poll(() => engine.aborted).toBe(1);
    const abort = new AbortController();
    await client.generate(requestOf("go"), abort.signal).next();
    abort.abort();
    expect(client.load().running).toBe(0);
    await expect.poll(() => engine.aborted).toBe(2);
  });

  it("that is aborted still says what it has cost", async () => {
    const usage = { input: 3, cached: 1, output: 2, reasoning: 0 };
    const engine = new Counting(async function* (_self, signal) {
      yield begin;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      yield [
        { type: "text-end", index: 0 },
        { type: "usage", usage },
        { type: "finish", reason: "error", error: canceled() },
      ];
    });
    const client = await behindSocket(engine);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    const answer = await ask(client, requestOf("go"), abort.signal);
    expect(answer.usage).toEqual(usage);
    expect(answer.finish).toMatchObject({ reason: "error", error: { kind: "canceled" } });
  });

  it("ends within the grammar when an aborted engine says nothing more", async () => {
    const engine = new Counting(async function* () {
      yield begin;
      await new Promise(() => undefined);
    });
    const client = await behindSocket(engine);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    expect((await ask(client, requestOf("go"), abort.signal)).finish).toMatchObject({ error: { kind: "canceled" } });
  });
});

describe("an error", () => {
  const thrown = new ParleyError("context", "too long", {
    param: "messages",
    retryAfter: 3,
    reason: "why",
    code: "c",
    cause: new Error("behind"),
  });
  const same = { kind: "context", message: "too long", param: "messages", retryAfter: 3, reason: "why", code: "c" };

  it("before the first batch is thrown, with all that it says", async () => {
    // eslint-disable-next-line require-yield
    const engine = new Counting(async function* () {
      throw thrown;
    });
    const failure: unknown = await ask(await behindSocket(engine), requestOf("go")).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ParleyError);
    expect(failure).toMatchObject({ ...same, cause: { message: "behind" } });
  });

  it("later is a finish", async () => {
    const engine = new Counting(async function* () {
      yield begin;
      await new Promise((resolve) => setTimeout(resolve, 20));
      yield [
        { type: "text-end", index: 0 },
        { type: "finish", reason: "error", error: thrown },
      ];
    });
    const answer = await ask(await behindSocket(engine), requestOf("go"));
    expect(answer.finish).toMatchObject({ reason: "error", error: same });
  });
});

describe("counting", () => {
  it("gives the engine's number, and ends with the caller's signal", async () => {
    const client = await behindSocket(new Counting((self) => numbers(self, 1)));
    expect(await client.count(requestOf("go"), never)).toEqual({ tokens: 7, exact: true });
    const abort = new AbortController();
    const slow = client.count(requestOf("go", { model: "slow" }), abort.signal);
    abort.abort();
    await expect(slow).rejects.toMatchObject({ kind: "canceled" });
  });
});

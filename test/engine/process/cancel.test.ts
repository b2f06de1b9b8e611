/** A request that is canceled while its parts are on their way: both ends of the connection, one at a time. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { embeddedCapabilities } from "../../../src/engine/llama/options.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { frameBytes, FrameReader, type Frame } from "../../../src/engine/process/frame.ts";
import { EngineHost } from "../../../src/engine/process/host.ts";
import { Session } from "../../../src/engine/process/session.ts";
import { TimeSlices } from "../../../src/lib/time-slices.ts";
import { message, requestOf } from "../../contract/engine.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A connection to what takes it at the other end. */
async function connected(take: (socket: Socket) => void): Promise<Socket> {
  const path = join(tmpdir(), `parley-${randomUUID()}`);
  const server: Server = createServer(take).listen(path);
  await once(server, "listening");
  const socket = connect(path);
  await once(socket, "connect");
  ends.push(
    () => server.close(),
    () => socket.destroy(),
  );
  return socket;
}

it("the process forgets the parts that it has of a canceled request", async () => {
  const engine: Engine = {
    kind: "counting",
    capabilities: embeddedCapabilities(undefined),
    generate: async function* () {},
    count: async ({ model }) => ({ tokens: model.length, exact: true }),
    load: () => ({ running: 0, waiting: 0, slots: 1 }),
    close: async () => undefined,
  };
  const host = new EngineHost(engine, new TimeSlices());
  const socket = await connected((other) => host.accept(other));
  const frames = readFrames(socket);
  for (const part of ["{", '"model":']) socket.write(frameBytes("piece", 1, part));
  socket.write(frameBytes("cancel", 1));
  // with anything left of the first one this is no JSON
  socket.write(frameBytes("count", 1, '{"model":"four"}'));
  await expect
    .poll(() => frames.map(({ kind, payload }) => `${kind} ${payload.toString()}`))
    .toContain('counted {"tokens":4,"exact":true}');
});

it.each(["generate", "count"] as const)("after the end of an aborted `%s` nothing more is sent", async (kind) => {
  const received: Frame[] = [];
  const other = Promise.withResolvers<void>();
  const socket = await connected((end) => {
    readFrames(end, received);
    other.resolve();
  });
  await other.promise;
  const link = { socket, ended: new Promise<string>(() => undefined), end: () => socket.destroy() };
  const session = new Session({ link, slices: new TimeSlices(), heartbeat: { everyMs: 60_000, missed: 9 } });
  const large = requestOf("", { items: Array.from({ length: 20_000 }, () => message("user", "x".repeat(200))) });
  const aborted = [
    { request: requestOf("hello"), turns: 0 },
    { request: large, turns: 1 },
    { request: large, turns: 3 },
  ];
  for (const { request, turns } of aborted) {
    received.length = 0;
    const abort = new AbortController();
    const answer =
      kind === "count" ? session.count(request, abort.signal) : session.generate(request, abort.signal).next();
    answer.catch(() => undefined);
    for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    abort.abort();
    await expect(answer).rejects.toMatchObject({ kind: "canceled" });
    await wait(20);
    const kinds = received.map((frame) => frame.kind);
    const first = kinds.indexOf("cancel");
    expect(first).toBeGreaterThanOrEqual(0);
    expect(new Set(kinds.slice(first))).toEqual(new Set(["cancel"]));
    expect(kinds).not.toContain(kind);
  }
});

function readFrames(socket: Socket, frames: Frame[] = []): Frame[] {
  const reader = new FrameReader();
  socket.on("data", (chunk: Buffer) => frames.push(...reader.push(chunk)));
  return frames;
}

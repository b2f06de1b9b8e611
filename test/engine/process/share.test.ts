/** Several servers share the slots of one engine: each counts an equal part, so that keys take turns at all of them. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { embeddedCapabilities } from "../../../src/engine/llama/options.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { EngineClient } from "../../../src/engine/process/client.ts";
import { EngineHost } from "../../../src/engine/process/host.ts";
import { connectTo, type Connect } from "../../../src/engine/process/link.ts";
import { TimeSlices } from "../../../src/lib/time-slices.ts";
import type { Batch } from "../../../src/model/event.ts";
import { AnswerReading, EngineQueues } from "../../../src/service/engine-queue.ts";
import { collect, requestOf } from "../../contract/engine.ts";

const never = new AbortController().signal;
const sequences = 5;
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** An engine whose answers end when the test wants. */
class Held implements Engine {
  readonly kind = "held";
  readonly capabilities = embeddedCapabilities(undefined);
  /** Ends of the answers under way, each with whose it is: the model that was asked for. */
  readonly running: { whose: string; end: () => void }[] = [];
  most = 0;

  async *generate({ model: whose }: { model: string }): AsyncGenerator<Batch> {
    const over = Promise.withResolvers<void>();
    this.running.push({ whose, end: over.resolve });
    this.most = Math.max(this.most, this.running.length);
    await over.promise;
    yield [{ type: "begin" }, { type: "finish", reason: "stop" }];
  }

  count = async () => ({ tokens: 1, exact: true });
  load = () => ({ running: 0, waiting: 0, slots: sequences });
  close = async () => undefined;
}

interface Shared {
  engine: Held;
  owner: EngineClient;
  /** One more server that uses the engine. */
  join: () => Promise<EngineClient>;
}

async function share(): Promise<Shared> {
  const engine = new Held();
  const host = new EngineHost(engine, new TimeSlices());
  const [own, shared] = [join(tmpdir(), `parley-${randomUUID()}`), join(tmpdir(), `parley-${randomUUID()}`)];
  const door = createServer((socket) => host.accept(socket)).listen(own);
  await once(door, "listening");
  await host.listen(shared);
  ends.push(
    () => door.close(),
    () => host.stopListening(),
  );
  const client = async (dial: Connect): Promise<EngineClient> => {
    const made = new EngineClient({ kind: "held", capabilities: engine.capabilities, slots: sequences, connect: dial });
    ends.push(() => made.close());
    await made.open();
    return made;
  };
  await host.load();
  const owner = await client(async () => {
    const socket = connect(own);
    return { socket, ended: once(socket, "close").then(() => "closed"), end: () => socket.destroy() };
  });
  return { engine, owner, join: () => client((signal) => connectTo(shared, signal)) };
}

const slotsOf = (clients: readonly EngineClient[]): number[] => clients.map((client) => client.load().slots);

it("each server has an equal part of the slots, at least one, and all of them alone", async () => {
  const { owner, join: another } = await share();
  const first = await another();
  expect(slotsOf([owner, first])).toEqual([sequences, sequences]);
  const second = await another();
  await expect.poll(() => slotsOf([owner, first, second])).toEqual([sequences, 2, 2]);
  const others = await Promise.all(Array.from({ length: 4 }, another));
  await expect.poll(() => slotsOf([first, second, ...others])).toEqual([1, 1, 1, 1, 1, 1]);
  for (const one of [second, ...others]) await one.close();
  await expect.poll(() => slotsOf([first])).toEqual([sequences]);
});

it("a key that asks much of all servers leaves the next free slot to another one", async () => {
  const { engine, join: another } = await share();
  const clients = [await another(), await another()];
  await expect.poll(() => slotsOf(clients)).toEqual([2, 2]);
  const queues = clients.map(() => new EngineQueues());
  const answers: Promise<unknown>[] = [];
  const ask = (at: number, keyId: string): void => {
    const [client, queue] = [clients[at], queues[at]];
    if (client === undefined || queue === undefined) throw new Error(`no server ${at}`);
    const target = { engine: client, engineName: "held", model: keyId, named: true };
    const request = requestOf("go", { model: keyId });
    const answer = queue.generate(target, { request, keyId, signal: never, reading: new AnswerReading() });
    answers.push(collect({ [Symbol.asyncIterator]: () => answer }));
  };
  for (const at of [0, 0, 0, 0, 1, 1, 1, 1]) ask(at, "greedy");
  await expect.poll(() => engine.running.length).toBe(4);
  ask(0, "modest");
  ask(1, "modest");
  for (const { end } of engine.running.splice(0)) end();
  await expect
    .poll(() => engine.running.map(({ whose }) => whose).toSorted())
    .toEqual(["greedy", "greedy", "modest", "modest"]);
  for (const { end } of engine.running.splice(0)) end();
  await expect.poll(() => engine.running.length).toBe(2);
  for (const { end } of engine.running.splice(0)) end();
  await Promise.all(answers);
  expect(engine.most).toBe(4);
});

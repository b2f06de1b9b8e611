import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { readJson } from "../../src/http/body.ts";
import { JsonReader } from "../../src/http/json-reader.ts";
import { ByteBudget, type ByteLease } from "../../src/lib/byte-budget.ts";
import { TimeSlices } from "../../src/lib/time-slices.ts";

const reader = new JsonReader({ slices: new TimeSlices(), maxValues: 200_000 });

function read(text: string | Buffer, maxValues?: number): Promise<unknown> {
  const one = maxValues === undefined ? reader : new JsonReader({ slices: new TimeSlices(), maxValues });
  const bytes = Buffer.from(text);
  const middle = bytes.length >> 1;
  return one.parse([bytes.subarray(0, middle), bytes.subarray(middle)], "body");
}

const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
const padding = " ".repeat(300_000);

it.each([
  ["small", ""],
  ["large", padding],
])("reads and refuses alike: %s", async (_, space) => {
  expect(await read(`${space}{"a":[1,"é"]}`)).toEqual({ a: [1, "é"] });
  expect(await read(`\ufeff${space}[1]`)).toEqual([1]);
  expect(await read(space + nested(256))).toBeInstanceOf(Array);
  await expect(read(space + nested(257))).rejects.toThrow("body: is nested deeper than 256 levels");
  await expect(read(`${space}{"a":1,}`)).rejects.toThrow("body: is not valid JSON");
  await expect(read(Buffer.concat([Buffer.from(`${space}"`), Buffer.from([0xff, 0x22])]))).rejects.toThrow(
    "body: is not valid UTF-8",
  );
});

it("bounds the number of values, whatever the size", async () => {
  const list = (values: number): string => `[${"1,".repeat(values - 2)}1]`;
  expect(await read(list(200_000))).toHaveLength(199_999);
  await expect(read(list(200_001))).rejects.toThrow("body: holds more than 200000 values");
  expect(await read(list(1_000), 1_000)).toHaveLength(999);
  await expect(read(list(1_001), 1_000)).rejects.toThrow("body: holds more than 1000 values");
  await expect(read(`[${"{},".repeat(3_000_000)}`)).rejects.toThrow("body: holds more than 200000 values");
});

it("lets other work run while it reads", async () => {
  const reading = read(JSON.stringify(Array.from({ length: 90_000 }, (_, at) => ({ at }))));
  let over = false;
  void reading.finally(() => (over = true));
  let turns = 0;
  for (; !over; turns += 1) await nextTurn();
  expect(await reading).toHaveLength(90_000);
  expect(turns).toBeGreaterThan(3);
}, 20_000);

it("reads no further when its caller is gone", async () => {
  const aborter = new AbortController();
  const large = Buffer.from(JSON.stringify(Array.from({ length: 100_000 }, () => ({ a: 1 }))));
  const reading = reader.parse([large], "body", aborter.signal);
  aborter.abort();
  await expect(reading).rejects.toMatchObject({ name: "AbortError" });
});

it("reads a large text in its owner's turn", async () => {
  const slices = new TimeSlices();
  const owners = vi.spyOn(slices, "run");
  const lease = new ByteBudget({ total: 1e9, perOwner: 1e9, refusal: () => new Error("full") }).lease("a key");
  const request = Object.assign(Readable.from([Buffer.from(`${padding}{}`), Buffer.from(" ")]), { headers: {} });
  const receiving = { limit: 1e9, lease, signal: undefined, reader: new JsonReader({ slices, maxValues: 10 }) };
  expect(await readJson(request as unknown as IncomingMessage, receiving)).toEqual({});
  expect(owners.mock.calls.map(([, , owner]) => owner)).toEqual(["a key", "a key"]);
});

it("keeps none of the pieces of a large body: what is kept lies in blocks, and they are given back", async () => {
  const whole = Buffer.from(`${padding}{"a":1}`);
  const pieces = Array.from({ length: 8 }, (_, at) => {
    const bytes = whole.subarray((at * whole.length) / 8, ((at + 1) * whole.length) / 8);
    return Buffer.allocUnsafeSlow(bytes.length).fill(bytes);
  });
  const request = Object.assign(Readable.from(pieces), { headers: {} });
  const receiving = { limit: 1e9, signal: undefined, reader };
  expect(await readJson(request as unknown as IncomingMessage, receiving)).toEqual({ a: 1 });
  expect(pieces.map(({ length }) => length)).toEqual(Array(8).fill(0));
});

describe("a short body", () => {
  const receive = (stream: Readable, length: number, lease?: ByteLease): Promise<unknown> => {
    const request = Object.assign(stream, { headers: { "content-length": String(length) } });
    return readJson(request as unknown as IncomingMessage, { limit: 1_000, reader, lease, signal: undefined });
  };
  const text = JSON.stringify({ a: "狐狸" });
  const bytes = Buffer.from(text);
  const pieces = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));

  it("is read in whatever pieces it comes", async () => {
    expect(await receive(Readable.from([bytes]), bytes.length)).toEqual(JSON.parse(text));
    expect(await receive(Readable.from(pieces), bytes.length)).toEqual(JSON.parse(text));
  });

  it.each([
    ["breaks off", (stream: Readable) => stream.destroy()],
    ["breaks off with an error", (stream: Readable) => stream.destroy(new Error("reset"))],
  ])("is canceled when its connection %s, before it is read or meanwhile", async (_name, end) => {
    const gone = new Readable({ read: () => undefined });
    gone.on("error", () => undefined);
    end(gone);
    await expect(receive(gone, 20)).rejects.toMatchObject({ kind: "canceled" });
    const going = new Readable({ read: () => undefined });
    const reading = receive(going, 20);
    going.push("{");
    end(going);
    await expect(reading).rejects.toMatchObject({ kind: "canceled" });
  });

  it("is counted, and refused where it does not fit", async () => {
    const budget = new ByteBudget({ total: 50, perOwner: 50, refusal: () => new Error("full") });
    const [first, second] = [budget.lease("a"), budget.lease("b")];
    first.hold();
    await receive(Readable.from(pieces), bytes.length, first);
    expect(budget.used).toBe(bytes.length);
    second.grow(50 - bytes.length);
    await expect(receive(Readable.from(pieces), bytes.length, second)).rejects.toThrow("full");
  });

  it("is counted while it arrives, as the memory that is held for it; no more is read when it does not fit", async () => {
    const budget = new ByteBudget({ total: 50, perOwner: 50, refusal: () => new Error("full") });
    const lease = budget.lease("a");
    const release = lease.hold();
    const arriving = new Readable({ read: () => undefined });
    const reading = receive(arriving, 40, lease);
    const push = async (piece: string): Promise<number> => {
      arriving.push(piece);
      await nextTurn();
      return budget.used;
    };
    expect([budget.used, await push('{"a":'), await push("1"), await push("1")]).toEqual([0, 5, 40, 40]);
    arriving.push(`}${" ".repeat(32)}`);
    arriving.push(null);
    expect(await reading).toEqual({ a: 11 });
    release();
    const other = budget.lease("b");
    const refused = new Readable({ read: () => undefined });
    const refusal = receive(refused, 40, other);
    budget.lease("c").grow(20);
    refused.push("{");
    refused.push('"');
    await expect(refusal).rejects.toThrow("full");
    expect(budget.used).toBe(21);
    refused.push("more");
    await nextTurn();
    expect([budget.used, refused.readableLength]).toEqual([21, 0]);
  });
});

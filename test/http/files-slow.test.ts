/** The server is patient for the sake of uploads; bodies of JSON are not waited for that long. */
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { afterEach, expect, it, vi } from "vitest";
import { readJson } from "../../src/http/body.ts";
import { JsonReader } from "../../src/http/json-reader.ts";
import { TimeSlices } from "../../src/lib/time-slices.ts";

const reader = new JsonReader({ slices: new TimeSlices(), maxValues: 1_000 });

afterEach(() => {
  vi.useRealTimers();
});

it("a body that trickles is given up after two minutes", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const stream = Object.assign(new PassThrough(), { headers: {} });
  const closed = once(stream, "close").catch(() => undefined);
  const reading = readJson(stream as never, 1000, reader).then(
    () => "read",
    (error: { kind: string }) => error.kind,
  );
  stream.write('{"a":');
  await vi.advanceTimersByTimeAsync(119_000);
  expect(stream.destroyed).toBe(false);
  stream.write("1");
  await vi.advanceTimersByTimeAsync(2000);
  expect(await reading).toBe("canceled");
  await closed;
});

it("a body that comes in time leaves no timer", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const stream = Object.assign(new PassThrough(), { headers: {} });
  stream.end('{"a":1}');
  expect(await readJson(stream as never, 1000, reader)).toEqual({ a: 1 });
  expect(vi.getTimerCount()).toBe(0);
});

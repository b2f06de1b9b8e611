import { PassThrough } from "node:stream";
import { setImmediate as turn, setTimeout as wait } from "node:timers/promises";
import { expect, it } from "vitest";
import { BodyReader } from "../../../../src/engine/upstream/wire/body-reader.ts";

const text = async (reader: BodyReader): Promise<string | undefined> => (await reader.read())?.toString();

it("reads all that came since the last call as one piece, then the end", async () => {
  const body = new PassThrough();
  const reader = new BodyReader(body);
  const first = text(reader);
  body.write("one");
  expect(await first).toBe("one");
  body.write("two ");
  body.end("three");
  await turn();
  expect(await text(reader)).toBe("two three");
  expect(await text(reader)).toBeUndefined();
  expect(await text(reader)).toBeUndefined();
});

it("hands on what came before the stream broke off, then its error", async () => {
  const body = new PassThrough();
  const reader = new BodyReader(body);
  body.write("half");
  await turn();
  body.destroy(new Error("reset"));
  await turn();
  expect(await text(reader)).toBe("half");
  await expect(reader.read()).rejects.toThrow("reset");
  const cut = new PassThrough();
  const waiting = new BodyReader(cut).read();
  cut.destroy();
  await expect(waiting).rejects.toThrow("premature close");
});

it("takes little more than it holds from a stream that is not read, and goes on when it is", async () => {
  const body = new PassThrough({ highWaterMark: 1024 });
  const reader = new BodyReader(body);
  let sent = 0;
  const fill = (): void => {
    for (let room = true; room && sent < 1000; sent += 1) room = body.write("x".repeat(1024));
  };
  body.on("drain", fill);
  fill();
  for (let turns = 0; turns < 100; turns += 1) await turn();
  expect(sent).toBeLessThan(30);
  let read = 0;
  while (read < 1000 * 1024) read += (await reader.read())?.length ?? 0;
  expect(read).toBe(1000 * 1024);
});

it("drains the rest of a stream, up to a number of bytes and for a time", async () => {
  const whole = new PassThrough();
  new BodyReader(whole).drain(10, 10_000);
  whole.end("0123456789");
  await new Promise((resolve) => whole.once("close", resolve));
  expect(whole.readableEnded).toBe(true);

  const long = new PassThrough();
  new BodyReader(long).drain(10, 10_000);
  long.write("0123456789+");
  await turn();
  await turn();
  expect(long.destroyed).toBe(true);

  const silent = new PassThrough();
  new BodyReader(silent).drain(10, 5);
  await wait(50);
  expect(silent.destroyed).toBe(true);
});

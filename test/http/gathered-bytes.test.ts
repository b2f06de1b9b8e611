import { expect, it } from "vitest";
import { GatheredBytes, PieceBlocks, release } from "../../src/http/gathered-bytes.ts";

const kibibyte = 1024;
const piece = (size: number, byte: number): Buffer => Buffer.allocUnsafeSlow(size).fill(byte);

it("gathers pieces of any size in blocks of 256 KiB, and holds nothing after they are taken", () => {
  const gathered = new GatheredBytes();
  const pieces = [piece(200 * kibibyte, 1), piece(100 * kibibyte, 2), piece(0, 3), piece(600 * kibibyte, 4)];
  for (const one of pieces) gathered.add(one);
  const whole = Buffer.concat(pieces);
  for (const one of pieces) release(one);
  const blocks = gathered.take();
  expect(blocks.map(({ length }) => length / kibibyte)).toEqual([200, 256, 256, 188]);
  expect(Buffer.concat(blocks).equals(whole)).toBe(true);
  expect(gathered.take()).toEqual([]);
});

it("gives back at once what a piece has for itself, and nothing that others share", () => {
  const before = process.memoryUsage().arrayBuffers;
  const own = piece(8 * kibibyte * kibibyte, 1);
  expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThan(7 * kibibyte * kibibyte);
  release(own);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(kibibyte * kibibyte);
  const shared = piece(100, 5);
  release(shared.subarray(10));
  expect(shared[99]).toBe(5);
});

it("moves pieces into blocks, one beside the other", () => {
  const blocks = new PieceBlocks();
  const sizes = [100 * kibibyte, 100 * kibibyte, 100 * kibibyte, 300 * kibibyte];
  const pieces = sizes.map((size, at) => piece(size, at + 1));
  const moved = pieces.map((one) => blocks.move(one));
  expect(moved.map((one) => [one.length, one[0], one.at(-1)])).toEqual(sizes.map((size, at) => [size, at + 1, at + 1]));
  expect(moved[0]?.buffer).toBe(moved[1]?.buffer);
  expect(pieces.map(({ length }) => length)).toEqual([0, 0, 0, 0]);
});

import { expect, it } from "vitest";
import { largestBody, rememberedBounds, requestBudget } from "../../src/policy/request-memory.ts";

const mebibyte = 1024 * 1024;

it("follows from the heap limit where nothing is set, and lets the largest body in", () => {
  const large = requestBudget({}, 64 * mebibyte, { heapBytes: 4224 * mebibyte });
  large.check("a", 256 * mebibyte);
  expect(() => large.check("a", 256 * mebibyte + 1)).toThrow(/connection limit: 268435456 bytes of requests.*\(key\)/);
  expect(largestBody({}, 64 * mebibyte, 4224 * mebibyte)).toBe(64 * mebibyte);
  const largest = largestBody({}, 64 * mebibyte, 384 * mebibyte);
  expect(largest).toBe(32 * mebibyte);
  const small = requestBudget({}, largest, { heapBytes: 384 * mebibyte });
  small.check("a", 32 * mebibyte);
  expect(() => small.check("a", 32 * mebibyte + 1)).toThrow(expect.objectContaining({ kind: "connection-limit" }));
  expect(largestBody({}, 64 * mebibyte, mebibyte)).toBe(2 * mebibyte);
  expect(rememberedBounds({}, { heapBytes: 4224 * mebibyte })).toEqual({
    total: 256 * mebibyte,
    perOwner: 128 * mebibyte,
  });
});

it("is what was set", () => {
  const budget = requestBudget({ requestBytes: 100, requestBytesPerKey: 60 }, 64 * mebibyte);
  budget.lease("a").grow(60);
  expect(() => budget.check("a", 1)).toThrow(expect.objectContaining({ kind: "connection-limit", retryAfter: 1 }));
  expect(() => budget.check("b", 41)).toThrow(expect.objectContaining({ kind: "overloaded", retryAfter: 1 }));
  expect(largestBody({ requestBytes: 100 }, 64 * mebibyte)).toBe(100);
  expect(rememberedBounds({ rememberedBytes: 10, rememberedBytesPerKey: 3 })).toEqual({ total: 10, perOwner: 3 });
});

it("is divided among several processes, each of which takes one request of the largest size", () => {
  const four = { heapBytes: 4224 * mebibyte, processes: 4 };
  const budget = requestBudget({}, 64 * mebibyte, four);
  budget.check("a", 64 * mebibyte);
  expect(() => budget.check("a", 64 * mebibyte + 1)).toThrow(expect.objectContaining({ kind: "connection-limit" }));
  const most = requestBudget({ requestBytes: 400, requestBytesPerKey: 200 }, 30, four);
  most.lease("a").grow(50);
  most.lease("b").grow(50);
  expect(() => most.check("a", 1)).toThrow(expect.objectContaining({ kind: "connection-limit" }));
  expect(() => most.check("c", 1)).toThrow(expect.objectContaining({ kind: "overloaded" }));
  requestBudget({ requestBytes: 400 }, 300, four).check("a", 300);
  expect(rememberedBounds({ rememberedBytes: 40, rememberedBytesPerKey: 12 }, four)).toEqual({
    total: 10,
    perOwner: 3,
  });
});

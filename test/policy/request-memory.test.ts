import { expect, it } from "vitest";
import { rememberedBounds, requestBudget } from "../../src/policy/request-memory.ts";

const mebibyte = 1024 * 1024;

it("follows from the heap limit where nothing is set, and lets the largest body in", () => {
  const large = requestBudget({}, 64 * mebibyte, 4096 * mebibyte);
  large.check("a", 256 * mebibyte);
  expect(() => large.check("a", 256 * mebibyte + 1)).toThrow(/connection limit: 268435456 bytes of requests.*\(key\)/);
  const small = requestBudget({}, 64 * mebibyte, 256 * mebibyte);
  small.check("a", 64 * mebibyte);
  expect(() => small.check("a", 64 * mebibyte + 1)).toThrow(expect.objectContaining({ kind: "connection-limit" }));
  expect(rememberedBounds({}, 4096 * mebibyte)).toEqual({ total: 256 * mebibyte, perOwner: 128 * mebibyte });
});

it("is what was set", () => {
  const budget = requestBudget({ requestBytes: 100, requestBytesPerKey: 60 }, 64 * mebibyte);
  budget.lease("a").grow(60);
  expect(() => budget.check("a", 1)).toThrow(expect.objectContaining({ kind: "connection-limit", retryAfter: 1 }));
  expect(() => budget.check("b", 41)).toThrow(expect.objectContaining({ kind: "overloaded", retryAfter: 1 }));
  expect(rememberedBounds({ rememberedBytes: 10, rememberedBytesPerKey: 3 })).toEqual({ total: 10, perOwner: 3 });
});

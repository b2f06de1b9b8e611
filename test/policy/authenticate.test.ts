import { describe, expect, it } from "vitest";
import { createAuthenticate, hashKey } from "../../src/policy/authenticate.ts";

const stored = { keyId: "k1", name: "stored" };
const authenticate = createAuthenticate({
  staticKeys: ["sk-static-one", "sk-static-two"],
  lookup: async (hash) => (hash === hashKey("sk-stored-key") ? stored : undefined),
});

describe("authenticate", () => {
  it("knows static keys and stored keys", async () => {
    expect(await authenticate("Bearer sk-static-two")).toEqual({ keyId: "static-2", name: "static key 2" });
    expect(await authenticate("bearer  sk-stored-key")).toBe(stored);
  });

  it.each([undefined, "", "   "])("asks for a key when there is none: %j", async (header) => {
    await expect(authenticate(header)).rejects.toMatchObject({ kind: "unauthenticated" });
  });

  it.each([
    "Bearer",
    "Bearer ",
    "Basic c2s6",
    "sk-static-one",
    "Bearer sk-static-onE",
    "Bearer sk-static-one x",
    `Bearer ${"x".repeat(10_000)}`,
  ])("refuses %j", async (header) => {
    await expect(authenticate(header)).rejects.toMatchObject({ kind: "key-rejected" });
  });

  it("fails closed when the store cannot be asked", async () => {
    const broken = createAuthenticate({
      staticKeys: [],
      lookup: () => Promise.reject(new Error("database is locked")),
    });
    await expect(broken("Bearer sk-any-key")).rejects.toThrow("database is locked");
  });
});

import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createAdminCheck, createAuthenticate, keyHash, mayUse } from "../../src/policy/authenticate.ts";

const hash = keyHash("a secret");
const stored = { keyId: "k1", name: "stored" };
const bound = { keyId: "k2", name: "bound" };
const authenticate = createAuthenticate({
  staticKeys: ["sk-static-one", "sk-static-two"],
  hash,
  lookup: async (found) => {
    if (found === hash("sk-stored-key")) return { caller: stored };
    return found === hash("sk-bound-key") ? { caller: bound, ranges: ["10.0.0.0/8", "2001:db8::/32"] } : undefined;
  },
});

const malformed = [
  "Bearer",
  "Bearer ",
  "Basic c2s6",
  "sk-static-one",
  "Bearer sk-static-onE",
  "Bearer sk-static-one x",
  `Bearer ${"x".repeat(10_000)}`,
];

describe("authenticate", () => {
  it("knows static keys and stored keys", async () => {
    expect(await authenticate("Bearer sk-static-two", {})).toEqual({
      keyId: `static-${hash("sk-static-two").slice(0, 16)}`,
      name: "static key 2",
    });
    expect(await authenticate("bearer  sk-stored-key", {})).toBe(stored);
  });

  it("gives a static key the same id wherever it stands in the list", async () => {
    const of = (...staticKeys: string[]) => createAuthenticate({ staticKeys, hash, lookup: async () => undefined });
    const before = await of("sk-first", "sk-second")("Bearer sk-second", {});
    const after = await of("sk-second")("Bearer sk-second", {});
    expect(after.keyId).toBe(before.keyId);
    expect((await of("sk-first", "sk-second")("Bearer sk-first", {})).keyId).not.toBe(before.keyId);
  });

  it.each([undefined, "", "   "])("asks for a key when there is none: %j", async (header) => {
    await expect(authenticate(header, {})).rejects.toMatchObject({ kind: "unauthenticated" });
  });

  it.each(malformed)("refuses %j", async (header) => {
    await expect(authenticate(header, {})).rejects.toMatchObject({ kind: "key-rejected" });
  });

  it("fails closed when the store cannot be asked", async () => {
    const broken = createAuthenticate({
      staticKeys: [],
      hash,
      lookup: () => Promise.reject(new Error("database is locked")),
    });
    await expect(broken("Bearer sk-any-key", {})).rejects.toThrow("database is locked");
  });

  it.each(["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::7"])("lets a bound key in from %s", async (address) => {
    expect(await authenticate("Bearer sk-bound-key", { address })).toBe(bound);
  });

  it.each([undefined, "", "11.1.2.3", "::ffff:11.0.0.1", "2001:db9::1", "nonsense"])(
    "refuses a bound key from %s",
    async (address) => {
      await expect(authenticate("Bearer sk-bound-key", { address })).rejects.toMatchObject({ kind: "forbidden" });
    },
  );
});

describe("the hash of a key", () => {
  it.each(["", "a secret", "s".repeat(64), "s".repeat(65), "geheimnis-狐狸"])(
    "is the HMAC of keys of every length under the secret %j",
    (secret) => {
      const one = keyHash(secret);
      for (const length of [0, 1, 51, 447, 511, 512, 513, 5_000]) {
        for (const key of ["k".repeat(length), "狐".repeat(length / 3), `\ud800${"k".repeat(length)}`]) {
          expect(one(key)).toBe(createHmac("sha256", secret).update(key, "utf8").digest("hex"));
        }
      }
    },
  );

  it("depends on the secret and on every character", () => {
    const hashes = [hash("sk-a"), hash("sk-b"), keyHash("another")("sk-a")];
    expect(new Set(hashes).size).toBe(3);
    for (const one of hashes) expect(one).toMatch(/^[0-9a-f]{64}$/);
    expect(hash("sk-a")).toBe(hashes[0]);
  });
});

describe("the admin check", () => {
  const check = createAdminCheck(["admin-key-0123456789"], hash);

  it("lets admin keys in and nobody else", () => {
    expect(() => check("Bearer admin-key-0123456789")).not.toThrow();
    expect(() => check(undefined)).toThrow(expect.objectContaining({ kind: "unauthenticated" }));
    for (const header of ["Bearer sk-static-one", ...malformed]) {
      expect(() => check(header)).toThrow(expect.objectContaining({ kind: "key-rejected" }));
    }
  });

  it("lets nobody in when there is no admin key", () => {
    const closed = createAdminCheck([], hash);
    for (const header of [undefined, "Bearer ", "Bearer admin-key-0123456789"]) {
      expect(() => closed(header)).toThrow(expect.objectContaining({ kind: "not-found" }));
    }
  });
});

describe("the models of a key", () => {
  it("are all without a list, and match without regard to case", () => {
    expect(mayUse(undefined, "MiniMax-M3")).toBe(true);
    expect(mayUse(["minimax-m3"], "MiniMax-M3")).toBe(true);
    expect(mayUse(["MiniMax-M3"], "MiniMax-M2")).toBe(false);
    expect(mayUse([], "MiniMax-M3")).toBe(false);
  });
});

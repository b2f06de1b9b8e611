import fc from "fast-check";
import { expect, test } from "vitest";
import { textSeal } from "../../src/lib/seal.ts";

const seal = textSeal("a secret of the server, thirty-two bytes or more");

test("what was sealed opens to the same text, Chinese and emoji too", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(seal.open(seal.seal(text))).toBe(text);
    }),
  );
  const long = "思考😀".repeat(100_000);
  expect(seal.open(seal.seal(long)) === long).toBe(true);
});

test("sealing hides the text and never looks the same twice", () => {
  const sealed = seal.seal("what the model thought");
  expect(sealed).toMatch(/^p1\.[A-Za-z0-9_-]+$/);
  expect(Buffer.from(sealed.slice(3), "base64url").toString("latin1")).not.toContain("thought");
  expect(seal.seal("what the model thought")).not.toBe(sealed);
});

test("another secret, a changed byte, a cut or a foreign text does not open", () => {
  const sealed = seal.seal("thought");
  expect(() => textSeal("another secret").open(sealed)).toThrow();
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = sealed.slice(0, at) + (sealed[at] === "A" ? "B" : "A") + sealed.slice(at + 1);
    // The last character of base64 may hold spare bits that say nothing.
    if (Buffer.from(changed.slice(3), "base64url").equals(Buffer.from(sealed.slice(3), "base64url")) && at > 2)
      continue;
    expect(() => seal.open(changed)).toThrow();
  }
  for (const text of ["", "p1.", "p1.AAAA", sealed.slice(0, -4), "gAAAAABforeign"]) {
    expect(() => seal.open(text)).toThrow();
  }
});

test("a secret of bytes is the same as its text", () => {
  expect(textSeal(Buffer.from("key")).open(textSeal("key").seal("x"))).toBe("x");
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { textCipher } from "../../src/lib/cipher.ts";

const cipher = textCipher("a secret of the server, thirty-two bytes or more");

test("what was encrypted opens to the same text, Chinese and emoji too", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(cipher.decrypt(cipher.encrypt(text))).toBe(text);
    }),
  );
  const long = "思考😀".repeat(100_000);
  expect(cipher.decrypt(cipher.encrypt(long)) === long).toBe(true);
});

test("sealing hides the text and never looks the same twice", () => {
  const encrypted = cipher.encrypt("what the model thought");
  expect(encrypted).toMatch(/^p1\.[A-Za-z0-9_-]+$/);
  expect(Buffer.from(encrypted.slice(3), "base64url").toString("latin1")).not.toContain("thought");
  expect(cipher.encrypt("what the model thought")).not.toBe(encrypted);
});

test("a text of an owner opens for that owner alone, whatever is done to its prefix", () => {
  const [mine, other] = [cipher.ofOwner("key:a"), cipher.ofOwner("key:b")];
  const encrypted = mine.encrypt("thought");
  expect(encrypted).toMatch(/^p2\./);
  expect(cipher.ofOwner("key:a").decrypt(encrypted)).toBe("thought");
  const stripped = encrypted.replace("p2.", "p1.");
  for (const reader of [other, cipher, textCipher("another").ofOwner("key:a")]) {
    for (const text of [encrypted, stripped]) expect(() => reader.decrypt(text)).toThrow();
  }
  expect(() => mine.decrypt(stripped)).toThrow();
});

test("a text from before there were owners opens for everybody", () => {
  expect(cipher.ofOwner("key:b").decrypt(cipher.encrypt("thought"))).toBe("thought");
});

test("another secret, a changed byte, a cut or a foreign text does not open", () => {
  const encrypted = cipher.encrypt("thought");
  expect(() => textCipher("another secret").decrypt(encrypted)).toThrow();
  for (let at = 0; at < encrypted.length; at += 1) {
    const changed = encrypted.slice(0, at) + (encrypted[at] === "A" ? "B" : "A") + encrypted.slice(at + 1);
    // The last character of base64 may hold spare bits that say nothing.
    if (Buffer.from(changed.slice(3), "base64url").equals(Buffer.from(encrypted.slice(3), "base64url")) && at > 2)
      continue;
    expect(() => cipher.decrypt(changed)).toThrow();
  }
  for (const text of ["", "p1.", "p1.AAAA", encrypted.slice(0, -4), "gAAAAABforeign"]) {
    expect(() => cipher.decrypt(text)).toThrow();
  }
});

test("a secret of bytes is the same as its text", () => {
  expect(textCipher(Buffer.from("key")).decrypt(textCipher("key").encrypt("x"))).toBe("x");
});

import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { migrations } from "../../src/store/schema.ts";

/**
 * SHA-256 of each landed migration. A landed one has run on databases of others and is never edited, not by a constant
 * either: a change is a new migration, with a new line here.
 */
const landed: readonly (readonly [number: number, digest: string])[] = [
  [1, "e7382372c63ca1e4c278f81bbf57ea95158f94e7185b8b5cd3c769892985ca35"],
  [2, "63827682e52e374dcf414541559eab79701a0109d6c6bec51844bbd398964c35"],
  [3, "ef019ec43deca4aee36b51e21d71ad1f511169080ae3e02e6787112fa9401f96"],
  [4, "6f82d7ee9c88125327c2bd6ee5e9c4249fc734e749062102860d2c708d66b817"],
  [5, "31f06e79e606ff6e84a4477ffe8bcdb6c33eea9508a87e1cf5500e0126557844"],
  [6, "e72273b6c13ea22de5ce8f3abcd151134f900e3fca0135a57beb129d4850ef41"],
  [7, "725777ecfbd89953c786461f4b70c8e4c44c19dba5fb096224f88d2c451d159b"],
  [8, "c2c81c3bb8cf95ea4f19c91766b597456f6103f892d5a00975f974a4b6590927"],
  [9, "c51b91651dc374ad6d4dc1c0353365937684bdc70c03a9cbb6d63837a4fe842b"],
  [10, "8dfef4a61b348a8b0daddf7dd9f92ee8df2e12d4c4c241dae27b5b859d9470ce"],
  [11, "fbede68bfd8719375c8dc7e335c1a8f80b59c22dbd7a7bb442e94b59cf9ec878"],
];

it("holds every landed migration byte for byte, and no number twice", () => {
  const digests = migrations.map(({ number, statements, sqlite = [], postgres = [] }) => [
    number,
    createHash("sha256")
      .update(JSON.stringify([statements, sqlite, postgres]))
      .digest("hex"),
  ]);
  expect(digests).toEqual(landed);
});

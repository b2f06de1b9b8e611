import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

interface LockEntry {
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  optional?: boolean;
}

const { packages } = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8")) as {
  packages: Record<string, LockEntry>;
};
/** What is downloaded: not the folders of this repository, and the links to them. */
const entries = Object.entries(packages).filter(
  ([path, { link }]) => path.startsWith("node_modules/") && link !== true,
);

/**
 * Optional builds for macOS and Windows that the registry at hand does not have, so that their digests are not known
 * here (`tools/complete-lock.ts`). To be emptied where a registry has them.
 */
const unknownDigest = ["mac-arm64-metal", "mac-x64", "win-arm64", "win-x64"].map(
  (name) => `node_modules/@node-llama-cpp/${name}`,
);

it("every package has a digest that npm compares with what it downloads", () => {
  const without = entries.filter(([, { integrity }]) => !/^sha512-[\w+/]{86}==$/.test(integrity ?? ""));
  expect(without.map(([path]) => path).toSorted()).toEqual(unknownDigest);
  expect(without.every(([, { optional }]) => optional === true)).toBe(true);
});

it("no entry names a registry: whichever is configured serves", () => {
  expect(entries.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
});

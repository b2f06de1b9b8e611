import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import {
  installCommand,
  missingPackage,
  optionalPackages,
  type OptionalPackage,
} from "../../src/lib/optional-package.ts";

const names = Object.keys(optionalPackages) as OptionalPackage[];
const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as Record<
  "dependencies" | "devDependencies" | "peerDependencies",
  Record<string, string>
> & { peerDependenciesMeta: Record<string, { optional: boolean }> };

it("the optional packages are those that package.json asks no consumer to install", () => {
  expect(Object.keys(manifest.peerDependencies).toSorted()).toEqual(names.toSorted());
  expect(manifest.peerDependenciesMeta).toEqual(Object.fromEntries(names.map((name) => [name, { optional: true }])));
  expect(Object.keys(manifest.dependencies).filter((name) => names.some((one) => one === name))).toEqual([]);
});

it.each(names)("the version of %s that is named is the one that is tested", (name) => {
  const tested = manifest.devDependencies[name] ?? "";
  expect(manifest.peerDependencies[name]).toBe(`^${tested}`);
  // what a caret allows: the first number that is not 0 stays
  expect(optionalPackages[name].version).toBe(/^(?:0\.)*[1-9]\d*/.exec(tested)?.[0]);
});

it.each(names)("%s is found where it is installed, and named where it is not", (name) => {
  expect(missingPackage(name)).toBeUndefined();
  const folder = mkdtempSync(join(tmpdir(), "parley-optional-"));
  try {
    const sentence = missingPackage(name, pathToFileURL(join(folder, "file.js")).href);
    expect(sentence).toMatch(new RegExp(`^the package ${name}, which .+, is not installed; .*: npm install ${name}@`));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it.each([
  ["file:///home/me/parley/src/lib/optional-package.ts", "npm ci"],
  ["file:///home/me/app/node_modules/@parley-ai/parley/dist/lib/x.js", "npm install pg@8"],
  ["file:///usr/lib/node_modules/@parley-ai/parley/dist/lib/x.js", "npm install --global pg@8"],
  ["file:///C:/Users/me/AppData/Roaming/npm/node_modules/@parley-ai/parley/dist/lib/x.js", "npm install --global pg@8"],
  ["file:///home/me/.npm/_npx/0123/node_modules/@parley-ai/parley/dist/lib/x.js", "npx --package pg@8 ..."],
])("the command for %s", (here, command) => {
  expect(installCommand("pg@8", here)).toBe(command);
});

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { installCommand, missingPackage, type OptionalPackage } from "../../src/lib/optional-package.ts";

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as Record<
  "dependencies" | "devDependencies" | "peerDependencies",
  Record<string, string>
> & { peerDependenciesMeta: Record<string, { optional: boolean }> };

const names = Object.keys(manifest.peerDependencies) as OptionalPackage[];

it("no consumer is asked to install an optional package", () => {
  expect(names).toEqual(["node-av", "node-llama-cpp", "pg", "sharp"]);
  expect(manifest.peerDependenciesMeta).toEqual(Object.fromEntries(names.map((name) => [name, { optional: true }])));
  expect(Object.keys(manifest.dependencies).filter((name) => names.some((one) => one === name))).toEqual([]);
});

it.each(names)("%s is found where it is installed, and named where it is not", (name) => {
  expect(missingPackage(name)).toBeUndefined();
  const folder = mkdtempSync(join(tmpdir(), "parley-optional-"));
  try {
    const sentence = missingPackage(name, pathToFileURL(join(folder, "file.js")).href);
    const tested = manifest.devDependencies[name] ?? "";
    expect(manifest.peerDependencies[name]).toBe(`^${tested}`);
    // what a caret allows: the first number that is not 0 stays
    const version = /^(?:0\.)*[1-9]\d*/.exec(tested)?.[0] ?? "";
    expect(sentence).toMatch(/^the package \S+, which .+, is not installed; this installs it: npm install \S+$/);
    expect(sentence?.split(" ").at(-1)).toBe(`${name}@${version}`);
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

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { dialectNames } from "../../../src/engine/upstream/dialect/dialect.ts";
import { repairRules } from "../../../src/engine/upstream/read/repair.ts";

const page = readFileSync(new URL("../../../docs/upstream.md", import.meta.url), "utf8");

it("docs/upstream.md tells of every dialect and every repair rule", () => {
  for (const name of dialectNames) expect(page).toContain(`| \`${name}\` | `);
  for (const [rule, { does, thread }] of Object.entries(repairRules)) {
    expect(page).toContain(`| \`${rule}\` | ${does} | `);
    expect(page).toContain(thread);
  }
});

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { settingList } from "../../tools/config-doc.ts";
import { limitSections, noBounds } from "../../tools/limit-row.ts";
import { limitsPage } from "../../tools/limits-doc.ts";

const named = limitSections.flatMap(({ bounds }) => bounds.flatMap(({ from }) => from));
const numbers = settingList().filter(({ isNumber }) => isNumber);

describe("docs/limits.md", () => {
  it("has the defaults of the schema and of the sources; `node tools/limits-doc.ts` writes it anew", () => {
    expect(readFileSync(new URL("../../docs/limits.md", import.meta.url), "utf8")).toBe(limitsPage());
  });

  it("has a row for every setting that is a number and bounds something (tools/limit-row.ts)", () => {
    const missing = numbers.map(({ name }) => name).filter((name) => !named.includes(name) && !noBounds.includes(name));
    expect(missing).toEqual([]);
  });

  it("has each setting and constant once, and excuses none that it has or that is gone", () => {
    expect(named.filter((name, index) => named.indexOf(name) !== index)).toEqual([]);
    expect(noBounds.filter((name) => named.includes(name) || !numbers.some((one) => one.name === name))).toEqual([]);
  });
});

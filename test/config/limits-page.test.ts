import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { settingList } from "../../tools/config-doc.ts";
import { limitSections } from "../../tools/limit-row.ts";
import { limitsPage } from "../../tools/limits-doc.ts";
import { innerBounds, noBounds } from "../../tools/no-limit.ts";

const named = limitSections.flatMap(({ bounds }) => bounds.flatMap(({ from }) => from));
const root = new URL("../../", import.meta.url);
/** Every number of the sources whose name says that it is the most of something. */
const constants = globSync("src/**/*.ts", { cwd: root }).flatMap((path) =>
  [...readFileSync(new URL(path, root), "utf8").matchAll(/^(?:export )?const (max[A-Z]\w*) = \d/gm)].map(
    ([, name]) => `${path.replaceAll("\\", "/")}#${name}`,
  ),
);
const numbers = settingList().filter(({ isNumber }) => isNumber);

describe("docs/limits.md", () => {
  it("has the defaults of the schema and of the sources; `node tools/limits-doc.ts` writes it anew", () => {
    expect(readFileSync(new URL("../../docs/limits.md", import.meta.url), "utf8")).toBe(limitsPage());
  });

  it("has a row for every setting that is a number and bounds something (tools/limit-row.ts) or an excuse (tools/no-limit.ts)", () => {
    const missing = numbers.map(({ name }) => name).filter((name) => !named.includes(name) && !noBounds.includes(name));
    expect(missing).toEqual([]);
  });

  it("has a row for every constant that bounds something, or says that no caller meets it (tools/no-limit.ts)", () => {
    expect(constants.length).toBeGreaterThan(50);
    expect(constants.filter((name) => !named.includes(name) && !innerBounds.includes(name))).toEqual([]);
    expect(innerBounds.filter((name) => named.includes(name) || !constants.includes(name))).toEqual([]);
  });

  it("has each setting and constant once, and excuses none that it has or that is gone", () => {
    expect(named.filter((name, index) => named.indexOf(name) !== index)).toEqual([]);
    expect(noBounds.filter((name) => named.includes(name) || !numbers.some((one) => one.name === name))).toEqual([]);
  });
});

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { configPage } from "../../tools/config-doc.ts";

it("docs/config.md says what the schema says; `node tools/config-doc.ts` writes it anew", () => {
  expect(readFileSync(new URL("../../docs/config.md", import.meta.url), "utf8")).toBe(configPage());
});

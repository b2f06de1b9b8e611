import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { loadConfig, type ConfigError } from "../../src/config/load.ts";

const folder = mkdtempSync(join(tmpdir(), "parley-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

const page = readFileSync(new URL("../../docs/moderation.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/```yaml\n([^]*?)```/g)].map((match) => match[1] ?? "");

it("takes every example of docs/moderation.md", () => {
  expect(examples).toHaveLength(3);
  const named = examples.map((example) => {
    const path = join(folder, "parley.yaml");
    writeFileSync(path, example);
    const { moderation } = loadConfig({ environment: { OPENAI_API_KEY: "sk-1" }, flags: { config: path } });
    return [moderation.words?.files, moderation.model?.verdicts.length, moderation.endpoint?.key?.reveal()];
  });
  expect(named).toEqual([
    [
      [
        { path: join(folder, "words/prohibited.txt") },
        { path: join(folder, "words/abuse.txt"), category: "abuse", severity: "severe" },
      ],
      undefined,
      undefined,
    ],
    [undefined, 4, undefined],
    [undefined, undefined, "sk-1"],
  ]);
});

it("moderates nothing without settings", () => {
  const { moderation } = loadConfig({ environment: {}, flags: {} });
  expect(moderation).toEqual({ input: "block", scope: "all", output: "block", window: 200 });
});

it.each([
  [{ words: { files: [] } }, /^moderation\.words\.files/],
  [{ words: { files: [{ path: "x", kategory: 1 }] } }, /^moderation\.words\.files\.0/],
  [{ model: { model: "g", verdicts: [] } }, /^moderation\.model\.verdicts/],
  [{ model: { model: "g", prompt: "x", verdicts: [{ pattern: "x", category: 1, severity: "mild" }] } }, /\{text\}/],
  [{ model: { model: "g", verdicts: [{ pattern: "x", category: 8, severity: "mild" }] } }, /verdicts\.0\.category/],
  [{ endpoint: { url: "ftp://x" } }, /^moderation\.endpoint\.url/],
  [{ endpoint: { url: "http://x", fails: "sometimes" } }, /^moderation\.endpoint\.fails/],
  [{ wrods: {} }, /^moderation\.wrods: unknown setting/],
])("refuses %j by name", (moderation, message) => {
  const load = (): unknown => loadConfig({ environment: {}, flags: { moderation } });
  expect(load).toThrow(message);
  expect(load).toThrow(expect.objectContaining({ name: "ConfigError" } satisfies Partial<ConfigError>));
});

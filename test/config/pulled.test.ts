import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.ts";

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "parley-pulled-"));
  mkdirSync(join(data, "models"));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

function pulled(file: string): string {
  const path = join(data, "models", file);
  writeFileSync(path, "GGUF");
  return path;
}

const engine = (name: string) => loadConfig({ environment: {}, flags: { data, engine: name } }).engines["default"];

describe("a pulled model's name", () => {
  it("stands for its path, by the name of the list in any case", () => {
    const path = pulled("Qwen3-0.6B-Q8_0.gguf");
    expect(engine("qwen3-0.6b")).toMatchObject({ kind: "llama", model: path });
    expect(engine("Qwen3-0.6B")).toMatchObject({ model: path });
  });

  it("stands for its path, by the name of the file", () => {
    const path = pulled("own-model.Q4.gguf");
    expect(engine("own-model.Q4")).toMatchObject({ model: path });
  });

  it("may stand in the file of settings", () => {
    const path = pulled("own.gguf");
    const file = join(data, "parley.yaml");
    writeFileSync(file, `data: ${JSON.stringify(data)}\nengines: { big: { kind: llama, model: own } }\n`);
    const { engines } = loadConfig({ environment: { PARLEY_CONFIG: file }, flags: {} });
    expect(engines["big"]).toMatchObject({ model: path });
  });

  it("says how to pull it when it was not", () => {
    expect(() => engine("qwen3-4b")).toThrow(/^engine: found "qwen3-4b"; .* models pull qwen3-4b$/);
  });

  it("says what is allowed where there is no such thing", () => {
    expect(() => engine("nothing")).toThrow(/^engine: found "nothing"; allowed are .*a pulled model's name/);
  });

  it("is no path", () => {
    writeFileSync(join(data, "own.gguf"), "GGUF");
    expect(engine("../own")).toMatchObject({ model: "../own" });
  });
});

describe("the hub", () => {
  const hub = (environment: Record<string, string>) => loadConfig({ environment, flags: {} }).hub;

  it("is the public one unless said otherwise", () => {
    expect(hub({}).url).toBe("https://huggingface.co");
    expect(hub({ PARLEY_HUB_URL: "http://mirror.test/hf" }).url).toBe("http://mirror.test/hf");
  });

  it("has a token that is not shown, and both may be given", () => {
    const both = hub({ PARLEY_HUB_URL: "http://mirror.test", PARLEY_HUB_TOKEN: "hf_secret" });
    expect(both.token?.reveal()).toBe("hf_secret");
    expect(both.url).toBe("http://mirror.test");
    expect(JSON.stringify(both)).not.toContain("hf_secret");
  });

  it("refuses what is no address", () => {
    expect(() => hub({ PARLEY_HUB_URL: "ftp://x" })).toThrow(/^hub\.url \(from PARLEY_HUB_URL\): found "ftp:/);
  });
});

import { describe, expect, it } from "vitest";
import type { ClientFile } from "../../../src/cli/client/client.ts";
import { mergedText, newText } from "../../../src/cli/client/merge.ts";

const toml: ClientFile = {
  name: "config.toml",
  format: "toml",
  content: { model: "m", show: true, providers: { parley: { url: "http://h/v1", name: 'a "b"' } } },
};
const json = (content: ClientFile["content"]): ClientFile => ({ name: "settings.json", format: "json", content });
const yaml: ClientFile = {
  name: "config.yaml",
  format: "yaml",
  defaults: { name: "Local", schema: "v1" },
  content: { models: [{ name: "ours", apiBase: "http://h/v1" }] },
};

describe("TOML", () => {
  it("is written where there is none", () => {
    expect(newText(toml)).toBe(
      'model = "m"\nshow = true\n\n[providers.parley]\nurl = "http://h/v1"\nname = "a \\"b\\""\n',
    );
    expect(mergedText(toml, "  \n")).toBe(newText(toml));
  });

  it("replaces and adds its own lines and keeps all others, comments included", () => {
    const before = [
      "# mine",
      'model = "gpt" # the old one',
      "notify = [",
      '  "model = 1", # [providers.parley]',
      "]",
      'text = """',
      "[providers.parley]",
      'url = "no"',
      '"""',
      "",
      "[providers.other]",
      'url = "keep"',
      "[providers.parley]",
      'url = "old"',
      'secret = "s"',
      "",
      "[tui]",
      "theme = 'x'",
    ].join("\n");
    expect(mergedText(toml, before).split("\n")).toEqual([
      "# mine",
      'model = "m"',
      "notify = [",
      '  "model = 1", # [providers.parley]',
      "]",
      'text = """',
      "[providers.parley]",
      'url = "no"',
      '"""',
      "show = true",
      "",
      "[providers.other]",
      'url = "keep"',
      "[providers.parley]",
      'url = "http://h/v1"',
      'secret = "s"',
      'name = "a \\"b\\""',
      "",
      "[tui]",
      "theme = 'x'",
      "",
    ]);
  });

  it("puts top keys before the first table, and a new table at the end", () => {
    expect(mergedText(toml, '[tui]\ntheme = "x"\n')).toBe(
      'model = "m"\nshow = true\n\n[tui]\ntheme = "x"\n\n[providers.parley]\nurl = "http://h/v1"\nname = "a \\"b\\""\n',
    );
  });

  it("changes nothing the second time", () => {
    const once = mergedText(toml, '[tui]\ntheme = "x"\n');
    expect(mergedText(toml, once)).toBe(once);
  });

  it.each([
    ["a dotted key", 'providers.parley.url = "x"'],
    ["an inline table", 'providers = { parley = { url = "x" } }'],
    ["an inline table one level down", '[providers]\nparley = { url = "x" }'],
    ["a value without an end", "list = [\n1,"],
  ])("refuses %s", (_what, before) => {
    expect(() => mergedText(toml, before)).toThrow(/add the lines by hand/);
  });
});

describe("JSON", () => {
  it("merges objects by member and lists by name, and keeps the rest and its indent", () => {
    const before = '{\n\t"a": 1,\n\t"list": [{"name": "x", "old": 1}, {"name": "ours", "b": 1, "keep": 2}]\n}';
    const after = mergedText(json({ list: [{ name: "ours", b: 2 }, { name: "new" }], deep: { c: true } }), before);
    expect(JSON.parse(after)).toEqual({
      a: 1,
      list: [{ name: "x", old: 1 }, { name: "ours", b: 2, keep: 2 }, { name: "new" }],
      deep: { c: true },
    });
    expect(after).toContain('\n\t"a": 1');
  });

  it("takes a list of plain values as a whole", () => {
    expect(JSON.parse(mergedText(json({ list: ["b"] }), '{"list":["a"]}'))).toEqual({ list: ["b"] });
  });

  it.each(["{ // a comment\n}", "[1]", '"text"', "{"])("refuses %j", (before) => {
    expect(() => mergedText(json({ a: 1 }), before)).toThrow(/settings\.json is not plain JSON.*by hand/);
  });

  it("is not fooled by names of the language", () => {
    const after = mergedText(json({ a: 1 }), '{"__proto__": {"b": 1}, "constructor": 2}');
    expect(JSON.parse(after)).toEqual(JSON.parse('{"__proto__":{"b":1},"constructor":2,"a":1}'));
  });
});

describe("YAML", () => {
  it("keeps comments, other entries, and defaults that are there", () => {
    const before =
      "# mine\nname: My own # yes\nmodels:\n  # first\n  - name: other\n  - name: ours\n    apiBase: old\n    keep: 1\n";
    const after = mergedText(yaml, before);
    expect(after).toBe(
      "# mine\nname: My own # yes\nmodels:\n  # first\n  - name: other\n  - name: ours\n    apiBase: http://h/v1\n    keep: 1\nschema: v1\n",
    );
    expect(mergedText(yaml, after)).toBe(after);
  });

  it("adds the list where there is none", () => {
    expect(mergedText(yaml, "rules: []\n")).toBe(
      "rules: []\nname: Local\nschema: v1\nmodels:\n  - name: ours\n    apiBase: http://h/v1\n",
    );
  });

  it.each(["- a\n", "a: [\n", "text\n"])("refuses %j", (before) => {
    expect(() => mergedText(yaml, before)).toThrow(/by hand/);
  });
});

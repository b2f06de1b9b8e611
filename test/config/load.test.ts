import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { ConfigError, loadConfig } from "../../src/config/load.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function file(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "parley-config-"));
  folders.push(folder);
  const path = join(folder, "parley.yaml");
  writeFileSync(path, text);
  return path;
}

const load = (environment: Record<string, string>, flags: Record<string, unknown> = {}) =>
  loadConfig({ environment, flags });

describe("loadConfig", () => {
  it("has a default for every setting", () => {
    const config = load({});
    expect(config).toMatchObject({ host: "127.0.0.1", port: 8787, strict: false, engines: {}, sse: { done: true } });
    expect(config.server.bodyLimit).toBe(64 * 1024 * 1024);
  });

  it("lets flags override the environment, which overrides the file", () => {
    const path = file("host: 0.0.0.0\nport: 1000\nlog: warn\n");
    const config = load({ PARLEY_CONFIG: path, PARLEY_PORT: "2000", PARLEY_LOG: "error" }, { port: 3000 });
    expect([config.host, config.port, config.log]).toEqual(["0.0.0.0", 3000, "error"]);
  });

  it.each([
    "server: { heartbeatSeconds: 1e9 }",
    "server: { drainSeconds: 1e9 }",
    "engines: { a: { kind: upstream, url: 'http://x/v1', timeouts: { total: 1e9 } } }",
    "media: { download: { timeoutSeconds: 1e9 } }",
    "responses: { retentionDays: 1e9 }",
    "files: { retentionDays: 1e9 }",
  ])("refuses times that no timer can count: %s", (text) => {
    expect(() => load({ PARLEY_CONFIG: file(text) })).toThrow(/found 1000000000; must be at most/);
  });

  it.each([
    ["store: { url: 'mysql://parley:pass-word@host/db' }", "store.url"],
    ["hub: { token: 1234567890 }", "hub.token"],
    ["engines: { a: { kind: upstream, url: 'ftp://me:pass-word@host/v1' } }", "engines.a.url"],
  ])("does not show the secrets of a wrong setting: %s", (text, name) => {
    const wrong = (): unknown => load({ PARLEY_CONFIG: file(text) });
    expect(wrong).toThrow(`${name} (from `);
    expect(wrong).not.toThrow(/pass-word|1234567890/);
  });

  it("takes an empty section as not given", () => {
    const path = file("host: 127.0.0.2\nserver:\n  # heartbeatSeconds: 5\nsse:\n  done:\n");
    const config = load({ PARLEY_CONFIG: path });
    expect([config.host, config.server.heartbeatSeconds, config.sse.done]).toEqual(["127.0.0.2", 15, true]);
  });

  it("is frozen to the bottom", () => {
    const config = load({});
    expect(() => {
      (config.sse as { done: boolean }).done = false;
    }).toThrow(TypeError);
  });

  it("reads keys from a list and never shows them", () => {
    const config = load({ PARLEY_API_KEYS: "sk-one-two-three, sk-four-five-six" });
    expect(config.apiKeys.map((key) => key.reveal())).toEqual(["sk-one-two-three", "sk-four-five-six"]);
    expect(JSON.stringify(config)).not.toContain("sk-one");
  });

  it.each([
    ["*", ["*"]],
    ["https://App.example.com:443, loopback", ["https://app.example.com", "loopback"]],
    ["app://Obsidian.md,null", ["app://obsidian.md", "null"]],
  ])("reads the origins %s", (text, origins) => {
    expect(load({ PARLEY_CORS_ORIGINS: text }).cors.origins).toEqual(origins);
  });

  it.each(["https://app.example.com/", "app.example.com", "https://*.example.com", "https://a:99999", ""])(
    "refuses the origin %j by name",
    (one) => {
      expect(() => load({}, { cors: { origins: [one] } })).toThrow(/^cors\.origins .*https:\/\/app\.example\.com\)$/);
    },
  );

  it("resolves secrets by reference", () => {
    const secret = file("the-upstream-key\n");
    const path = file(
      `engines:\n  a: { kind: upstream, url: "http://127.0.0.1:1/v1", key: { env: A_KEY } }\n` +
        `  b: { kind: upstream, url: "http://127.0.0.1:1/v1", key: { file: ${JSON.stringify(secret)} } }\n`,
    );
    const { engines } = load({ PARLEY_CONFIG: path, A_KEY: "from-environment" });
    expect(Object.values(engines).map((one) => ("key" in one ? one.key?.reveal() : ""))).toEqual([
      "from-environment",
      "the-upstream-key",
    ]);
  });

  it("finds a text by reference from the folder of the file", () => {
    const path = file(
      `engines:\n  a: { kind: upstream, url: "http://127.0.0.1:1/v1", template: { file: ./chat.jinja } }\n` +
        `  b: { kind: upstream, url: "http://127.0.0.1:1/v1", template: { file: ./none.jinja } }\n`,
    );
    const one = (name: string): void => writeFileSync(join(dirname(path), name), "{{ messages }}\n");
    one("chat.jinja");
    expect(() => load({ PARLEY_CONFIG: path })).toThrow(
      `engines.b.template: cannot read the file ${join(dirname(path), "none.jinja")}`,
    );
    one("none.jinja");
    expect(load({ PARLEY_CONFIG: path }).engines).toMatchObject({ a: { template: "{{ messages }}" } });
  });

  it.each([
    ["embedded", { kind: "llama", model: "builtin" }],
    ["sim", { kind: "sim" }],
    ["/models/a.gguf", { kind: "llama", model: "/models/a.gguf" }],
    ["http://127.0.0.1:8000/v1", { kind: "upstream", url: [{ url: "http://127.0.0.1:8000/v1", weight: 1 }] }],
  ])("takes the engine %s in short form", (engine, expected) => {
    expect(load({ PARLEY_ENGINE: engine }).engines).toMatchObject({ default: expected });
  });

  const wrong: [string, Record<string, string>, Record<string, unknown>, RegExp][] = [
    ["port over the range", { PARLEY_PORT: "70000" }, {}, /^port \(from PARLEY_PORT\): found 70000; .*65535/],
    ["port that is no number", { PARLEY_PORT: "http" }, {}, /^port \(from PARLEY_PORT\): found "http"; .*number/],
    ["unknown log level", {}, { log: "loud" }, /^log \(from --log\): found "loud"; .*debug/],
    ["unknown engine word", { PARLEY_ENGINE: "warp" }, {}, /^engine: found "warp"; allowed are "embedded"/],
    ["short key", { PARLEY_API_KEYS: "abc" }, {}, /^apiKeys\.0 \(from PARLEY_API_KEYS\): found \*\*\*; .*8 characters/],
    ["missing file", { PARLEY_CONFIG: "/nonexistent/parley.yaml" }, {}, /^config: cannot read \/nonexistent/],
  ];
  it.each(wrong)(
    "names a wrong setting, what was found and what is allowed: %s",
    (_name, environment, flags, message) => {
      expect(() => load(environment, flags)).toThrow(ConfigError);
      expect(() => load(environment, flags)).toThrow(message);
    },
  );

  it.each([
    ["sse:\n  dome: true\n", /^sse\.dome: unknown setting/],
    ["models:\n  x: { engine: nowhere }\n", /^models\.x\.engine: found "nowhere"; allowed are the engines/],
    ["- a\n- b\n", /must hold settings by name, found a list/],
    ["a: [", /is not valid YAML/],
    ["engines:\n  a: { kind: warp }\n", /^engines\.a\.kind/],
    ["apiKeys: [{ env: NOT_SET_ANYWHERE }]\n", /^apiKeys\[0\]: environment variable NOT_SET_ANYWHERE is not set/],
  ])("refuses the file %j", (text, message) => {
    expect(() => load({ PARLEY_CONFIG: file(text) })).toThrow(message);
  });

  it("knows the variables that the file refers to, whatever they are called", () => {
    const settings = file("apiKeys: [{ env: PARLEY_CI_KEY }]\n");
    const loaded = load({ PARLEY_CONFIG: settings, PARLEY_CI_KEY: "sk-ci-0123456789" });
    expect(loaded.apiKeys[0]?.reveal()).toBe("sk-ci-0123456789");
    const other = { PARLEY_CONFIG: settings, PARLEY_CI_KEY: "sk-ci-0123456789", PARLEY_CI_KEI: "x" };
    expect(() => load(other)).toThrow(/^PARLEY_CI_KEI: unknown environment variable/);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { createApp, type App } from "../../src/app.ts";
import { loadConfig } from "../../src/config/load.ts";
import { openStore } from "../../src/store/open.ts";
import { silentLog } from "../../src/telemetry/log.ts";

const cleanup: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const one of cleanup.splice(0).reverse()) await one();
});

function configFile(): { load: (text: string) => ReturnType<typeof loadConfig> } {
  const folder = mkdtempSync(join(tmpdir(), "parley-reload-"));
  const path = join(folder, "parley.yaml");
  cleanup.push(() => rmSync(folder, { recursive: true, force: true }));
  return {
    load: (text) => {
      writeFileSync(path, text);
      return loadConfig({ environment: { PARLEY_CONFIG: path }, flags: {} });
    },
  };
}

async function appWith(config: ReturnType<typeof loadConfig>): Promise<App> {
  const app = await createApp(config, { log: silentLog, store: await openStore() });
  cleanup.push(() => app.close(0));
  return app;
}

const two = "engines:\n  a: { kind: sim }\n  b: { kind: upstream, url: 'http://127.0.0.1:9/v1', key: secret-one }\n";

it("keeps engines whose settings stay, opens the others anew, and follows the models", async () => {
  const file = configFile();
  const app = await appWith(file.load(two));
  const before = new Map(app.catalog.engines());
  expect(await app.reload(file.load(`${two}models:\n  mine: { engine: b, like: MiniMax-M2 }\n`))).toEqual([]);
  expect(app.catalog.engines().get("a")).toBe(before.get("a"));
  expect(app.catalog.engines().get("b")).toBe(before.get("b"));
  expect(await app.models.describe()).toContainEqual({ model: "mine", engine: "b (upstream)", engineModel: "mine" });

  await app.reload(file.load(two.replace("secret-one", "secret-two")));
  expect(app.catalog.engines().get("a")).toBe(before.get("a"));
  expect(app.catalog.engines().get("b")).not.toBe(before.get("b"));
  expect(() => app.models.card("mine")).toThrow("unknown model 'mine'");
});

it("is ready when its engines are, whatever becomes of those that left while they were loading", async () => {
  const file = configFile();
  const slow = join(mkdtempSync(join(tmpdir(), "parley-slow-")), "llama-server");
  writeFileSync(slow, "#!/bin/sh\nexec sleep 60\n", { mode: 0o700 });
  cleanup.push(() => rmSync(dirname(slow), { recursive: true, force: true }));
  const server = `apiKeys: [sk-test-0123456789]\nport: 0\n`;
  const config = file.load(`${server}engines:\n  a: { kind: llama-server, binary: ${slow}, model: none.gguf }\n`);
  const app = await appWith(config);
  const { url } = await app.listen();
  const ready = async (): Promise<unknown> => (await fetch(`${url}/readyz`)).json();
  expect(await ready()).toMatchObject({ engines: { a: "loading" } });
  const retired = app.catalog.engines().get("a");
  await app.reload(file.load(`${server}engines:\n  a: { kind: sim }\n`));
  await expect.poll(() => retired?.open?.().catch((error: Error) => error.message)).toBe("the engine is closed");
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await ready()).toEqual({ status: "ready", store: "ready", engines: { a: "ready" } });
});

it("refuses settings that take the guard model away, and stays as it was", async () => {
  const file = configFile();
  const guarded = `${two}models:\n  guard: { engine: a, like: MiniMax-M2 }\n`;
  const moderation =
    "moderation:\n  model:\n    model: guard\n    verdicts: [{ pattern: unsafe, category: 1, severity: severe }]\n";
  const app = await appWith(file.load(guarded + moderation));
  const before = app.catalog.engines();
  await expect(app.reload(file.load(two + moderation))).rejects.toThrow(/moderation.model.model: found "guard"/);
  expect(app.catalog.engines()).toEqual(before);
  expect(await app.reload(file.load(guarded + moderation))).toEqual([]);
  expect(app.catalog.engines().get("a")).toBe(before.get("a"));
});

it("names the changes that need a restart", async () => {
  const file = configFile();
  const app = await appWith(file.load(two));
  expect(await app.reload(file.load(`${two}port: 9999\nsse: { done: false }\n`))).toEqual(["port", "sse"]);
});

it("takes over limits for the next request", async () => {
  const file = configFile();
  const server = "apiKeys: [sk-test-0123456789]\nport: 0\nengines:\n  a: { kind: sim }\n";
  const app = await appWith(file.load(server));
  const { url } = await app.listen();
  const ask = async (): Promise<number> => {
    const headers = { authorization: "Bearer sk-test-0123456789" };
    const body = JSON.stringify({ model: "MiniMax-M3", messages: [{ role: "user", content: "hi" }] });
    return (await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body })).status;
  };
  expect([await ask(), await ask()]).toEqual([200, 200]);
  expect(await app.reload(file.load(`${server}limits: { key: { requestsPerMinute: 1 } }\n`))).toEqual([]);
  expect([await ask(), await ask()]).toEqual([200, 429]);
  await app.reload(file.load(server));
  expect(await ask()).toBe(200);
});

it("takes over static keys, admin keys, declared keys and word files for the next request", async () => {
  const file = configFile();
  const words = join(mkdtempSync(join(tmpdir(), "parley-words-")), "words.txt");
  cleanup.push(() => rmSync(dirname(words), { recursive: true, force: true }));
  writeFileSync(words, "[1]\nforbidden\n");
  const text = (keys: { api: string; admin: string; declared: string; tag: string }): string =>
    `apiKeys: [${keys.api}]\nadminKeys: [${keys.admin}]\nport: 0\nengines:\n  a: { kind: sim }\n` +
    `organisations:\n  team: { budget: { day: 5 } }\n` +
    `keys:\n  ${keys.declared}: { secret: sk-declared-0123456789, organisation: team, tags: [${keys.tag}] }\n` +
    `moderation: { words: { files: [${words}] } }\n`;
  const before = { api: "sk-first-0123456789", admin: "admin-first-0123456789", declared: "ci", tag: "a" };
  const after = { api: "sk-second-0123456789", admin: "admin-second-0123456789", declared: "ci", tag: "b" };
  const app = await appWith(file.load(text(before)));
  const { url } = await app.listen();
  const status = async (path: string, key: string, content?: string): Promise<number> => {
    const body = JSON.stringify({ model: "MiniMax-M3", messages: [{ role: "user", content }] });
    const init = content === undefined ? {} : { method: "POST", body };
    return (await fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${key}` } })).status;
  };
  const chat = (key: string, content = "hi"): Promise<number> => status("/v1/chat/completions", key, content);
  const all = async (): Promise<number[]> => [
    await chat(before.api),
    await chat(after.api),
    await status("/admin/api/keys", before.admin),
    await status("/admin/api/keys", after.admin),
    await chat("sk-declared-0123456789"),
  ];
  expect(await all()).toEqual([200, 401, 200, 401, 200]);
  expect([await chat(before.api, "forbidden"), await chat(before.api, "unheard")]).toEqual([422, 200]);
  writeFileSync(words, "[1]\nunheard\n");
  expect(await app.reload(file.load(text(after)))).toEqual([]);
  expect(await all()).toEqual([401, 200, 401, 200, 200]);
  expect([await chat(after.api, "forbidden"), await chat(after.api, "unheard")]).toEqual([200, 422]);
  expect(await app.admin.key("ci")).toMatchObject({ tags: ["b"], declared: true });
  await app.reload(file.load(text({ ...after, declared: "other" }).replace("sk-declared", "sk-another")));
  expect(await chat("sk-declared-0123456789")).toBe(401);
  expect(await app.admin.key("ci")).toMatchObject({ disabled: true, declared: false });
  writeFileSync(words, "no heading\n");
  await expect(app.reload(file.load(text(before)))).rejects.toThrow(/moderation.words: .*words.txt:1/);
  expect(await chat(after.api)).toBe(200);
});

it("refuses declared keys that cannot be used, naming the setting", () => {
  const file = configFile();
  const load = (key: string): unknown => file.load(`keys:\n  ci: ${key}\n`);
  expect(() => load("{ owner: anna }")).toThrow(/keys.ci .*needs either secret or hash/);
  expect(() => load("{ secret: short }")).toThrow(/keys.ci.secret .*at least 16 characters/);
  expect(() => load("{ hash: md5:1 }")).toThrow(/keys.ci.hash/);
  expect(() => load("{ secret: { env: NOT_SET } }")).toThrow(/keys.ci.secret: environment variable NOT_SET is not set/);
});

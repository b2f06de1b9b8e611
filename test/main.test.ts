/** The package's entry: from the sources, and as a consumer has it after the build. */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  globSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ConfigError, createApp, type Server, type Settings } from "../src/main.ts";
import { startParley } from "../src/testing.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

async function chat(url: string, key: string, content: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: "MiniMax-M3",
      messages: [{ role: "user", content }],
      thinking: { type: "disabled" },
    }),
  });
  const body = (await response.json()) as { choices?: { message: { content: string } }[] };
  return { status: response.status, text: body.choices?.[0]?.message.content ?? "" };
}

async function using(settings: Settings, use: (server: Server, url: string) => Promise<void>): Promise<void> {
  const server = await createApp(settings);
  try {
    await use(server, (await server.listen()).url);
  } finally {
    await server.close();
  }
}

describe("createApp", () => {
  it("answers with a key of its own on a free port, and leaves nothing behind", async () => {
    const folder = mkdtempSync(join(tmpdir(), "parley-main-"));
    const usual = process.env["TMPDIR"];
    process.env["TMPDIR"] = folder;
    try {
      await using({ engine: "sim" }, async (server, url) => {
        expect(readdirSync(folder)).toHaveLength(1);
        // so long that no pool of random bytes holds it
        expect(server.apiKey).toMatch(/^sk-[0-9a-f]{40}$/);
        expect(await chat(url, server.apiKey, "Say: hi")).toEqual({ status: 200, text: "hi" });
        expect((await chat(url, "sk-another-key", "Say: hi")).status).toBe(401);
      });
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      if (usual === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = usual;
      rmSync(folder, { recursive: true });
    }
  });

  it("takes settings as the file has them, scripted answers among them", async () => {
    const answers = [{ when: { contains: "weather" }, answer: "Sunny." }];
    const engines: Settings["engines"] = { sim: { kind: "sim", strict: true, answers } };
    await using({ apiKeys: ["sk-test-0123456789"], engines }, async (server, url) => {
      expect(server.apiKey).toBe("sk-test-0123456789");
      expect(await chat(url, server.apiKey, "The weather?")).toEqual({ status: 200, text: "Sunny." });
      expect((await chat(url, server.apiKey, "The time?")).status).toBe(404);
    });
  });

  it("listens where it is asked to, and several live side by side", async () => {
    const [one, other] = await Promise.all([createApp({ engine: "sim" }), createApp({ engine: "sim" })]);
    const first = await one.listen({ host: "127.0.0.1", port: 0 });
    const { port } = new URL(first.url);
    await expect(other.listen({ port: Number(port) })).rejects.toThrow(/EADDRINUSE/);
    await Promise.all([one.close(), other.close()]);
  });

  it("is one process", async () => {
    await expect(createApp({ workers: 2 })).rejects.toThrow(
      "workers: found 2; a server inside a program is one process; parley serve starts workers",
    );
  });

  it("says which setting is wrong", async () => {
    const wrong = { engines: { sim: { kind: "sim", slots: -1 } } } as const;
    await expect(createApp(wrong)).rejects.toThrow(ConfigError);
    await expect(createApp(wrong)).rejects.toThrow(/^engines\.sim\.slots: found -1;/);
    await expect(createApp({ engines: { sim: { kind: "sim", script: "none.yaml" } } })).rejects.toThrow(
      /script: none\.yaml: ENOENT/,
    );
  });
});

describe("startParley", () => {
  it("starts the simulator with the answers it is given, and keeps what was asked", async () => {
    const parley = await startParley({
      strict: true,
      answers: [{ when: { contains: "weather" }, answer: "Sunny." }],
      settings: { apiKeys: ["sk-test-0123456789"] },
    });
    try {
      expect(parley).toMatchObject({
        key: "sk-test-0123456789",
        url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      });
      expect(await chat(parley.url, parley.key, "The weather?")).toEqual({ status: 200, text: "Sunny." });
      expect((await chat(parley.url, parley.key, "The time?")).status).toBe(404);
      expect(parley.requests()).toHaveLength(2);
    } finally {
      await parley.stop();
    }
    await expect(fetch(parley.url)).rejects.toThrow();
  });

  it("says which setting is wrong", async () => {
    await expect(startParley({ slots: -1 })).rejects.toThrow(/^engines\.sim\.slots: found -1;/);
  });
});

interface LockEntry {
  dev?: boolean;
  optional?: boolean;
  peer?: boolean;
  devOptional?: boolean;
  link?: boolean;
  bin?: unknown;
  hasInstallScript?: boolean;
}

const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
  packages: Record<string, LockEntry>;
};
/** What a consumer gets with the package: no development dependency, and no optional part. */
const installed = Object.entries(lock.packages).filter(
  ([path, { dev, devOptional, link }]) => path.startsWith("node_modules/") && !(dev ?? devOptional ?? link ?? false),
);

describe("the package", () => {
  it("takes less than 60 MB with all it needs, runs no install script and brings no Node", () => {
    expect(installed.filter(([, entry]) => entry.hasInstallScript === true)).toEqual([]);
    expect(
      installed.filter(([path]) => /node_modules\/(?:node(?:-.*)?$|sharp$|pg$|@img|@seydx|@node-llama-cpp)/.test(path)),
    ).toEqual([]);
    const bytes = [...installed.map(([path]) => path), "bin", "src", "docs"].map((path) => sizeOf(join(root, path)));
    const model = statSync(join(root, "model/tiny-chat.gguf")).size;
    // JavaScript and its types are shorter than twice the sources
    expect((bytes.reduce((sum, one) => sum + one, 0) + 2 * sizeOf(join(root, "src")) + model) / 1e6).toBeLessThan(60);
  });

  it("is imported by its name, with its types, and names what it lacks", () => {
    const consumer = mkdtempSync(join(tmpdir(), "parley-consumer-"));
    try {
      const parley = join(consumer, "node_modules", "@parley-ai", "parley");
      mkdirSync(parley, { recursive: true });
      const tsc = join(root, "node_modules/typescript/bin/tsc");
      const build = ["-p", join(root, "tsconfig.build.json"), "--outDir", join(parley, "dist")];
      expect(spawnSync(process.execPath, [tsc, ...build], { encoding: "utf8" })).toMatchObject({
        status: 0,
        stdout: "",
      });
      for (const name of ["package.json", "model"]) cpSync(join(root, name), join(parley, name), { recursive: true });
      for (const [path] of installed) {
        mkdirSync(dirname(join(consumer, path)), { recursive: true });
        // no symbolic link, which would be followed to this checkout, which has the optional packages
        linkFiles(join(root, path), join(consumer, path));
      }
      writeFileSync(join(consumer, "package.json"), '{"type":"module"}');
      writeFileSync(join(consumer, "use.ts"), consumerSource);
      // every file of types is checked: they must not need what a consumer does not have
      const checked = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2024", "--types", "", "use.ts"];
      const check = spawnSync(process.execPath, [tsc, ...checked], { cwd: consumer, encoding: "utf8" });
      expect(check).toMatchObject({ status: 0, stdout: "" });
      const run = spawnSync(process.execPath, ["use.ts"], { cwd: consumer, encoding: "utf8" });
      expect(run.stderr).toBe("");
      expect(run.stdout.split("\n")).toEqual([
        "200",
        "Sunny.",
        expect.stringMatching(/^the package node-llama-cpp, .* is not installed; .*: npm install node-llama-cpp@3;/),
        expect.stringMatching(/^store\.url: the package pg, .* is not installed; .*: npm install pg@8$/),
        expect.stringMatching(
          /image_url: cannot be read by this server: the package sharp, .*: npm install sharp@0\.35/,
        ),
        "",
      ]);
    } finally {
      rmSync(consumer, { recursive: true });
    }
  }, 180_000);
});

/** The same files at another place: second names of them where the disk allows that, else copies. */
function linkFiles(from: string, to: string): void {
  for (const entry of globSync("**", { cwd: from, withFileTypes: true }).filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const target = join(to, relative(from, path));
    mkdirSync(dirname(target), { recursive: true });
    try {
      linkSync(path, target);
    } catch {
      copyFileSync(path, target);
    }
  }
}

function sizeOf(folder: string): number {
  const files = globSync("**", { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

const pixel =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const consumerSource = `
import { createApp, type Server } from "@parley-ai/parley";
import { startParley, type TestServer } from "@parley-ai/parley/testing";
const server: Server = await createApp({ engines: { sim: { kind: "sim", tokensPerBatch: 4 } } });
const { url } = await server.listen({ port: 0 });
const response = await fetch(url + "/v1/models", { headers: { authorization: "Bearer " + server.apiKey } });
console.log(response.status);
await server.close();
// @ts-expect-error the settings are typed
if (response.status === 0) await createApp({ engines: { sim: { kind: "sim", slots: "many" } } });
// @ts-expect-error and those of the simulator
if (response.status === 0) await startParley({ slots: "many" });

const parley: TestServer = await startParley({ answers: [{ when: { contains: "weather" }, answer: "Sunny." }] });
const chat = async (content: unknown): Promise<any> => {
  const body = JSON.stringify({ model: "MiniMax-M3", messages: [{ role: "user", content }], thinking: { type: "disabled" } });
  const headers = { authorization: "Bearer " + parley.key };
  return (await fetch(parley.url + "/v1/chat/completions", { method: "POST", headers, body })).json();
};
console.log((await chat("The weather?")).choices[0].message.content);
console.log(await createApp().catch((error: Error) => error.message));
console.log(await createApp({ store: { url: "postgres://nobody@127.0.0.1/none" } }).catch((error: Error) => error.message));
console.log((await chat([{ type: "image_url", image_url: { url: "${pixel}" } }])).error.message);
await parley.stop();
`;

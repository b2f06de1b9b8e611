/** The package's entry: from the sources, and as a consumer has it after the build. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ConfigError, createApp, type Server, type Settings } from "../src/main.ts";

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

  it("says which setting is wrong", async () => {
    const wrong = { engines: { sim: { kind: "sim", slots: -1 } } } as const;
    await expect(createApp(wrong)).rejects.toThrow(ConfigError);
    await expect(createApp(wrong)).rejects.toThrow(/^engines\.sim\.slots: found -1;/);
    await expect(createApp({ engines: { sim: { kind: "sim", script: "none.yaml" } } })).rejects.toThrow(
      /script: none\.yaml: ENOENT/,
    );
  });
});

describe("the package", () => {
  it("is imported by its name, with its types", () => {
    const consumer = mkdtempSync(join(tmpdir(), "parley-consumer-"));
    try {
      const parley = join(consumer, "node_modules", "parley");
      mkdirSync(parley, { recursive: true });
      const tsc = join(root, "node_modules/typescript/bin/tsc");
      const build = ["-p", join(root, "tsconfig.build.json"), "--outDir", join(parley, "dist")];
      expect(spawnSync(process.execPath, [tsc, ...build], { encoding: "utf8" })).toMatchObject({
        status: 0,
        stdout: "",
      });
      for (const name of ["package.json", "model"]) cpSync(join(root, name), join(parley, name), { recursive: true });
      symlinkSync(join(root, "node_modules"), join(parley, "node_modules"));
      writeFileSync(join(consumer, "package.json"), '{"type":"module"}');
      writeFileSync(join(consumer, "use.ts"), consumerSource);
      const checked = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2024", "--skipLibCheck"];
      const types = ["--typeRoots", join(root, "node_modules/@types"), "--types", "node", "use.ts"];
      const check = spawnSync(process.execPath, [tsc, ...checked, ...types], { cwd: consumer, encoding: "utf8" });
      expect(check).toMatchObject({ status: 0, stdout: "" });
      const run = spawnSync(process.execPath, ["use.ts"], { cwd: consumer, encoding: "utf8" });
      expect(run).toMatchObject({ status: 0, stdout: "200\n" });
    } finally {
      rmSync(consumer, { recursive: true });
    }
  }, 60_000);
});

const consumerSource = `
import { createApp, type Server } from "parley";
const server: Server = await createApp({ engines: { sim: { kind: "sim", tokensPerBatch: 4 } } });
const { url } = await server.listen({ port: 0 });
const response = await fetch(url + "/v1/models", { headers: { authorization: "Bearer " + server.apiKey } });
console.log(response.status);
await server.close();
// @ts-expect-error the settings are typed
if (response.status === 0) await createApp({ engines: { sim: { kind: "sim", slots: "many" } } });
`;

/** `parley backup` of a server that is being used, `parley restore`, and a server on what was restored. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listens, Workplace } from "./command.ts";

const simulator = { PARLEY_ENGINE: "sim", PARLEY_PORT: "0", PARLEY_LOG: "warn" };

let place: Workplace;
let folder: string;
beforeEach(() => {
  place = new Workplace();
  folder = mkdtempSync(join(tmpdir(), "parley-backup-test-"));
});
afterEach(async () => {
  await place.stop();
  rmSync(folder, { recursive: true });
});

async function serve(environment: Record<string, string> = {}) {
  const command = place.start(["serve"], { ...simulator, ...environment });
  return { command, url: (await command.says(listens))[1] ?? "" };
}

function call(url: string, key: string, path: string, body?: unknown): Promise<Response> {
  const headers = { authorization: `Bearer ${key}` };
  const init = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
  return fetch(`${url}${path}`, init);
}

function ask(url: string, key: string): Promise<Response> {
  return call(url, key, "/v1/chat/completions", {
    model: "MiniMax-M3",
    messages: [{ role: "user", content: "Say: hi" }],
  });
}

async function requests(data: string): Promise<number> {
  const { stdout } = await place.run(["usage", "--by", "model", "--json", "--data", data]);
  return (JSON.parse(stdout) as { requests: number }[]).reduce((sum, row) => sum + row.requests, 0);
}

async function upload(url: string, key: string): Promise<number> {
  const form = new FormData();
  form.set("purpose", "video_generation_input");
  form.set("file", new Blob([Buffer.from(pixel, "base64")]), "pixel.png");
  const response = await fetch(`${url}/v1/files/upload`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: form,
  });
  return ((await response.json()) as { file: { file_id: number } }).file.file_id;
}

const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

describe("a backup of a running server", { timeout: 60_000 }, () => {
  it("holds all that was there when it began, and a server on it goes on", async () => {
    const { command, url } = await serve();
    const key = (await command.says(/sk-parley-[0-9a-f]{40}/))[0];
    const file = await upload(url, key);
    const stored = (await (
      await call(url, key, "/v1/responses", { model: "MiniMax-M3", input: "Say: hi", store: true })
    ).json()) as { id: string };
    // requests go on all the time
    let answered = 0;
    let goesOn = true;
    const worker = async (): Promise<void> => {
      while (goesOn) if ((await ask(url, key)).status === 200) answered += 1;
    };
    const workers = [worker(), worker()];
    while (answered < 20) await new Promise((resolve) => setTimeout(resolve, 5));
    const before = answered;
    const archive = join(folder, "parley.tar.gz");
    const made = await place.run(["backup", archive, "--json"]);
    const after = answered;
    goesOn = false;
    await Promise.all(workers);
    expect(made).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(made.stdout)).toMatchObject({ file: archive, files: 1 });
    expect(after).toBeGreaterThan(before);
    expect(statSync(archive).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["parley.tar.gz"]);

    // beside the one that still runs
    const data = join(folder, "restored");
    const restored = await place.run(["restore", archive, "--data", data]);
    expect(restored).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining(data) });
    const second = await serve({ PARLEY_DATA: data });
    expect(await ask(second.url, key)).toMatchObject({ status: 200 });
    expect(await call(second.url, key, `/v1/responses/${stored.id}`)).toMatchObject({ status: 200 });
    const content = await call(second.url, key, `/v1/files/retrieve_content?file_id=${file}`);
    expect(Buffer.from(await content.arrayBuffer()).toString("base64")).toBe(pixel);
    second.command.signal("SIGTERM");
    expect((await second.command.ended).code).toBe(0);
    // the stored response and the request after the restore besides
    expect(await requests(data)).toBeGreaterThanOrEqual(before + 2);
    expect(await requests(data)).toBeLessThanOrEqual(after + 4);
  });

  it("goes to standard output and comes from standard input", async () => {
    await place.run(["keys", "create", "--name", "ci"]);
    const bin = join(import.meta.dirname, "../../bin/parley.js");
    const run = (args: readonly string[], data: string, input?: Buffer) =>
      spawnSync(process.execPath, [bin, ...args, "--data", data], { input, env: { PATH: process.env["PATH"] } });
    const made = run(["backup", "-"], place.data);
    expect(made.stderr.toString()).toMatch(
      /^the database and 0 uploaded files \(0\.\d MB\) of .* are in standard output\n$/,
    );
    expect(made.stdout.subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
    const data = join(folder, "restored");
    expect(run(["restore", "-"], data, made.stdout).status).toBe(0);
    expect(run(["keys", "list", "--json"], data).stdout.toString()).toContain('"name":"ci"');
  });
});

it("what is wrong is one sentence", { timeout: 60_000 }, async () => {
  const said = async (args: readonly string[], environment: Record<string, string> = {}): Promise<string> => {
    const { code, stderr } = await place.run(args, environment);
    expect([code, stderr.split("\n").length]).toEqual([2, 2]);
    return stderr;
  };
  const file = join(folder, "x");
  expect(await said(["backup", file])).toMatch(/holds no database; name the data folder/);
  await place.run(["keys", "list"]);
  expect(await said(["backup", join(folder, "none/x")])).toMatch(/ENOENT.*none/);
  writeFileSync(file, "mine");
  expect(await said(["backup", file])).toMatch(/--force replaces it/);
  expect(await said(["restore", join(folder, "none.tar.gz")])).toMatch(/ENOENT.*none\.tar\.gz/);
  const postgres = { PARLEY_STORE_URL: "postgres://parley:secret@127.0.0.1:1/parley" };
  for (const [name, tool] of [
    ["backup", "pg_dump"],
    ["restore", "pg_restore"],
  ] as const) {
    const sentence = await said([name, join(folder, "y")], postgres);
    expect(sentence).toContain(tool);
    expect(sentence).not.toContain("secret");
  }
});

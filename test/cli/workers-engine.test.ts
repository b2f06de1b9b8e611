/** Several processes that serve one port and share the process of an embedded model. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runs } from "../engine/process/running.ts";
import { listens, Workplace, type RunningCommand } from "./command.ts";

const key = "sk-test-0123456789";
let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.stop());

const settings = {
  port: 0,
  workers: 2,
  apiKeys: [key],
  server: { shutdownDelaySeconds: 0 },
  engines: { tiny: { kind: "llama" }, sim: { kind: "sim" } },
  models: { "MiniMax-M2": { engine: "tiny" }, "MiniMax-M3": { engine: "sim" } },
};

interface Served {
  command: RunningCommand;
  url: string;
  file: string;
}

async function serve(): Promise<Served> {
  const file = join(place.data, "parley.yaml");
  writeFileSync(file, JSON.stringify(settings));
  const command = place.start(["serve", "--config", file]);
  const url = (await command.says(listens))[1] ?? "";
  await command.says(/all workers serve/);
  await expect.poll(() => ready(url), { timeout: 20_000 }).toBe(200);
  return { command, url, file };
}

const ready = async (url: string): Promise<number> =>
  (await fetch(`${url}/readyz`, { headers: { connection: "close" } })).status;

/** Processes of engines that the command has started. */
function enginesOf({ command }: Pick<Served, "command">): number[] {
  const { pid } = command.child;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  return children.filter((one) => readFileSync(`/proc/${one}/cmdline`, "utf8").includes("engine/process/main"));
}

/** Folders of sockets that the command has made. */
function foldersOf({ command }: Pick<Served, "command">): string[] {
  return readdirSync(tmpdir()).filter(
    (name) => name.startsWith("parley-engine-") && name.includes(`-${command.child.pid}-`),
  );
}

/** On a connection of its own, so that workers take turns. */
async function chat(url: string, model: string): Promise<number> {
  const headers = { authorization: `Bearer ${key}`, connection: "close", "content-type": "application/json" };
  const body = JSON.stringify({ model, max_tokens: 4, messages: [{ role: "user", content: "Say hello" }] });
  const answer = await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body });
  await answer.text();
  return answer.status;
}

async function several(url: string, model: string): Promise<number[]> {
  return Promise.all(Array.from({ length: 6 }, () => chat(url, model)));
}

const allFine = Array.from({ length: 6 }, () => 200);

describe("an embedded model and two workers", () => {
  it("is loaded once, started again when it dies, and exchanged by a reload", async () => {
    const served = await serve();
    const { url, file } = served;
    expect(await several(url, "MiniMax-M2")).toEqual(allFine);
    const [first = 0, ...others] = enginesOf(served);
    expect(others).toEqual([]);

    process.kill(first, "SIGSEGV");
    expect(await several(url, "MiniMax-M3")).toEqual(allFine);
    await expect.poll(() => several(url, "MiniMax-M2"), { timeout: 30_000, interval: 500 }).toEqual(allFine);
    const [second = 0] = enginesOf(served);
    expect([second === first, runs(first)]).toEqual([false, false]);

    const engines = { ...settings.engines, tiny: { kind: "llama", contextSize: 1024 } };
    writeFileSync(file, JSON.stringify({ ...settings, engines }));
    served.command.child.kill("SIGHUP");
    await served.command.says(/settings read again/);
    await expect.poll(() => runs(second), { timeout: 20_000 }).toBe(false);
    expect(await several(url, "MiniMax-M2")).toEqual(allFine);
    expect(enginesOf(served)).toHaveLength(1);

    // as a service manager does: to all
    for (const pid of enginesOf(served)) process.kill(pid, "SIGTERM");
    const [last = 0] = enginesOf(served);
    served.command.signal("SIGTERM");
    expect((await served.command.ended).code).toBe(0);
    expect([runs(last), foldersOf(served)]).toEqual([false, []]);
  }, 120_000);

  it("ends with a supervisor that is killed, and leaves nothing behind", async () => {
    const served = await serve();
    const [engine = 0] = enginesOf(served);
    expect(foldersOf(served)).toHaveLength(1);
    served.command.child.kill("SIGKILL");
    await served.command.ended;
    await expect.poll(() => runs(engine), { timeout: 10_000 }).toBe(false);
    expect(foldersOf(served)).toEqual([]);
  }, 60_000);
});

/** Several processes that serve one port: started, signalled, killed and replaced. */
import { readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqlite } from "../../src/store/sqlite.ts";
import { listens, hundredWords, Workplace, type RunningCommand } from "./command.ts";

/** For what several processes do on a busy machine. */
const pollLimit = { timeout: 10_000 };
const key = "sk-test-0123456789";

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.stop());

interface Served {
  command: RunningCommand;
  url: string;
  file: string;
}

type Settings = Record<string, unknown>;

const sim = (speed?: number): Settings => ({
  engines: { sim: { kind: "sim", ...(speed === undefined ? {} : { decodeTokensPerSecond: speed }) } },
});

async function serve(settings: Settings = sim(), environment: Record<string, string> = {}): Promise<Served> {
  const file = join(place.data, "parley.yaml");
  const server = { shutdownDelaySeconds: 0 };
  writeFileSync(file, JSON.stringify({ port: 0, workers: 2, apiKeys: [key], server, ...settings }));
  const command = place.start(["serve", "--config", file], environment);
  const url = (await command.says(listens))[1] ?? "";
  await command.says(/all workers serve/);
  return { command, url, file };
}

/** Process ids of the workers. */
function workersOf({ command }: Served): number[] {
  const { pid } = command.child;
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}

/** On a connection of its own, so that workers take turns. */
function ask(
  url: string,
  body?: object,
  method = body === undefined ? "GET" : "POST",
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}` };
    const sent = request(url, { method, agent: new Agent(), headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      answer.on("error", reject);
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function chat(url: string, more: object = {}): Promise<{ status: number; text: string }> {
  const messages = [{ role: "user", content: `Repeat exactly: ${hundredWords}` }];
  return ask(`${url}/v1/chat/completions`, { model: "MiniMax-M3", thinking: { type: "disabled" }, messages, ...more });
}

async function metric(url: string, series: string): Promise<number> {
  const { text } = await ask(`${url}/metrics`);
  const line = text.split("\n").find((one) => one.startsWith(series));
  return Number(line?.slice(line.lastIndexOf(" ") + 1) ?? 0);
}

const chats = 'parley_http_requests_total{route="/v1/chat/completions",method="POST",status="200"}';

describe("workers", () => {
  it("serve one port in turns, with one screen, one first key and one set of metrics", async () => {
    const served = await serve({ ...sim(), apiKeys: [] });
    const { command, url } = served;
    const shown = command.stdout.match(/sk-parley-[0-9a-f]{40}$/gm);
    expect(shown).toHaveLength(1);
    expect(workersOf(served)).toHaveLength(2);
    for (let count = 0; count < 6; count += 1) await ask(`${url}/healthz`);
    for (let count = 0; count < 3; count += 1) {
      expect(await metric(url, 'parley_http_requests_total{route="/healthz",method="GET",status="200"}')).toBe(6);
    }
    expect(await metric(url, "parley_workers")).toBe(2);
    command.signal("SIGTERM");
    const { code, stdout, stderr } = await command.ended;
    expect(code).toBe(0);
    expect(stdout.match(/listens on/g)).toHaveLength(1);
    expect(stdout).toMatch(/workers +2 processes/);
    const lines = stderr.split("\n").filter((line) => line.includes('"route":"/healthz"'));
    const byWorker = lines.map((line) => (JSON.parse(line) as { worker: number }).worker);
    expect([1, 2].map((number) => byWorker.filter((worker) => worker === number).length)).toEqual([3, 3]);
  });

  it("end what they do after one SIGTERM, and refuse what is new", async () => {
    const { command, url } = await serve(sim(40));
    const running = [chat(url, { stream: true }), chat(url, { stream: true })];
    await expect.poll(() => metric(url, "parley_engine_running"), pollLimit).toBe(2);
    command.signal("SIGTERM");
    await expect.poll(() => ask(`${url}/healthz`).catch(() => "refused"), pollLimit).toBe("refused");
    for (const { text } of await Promise.all(running)) expect(text).toContain("[DONE]");
    expect((await command.ended).code).toBe(0);
  });

  it("end at once after a second signal", async () => {
    const { command, url } = await serve(sim(2));
    const running = [chat(url), chat(url)];
    await expect.poll(() => metric(url, "parley_engine_running"), pollLimit).toBe(2);
    command.signal("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 300));
    command.signal("SIGTERM");
    expect((await Promise.all(running)).map(({ status }) => status)).toEqual([503, 503]);
    expect((await command.ended).code).toBe(0);
  });

  it(
    "go on when one is killed, which is started again; nothing that was counted is lost",
    { timeout: 60_000 },
    async () => {
      const served = await serve(sim(60));
      const { command, url } = served;
      await Promise.all([chat(url), chat(url)]);
      expect(await metric(url, chats)).toBe(2);
      const streams = [chat(url, { stream: true }), chat(url, { stream: true })];
      const ended = Promise.all(
        streams.map((stream) =>
          stream.then(
            ({ text }) => text.includes("[DONE]"),
            () => false,
          ),
        ),
      );
      await expect.poll(() => metric(url, "parley_engine_running"), pollLimit).toBe(2);
      const background = { model: "MiniMax-M3", background: true, input: `Repeat exactly: ${hundredWords}` };
      const responses = [await ask(`${url}/v1/responses`, background), await ask(`${url}/v1/responses`, background)];
      const [victim = 0] = workersOf(served);
      process.kill(victim, "SIGKILL");
      expect((await ended).map(String).toSorted((a, b) => a.localeCompare(b))).toEqual(["false", "true"]);
      await command.says(/the worker serves again/);
      expect(workersOf(served)).toHaveLength(2);
      expect(workersOf(served)).not.toContain(victim);
      expect(await metric(url, chats)).toBeGreaterThanOrEqual(3);
      expect(await metric(url, "parley_worker_restarts_total")).toBe(1);
      const status = async ({ text }: { text: string }): Promise<string> => {
        const { id } = JSON.parse(text) as { id: string };
        return (JSON.parse((await ask(`${url}/v1/responses/${id}`)).text) as { status: string }).status;
      };
      await expect
        .poll(async () => (await Promise.all(responses.map(status))).toSorted((a, b) => a.localeCompare(b)), {
          timeout: 15_000,
        })
        .toEqual(["completed", "failed"]);
    },
  );

  it("each show, follow, cancel and delete a response that another one makes", async () => {
    const { url } = await serve(sim(20));
    const begin = async (): Promise<string> => {
      const body = { model: "MiniMax-M3", background: true, input: `Repeat exactly: ${hundredWords}` };
      const { id } = JSON.parse((await ask(`${url}/v1/responses`, body)).text) as { id: string };
      return `${url}/v1/responses/${id}`;
    };
    const status = ({ text }: { text: string }): unknown => (JSON.parse(text) as { status?: unknown }).status;
    const cancelled = await begin();
    // connections are given to the workers in turns: this is the other one, and of two connections one is
    expect(status(await ask(`${cancelled}/cancel`, {}))).toBe("cancelled");
    const path = await begin();
    for (let count = 0; count < 4; count += 1) {
      const shown = async (): Promise<string> => (await ask(path)).text;
      await expect.poll(shown, pollLimit).toMatch(/"output_text":"word0/);
    }
    const following = [ask(`${path}?stream=true`), ask(`${path}?stream=true&starting_after=5`)];
    const deleting = await begin();
    expect((await ask(deleting, undefined, "DELETE")).status).toBe(200);
    for (let count = 0; count < 2; count += 1) expect((await ask(deleting)).status).toBe(404);
    expect(status(await ask(`${path}/cancel`, {}))).toBe("cancelled");
    for (const { text } of await Promise.all(following)) expect(text).toContain("event: response.failed");
    // a process registers with its first response; of two connections one after another each worker gets one
    for (let count = 0; count < 2; count += 1) await begin();
    const database = openSqlite(place.data);
    const rows = await database.all("select url from holder");
    await database.close();
    // a port of its own for each
    expect(new Set(rows.map((row) => row["url"])).size).toBe(2);
  });

  it("are replaced one after another on SIGUSR2 without a request that fails", { timeout: 60_000 }, async () => {
    const served = await serve({ ...sim(), server: { shutdownDelaySeconds: 1 } });
    const { command, url, file } = served;
    const before = workersOf(served);
    const kept = new Agent({ keepAlive: true });
    let over = false;
    const failures: string[] = [];
    const asked = async (agent: Agent): Promise<number> => {
      let count = 0;
      for (; !over; count += 1) {
        const outcome = await new Promise<string>((resolve) => {
          const headers = { authorization: `Bearer ${key}` };
          const sent = request(`${url}/v1/models`, { agent, headers }, (answer) => {
            answer.resume().once("end", () => resolve(String(answer.statusCode)));
          });
          sent.on("error", (error) => resolve(error.message)).end();
        });
        if (outcome !== "200") failures.push(`${outcome}, ${agent === kept ? "kept" : "new"}`);
      }
      return count;
    };
    const settings = JSON.parse(readFileSync(file, "utf8")) as Settings;
    writeFileSync(file, JSON.stringify({ ...settings, server: { shutdownDelaySeconds: 1, bodyLimit: 1024 } }));
    const callers = [asked(kept), asked(new Agent()), asked(new Agent())];
    command.child.kill("SIGUSR2");
    await command.says(/all workers were replaced/);
    over = true;
    expect(failures).toEqual([]);
    expect(Math.min(...(await Promise.all(callers)))).toBeGreaterThan(3);
    expect(workersOf(served)).toHaveLength(2);
    expect(workersOf(served).filter((pid) => before.includes(pid))).toEqual([]);
    // `server` needs a restart, and this was one
    expect((await chat(url, { user: "x".repeat(1024) })).status).toBe(413);
  });

  it("are replaced alone when one gets SIGTERM", async () => {
    const served = await serve();
    const [gone = 0, stays] = workersOf(served);
    process.kill(gone, "SIGTERM");
    await served.command.says(/the one before it ends what it does/);
    await expect.poll(() => workersOf(served)).not.toContain(gone);
    expect(workersOf(served)).toContain(stays);
  });

  it("take over other settings together, and a file with a mistake changes nothing", async () => {
    const { command, url, file } = await serve();
    const settings = JSON.parse(readFileSync(file, "utf8")) as Settings;
    const models = async (): Promise<string[]> => {
      const { data } = JSON.parse((await ask(`${url}/v1/models`)).text) as { data: { id: string }[] };
      return data.map(({ id }) => id);
    };
    writeFileSync(file, JSON.stringify({ ...settings, engines: { sim: { kind: "simm" } } }));
    command.child.kill("SIGHUP");
    await command.says(/settings not taken over/);
    expect(command.stderr).toMatch(/engines\.sim\.kind.*found \\"simm\\"/);
    writeFileSync(
      file,
      JSON.stringify({ ...settings, engines: { own: { kind: "llama-server", binary: "b", model: "m" } } }),
    );
    await command.says(/workers: found 2; the engine own \(kind: llama-server\) is started/);
    writeFileSync(file, JSON.stringify({ ...settings, models: { mine: { engine: "sim", like: "MiniMax-M2" } } }));
    await command.says(/settings read again/);
    for (let count = 0; count < 4; count += 1) expect(await models()).toEqual(["mine"]);
    expect(command.stderr.match(/settings read again/g)).toHaveLength(1);
  });
});

describe("workers that do not start", () => {
  it.each([
    ["0", "workers (from PARLEY_WORKERS): found 0; must be at least 1"],
    ["many", 'workers (from PARLEY_WORKERS): found "many"; must be auto or an integer from 1 to 256'],
    ["2.5", 'workers (from PARLEY_WORKERS): found "2.5"; must be auto or an integer from 1 to 256'],
    ["1000", "workers (from PARLEY_WORKERS): found 1000; must be at most 256"],
  ])("%s of them are refused", async (PARLEY_WORKERS, message) => {
    const { code, stderr } = await place.run(["serve", "--engine", "sim"], { PARLEY_WORKERS });
    expect({ code, message: (JSON.parse(stderr) as { msg: string }).msg }).toEqual({ code: 2, message });
  });

  it.each([
    [
      { engines: { a: { kind: "llama-server", binary: "llama-server", model: "a.gguf" } } },
      "the engine a (kind: llama-server) is started by the server",
    ],
    [
      { engines: { a: { kind: "replay", folder: "tape", engine: { kind: "llama-server", binary: "b", model: "m" } } } },
      "the engine a (kind: llama-server) is started by the server",
    ],
  ])("cannot share %j", async (settings, reason) => {
    const file = join(place.data, "parley.yaml");
    writeFileSync(file, JSON.stringify({ port: 0, ...settings }));
    const { code, stderr } = await place.run(["serve", "--config", file, "--workers", "2"]);
    expect(code).toBe(2);
    expect((JSON.parse(stderr) as { msg: string }).msg).toContain(`workers: found 2; ${reason}`);
  });

  it("end the server with the reason and exit code of the first", async () => {
    const { url } = await serve();
    const other = ["serve", "--engine", "sim", "--workers", "2", "--port", new URL(url).port];
    const { code, stdout, stderr } = await place.run(other);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/is in use, perhaps by another Parley/);
  });
});

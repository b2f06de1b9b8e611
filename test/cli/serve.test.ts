/** The life of a server process: ready, asked, told to stop. */
import { spawn } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listens, hundredWords, Workplace, type RunningCommand } from "./command.ts";

const key = "sk-test-0123456789";

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.stop());

/** A server on the simulator; with `speed` it says so many tokens a second. */
async function serve(settings: { speed?: number; grace?: number; key?: string } = {}) {
  const file = join(place.data, "parley.yaml");
  const decode = settings.speed === undefined ? {} : { decodeTokensPerSecond: settings.speed };
  const yaml = {
    port: 0,
    engines: { sim: { kind: "sim", ...decode } },
    server: { shutdownDelaySeconds: 0, ...(settings.grace === undefined ? {} : { drainSeconds: settings.grace }) },
  };
  writeFileSync(file, JSON.stringify(yaml));
  const command = place.start(["serve", "--config", file], {
    PARLEY_LOG: "warn",
    ...(settings.key === undefined ? {} : { PARLEY_API_KEYS: key }),
  });
  const url = (await command.says(listens))[1] ?? "";
  return { command, url };
}

function ask(url: string, stream: boolean): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: "MiniMax-M3",
      stream,
      thinking: { type: "disabled" },
      messages: [{ role: "user", content: `Repeat exactly: ${hundredWords}` }],
    }),
  });
}

/** Code for `--import`: the process sends signals to itself before it loads anything of the server. */
const signalsItself = `import { registerHooks } from "node:module";
registerHooks({ resolve(name, context, next) {
  if (name.endsWith("cli/main.ts")) for (const signal of ["SIGUSR2", "SIGHUP"]) process.kill(process.pid, signal);
  return next(name, context);
} });`;

/** A stream of which the first piece came; `text` is all of it, once it is over. */
async function opened(url: string): Promise<{ text: Promise<string> }> {
  const response = await ask(url, true);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  const first = await reader.read();
  let read = decoder.decode(first.value, { stream: true });
  const rest = async (): Promise<string> => {
    for (;;) {
      const next = await reader.read();
      if (next.done) return read;
      read += decoder.decode(next.value, { stream: true });
    }
  };
  return { text: rest() };
}

async function refused(url: string): Promise<boolean> {
  return fetch(`${url}/healthz`).then(
    () => false,
    () => true,
  );
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** The content of a stream's deltas, joined. */
function contentOf(text: string): string {
  return text
    .split("\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice(6)) as { choices?: { delta?: { content?: string } }[] })
    .map((chunk) => chunk.choices?.[0]?.delta?.content ?? "")
    .join("");
}

function alive(command: RunningCommand): boolean {
  return command.child.exitCode === null && command.child.signalCode === null;
}

describe("parley serve", () => {
  it("says where it listens, is healthy then, and ends with 0", async () => {
    const { command, url } = await serve({ key });
    const health = await fetch(`${url}/healthz`);
    expect(health.status).toBe(200);
    expect((await ask(url, false)).status).toBe(200);
    command.signal("SIGTERM");
    const { code, stdout, stderr } = await command.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.match(/Parley listens on/g)).toHaveLength(1);
    expect(await refused(url)).toBe(true);
  });

  it("shows a first key once in the life of a data folder, and the key works", async () => {
    const first = await serve();
    const shown = /^ {4}(sk-parley-[0-9a-f]{40})$/m.exec(first.command.stdout)?.[1] ?? "";
    const models = await fetch(`${first.url}/v1/models`, { headers: { authorization: `Bearer ${shown}` } });
    expect(models.status).toBe(200);
    first.command.signal("SIGINT");
    expect((await first.command.ended).code).toBe(0);
    const second = await serve();
    expect(second.command.stdout).not.toContain("sk-parley-");
    const again = await fetch(`${second.url}/v1/models`, { headers: { authorization: `Bearer ${shown}` } });
    expect(again.status).toBe(200);
    second.command.signal("SIGTERM");
    expect((await second.command.ended).code).toBe(0);
  });

  it("lets a running stream finish after SIGTERM, takes nothing new, and ends with 0", async () => {
    const { command, url } = await serve({ key, speed: 300 });
    const stream = await opened(url);
    command.signal("SIGTERM");
    await until(() => refused(url));
    expect(alive(command)).toBe(true);
    const text = await stream.text;
    expect(contentOf(text)).toBe(hundredWords);
    expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
    const over = performance.now();
    expect(await command.ended).toMatchObject({ code: 0, stderr: "" });
    // the client keeps its connection for four seconds: the server must not wait for that
    expect(performance.now() - over).toBeLessThan(3_000);
  });

  it.each([
    { how: "a second SIGTERM", settings: {}, signals: 2 },
    { how: "a grace of 0", settings: { grace: 0 }, signals: 1 },
  ])("ends a running stream at once after $how", async ({ settings, signals }) => {
    const { command, url } = await serve({ key, speed: 20, ...settings });
    const stream = await opened(url);
    const started = performance.now();
    command.signal("SIGTERM");
    if (signals === 2) {
      await until(() => refused(url));
      expect(alive(command)).toBe(true);
      // sooner it is taken for the same signal, which npm passes on besides
      await new Promise((resolve) => setTimeout(resolve, 400));
      expect(alive(command)).toBe(true);
      command.signal("SIGTERM");
    }
    const { code } = await command.ended;
    expect(code).toBe(0);
    expect(performance.now() - started).toBeLessThan(3_500);
    // at twenty tokens a second the whole would have taken longer
    const text = await stream.text.catch(() => "");
    expect(contentOf(text).length).toBeLessThan(hundredWords.length);
  });

  it("goes on with its settings when the changed file cannot be read", async () => {
    const { command, url } = await serve({ key });
    writeFileSync(join(place.data, "parley.yaml"), "engines: &itself [*itself]\n");
    await command.says(/"msg":"settings not taken over"/);
    expect((await ask(url, false)).status).toBe(200);
  });

  it("says that its port is taken and ends with 2", async () => {
    const { url } = await serve({ key });
    const second = await place.run(["serve", "--engine", "sim", "--port", new URL(url).port]);
    expect(second.code).toBe(2);
    expect(second.stderr).toContain("is in use");
  });
});

it.runIf(process.platform === "linux")(
  "gives freed memory back to the system, unless the operator has set how",
  async () => {
    const environment = async (set: Record<string, string>): Promise<string[]> => {
      const atOnce = { PARLEY_API_KEYS: key, PARLEY_SHUTDOWN_DELAY_SECONDS: "0" };
      const command = place.start(["serve", "--engine", "sim", "--port", "0"], { ...atOnce, ...set });
      await command.says(listens);
      const found = readFileSync(`/proc/${command.child.pid}/environ`, "utf8").split("\0");
      command.signal("SIGTERM");
      expect((await command.ended).code).toBe(0);
      return found.filter((entry) => entry.startsWith("MALLOC_") || entry.startsWith("GLIBC_"));
    };
    expect(await environment({})).toEqual(["MALLOC_MMAP_THRESHOLD_=262144"]);
    expect(await environment({ MALLOC_MMAP_THRESHOLD_: "1000000" })).toEqual(["MALLOC_MMAP_THRESHOLD_=1000000"]);
    const tunables = "glibc.malloc.mmap_threshold=200000";
    expect(await environment({ GLIBC_TUNABLES: tunables })).toEqual([`GLIBC_TUNABLES=${tunables}`]);
  },
);

it("does not stay behind when the shell that npm started it in is ended", async () => {
  const script = `"${process.execPath}" bin/parley.js serve --engine sim --port 0 --data "${place.data}"; true`;
  const shell = spawn("sh", ["-c", script], {
    env: { ...process.env, npm_lifecycle_event: "start", PARLEY_API_KEYS: key, PARLEY_LOG: "warn" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  shell.stdout.on("data", (chunk: Buffer) => (said += chunk.toString("utf8")));
  await expect.poll(() => listens.exec(said)?.[1], { timeout: 15_000 }).toBeDefined();
  const url = listens.exec(said)?.[1] ?? "";
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  shell.kill("SIGTERM");
  const answers = (): Promise<boolean> =>
    fetch(`${url}/healthz`).then(
      () => true,
      () => false,
    );
  await expect.poll(answers, { timeout: 10_000 }).toBe(false);
});

describe("a start that cannot succeed", () => {
  /** A port that another server holds. */
  async function taken(): Promise<{ port: number; free: () => Promise<void> }> {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    return { port, free: () => new Promise((resolve) => other.close(() => resolve())) };
  }

  it("keeps the first key for the start that succeeds", async () => {
    const { port, free } = await taken();
    const args = ["serve", "--engine", "sim", "--port", String(port)];
    const atOnce = { PARLEY_SHUTDOWN_DELAY_SECONDS: "0" };
    const refused = await place.run(args);
    expect([refused.code, refused.stdout]).toEqual([2, ""]);
    expect(JSON.parse(refused.stderr)).toMatchObject({
      level: 50,
      msg: `127.0.0.1:${port} is in use, perhaps by another Parley; choose another port with --port`,
    });
    await free();
    const started = place.start(args, atOnce);
    const [, shown = ""] = await started.says(/curl .* -H "Authorization: Bearer (sk-parley-[0-9a-f]{40})"/);
    const answer = await fetch(`http://127.0.0.1:${port}/v1/models`, { headers: { authorization: `Bearer ${shown}` } });
    expect(answer.status).toBe(200);
    started.child.kill("SIGTERM");
    await started.ended;
    const again = place.start(args);
    await again.says(/1 in the data folder; another: npm run -s parley -- keys create/);
  });

  it.each([
    ["a missing file", ["--engine", "./no-such.gguf"], {}, /no model file at '.*no-such\.gguf'/],
    ["a URL without scheme", ["--engine", "127.0.0.1:8000/v1"], {}, /did you mean http:\/\/127\.0\.0\.1:8000\/v1\?/],
    [
      "a server that is away",
      ["--engine", "http://127.0.0.1:1/v1"],
      {},
      /no server answers at 127\.0\.0\.1:1 \(ECONNREFUSED\)/,
    ],
    [
      "an unknown variable",
      [],
      { PARLEY_ENGNE: "sim" },
      /PARLEY_ENGNE: unknown environment variable; did you mean PARLEY_ENGINE\?/,
    ],
  ])("%s: one sentence, exit code 2, and nothing listens", async (_what, args, environment, message) => {
    const ended = await place.run(["serve", "--port", "0", ...args], { PARLEY_LOG: "error", ...environment });
    expect([ended.code, ended.stdout]).toEqual([2, ""]);
    expect(ended.stderr).toMatch(message);
    const last = ended.stderr.trim().split("\n").at(-1) ?? "";
    expect((JSON.parse(last) as { msg: string }).msg).toMatch(message);
  });

  it("a file that is no model", async () => {
    const file = join(place.data, "broken.gguf");
    writeFileSync(file, "GGUF and nothing else");
    const ended = await place.run(["serve", "--port", "0", "--engine", file], { PARLEY_LOG: "silent" });
    expect([ended.code, ended.stdout]).toEqual([2, ""]);
    expect((JSON.parse(ended.stderr) as { msg: string }).msg).toMatch(/^engines\.default: /);
  });
});

describe("a server that gets signals while it is loaded", () => {
  it.each([[1], [2]])("reads the settings again when it can, with %i workers", async (workers) => {
    const file = join(place.data, "parley.yaml");
    const server = { shutdownDelaySeconds: 0 };
    writeFileSync(file, JSON.stringify({ port: 0, workers, engines: { sim: { kind: "sim" } }, server }));
    const code = `data:text/javascript,${encodeURIComponent(signalsItself)}`;
    const command = place.start(["serve", "--config", file], { NODE_OPTIONS: `--import ${code}` });
    await command.says(listens);
    await command.says(/settings read again/);
    command.signal("SIGTERM");
    expect((await command.ended).code).toBe(0);
  });
});

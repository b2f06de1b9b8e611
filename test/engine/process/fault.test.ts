/** The process of the embedded engine dies, hangs or does not start: its requests end cleanly, the next one is answered. */
import { afterEach, describe, expect, it } from "vitest";
import type { Engine } from "../../../src/engine/engine.ts";
import { EngineClient } from "../../../src/engine/process/client.ts";
import { processEngine } from "../../../src/engine/process/engine.ts";
import { engineCommand, startProcess } from "../../../src/engine/process/link.ts";
import { embeddedCapabilities } from "../../../src/engine/llama/options.ts";
import { ask, collect, requestOf } from "../../contract/engine.ts";
import { LogRecord } from "../../telemetry/record.ts";
import { longFormat, tinyModel } from "../llama/ask.ts";
import { runs } from "./running.ts";

const never = new AbortController().signal;
const engines: Engine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
});

const long = requestOf("Tell me something.", { format: longFormat });
const capital = requestOf("What is the capital of Peru?");

interface Place {
  engine: Engine;
  /** The process that runs now, by the last line that says so. */
  pid: () => number;
}

async function start(heartbeat?: { everyMs: number; missed: number }): Promise<Place> {
  const record = new LogRecord();
  const engine = processEngine({ model: tinyModel, sequences: 2 }, { log: record.log, heartbeat });
  engines.push(engine);
  await engine.open?.();
  const pid = (): number => Number(record.of("embedded model loaded").at(-1)?.["pid"]);
  return { engine, pid };
}

/** Another process is there. */
async function restarted(engine: Engine): Promise<void> {
  await expect.poll(() => engine.members?.()[0]?.up, { timeout: 15_000 }).toBe(true);
}

describe.each(["SIGSEGV", "SIGKILL", "SIGSTOP"] as const)("%s to the process under load", (signal) => {
  it("ends its requests within the grammar, and the next one is answered by a new process", async () => {
    const { engine, pid } = await start(signal === "SIGSTOP" ? { everyMs: 100, missed: 20 } : undefined);
    const before = pid();
    const stream = engine.generate(long, never)[Symbol.asyncIterator]();
    const first = await stream.next();
    expect(first.value?.[0]?.type).toBe("begin");
    // one more runs, one waits for a slot: nobody has seen anything of the last
    const second = ask(engine, long);
    const waiting = ask(engine, long);
    process.kill(before, signal);
    const rest = await collect(
      (async function* () {
        yield first.value ?? [];
        for (let next = await stream.next(); next.done !== true; next = await stream.next()) yield next.value;
      })(),
    );
    expect(rest.finish).toMatchObject({ reason: "error", error: { kind: "upstream" } });
    expect((await second.catch((error: unknown) => ({ finish: { error } }))).finish).toMatchObject({
      error: { kind: "upstream" },
    });
    await expect(waiting).rejects.toMatchObject({ kind: "upstream" });
    expect(engine.load()).toMatchObject({ running: 0, waiting: 0 });
    expect(engine.members?.()).toMatchObject([{ up: false, reason: expect.stringMatching(/SIG|answered/) }]);
    await restarted(engine);
    expect((await ask(engine, capital)).text()).toContain("Lima");
    expect(engine.members?.()).toEqual([{ name: "process", up: true, running: 0 }]);
    expect(pid()).not.toBe(before);
    await expect.poll(() => runs(before)).toBe(false);
  });
});

describe("a process that cannot be started", () => {
  const client = (command: readonly string[]): EngineClient => {
    const capabilities = embeddedCapabilities(undefined);
    const made = new EngineClient({
      kind: "llama",
      capabilities,
      slots: 1,
      connect: async () => startProcess(command),
    });
    engines.push(made);
    return made;
  };

  it.each([
    ["no such file", ["/nonexistent/node"], /ENOENT/],
    ["one that ends at once", [process.execPath, "-e", "process.exit(3)"], /status 3/],
    ["native code that aborts", [process.execPath, "-e", "process.abort()"], /SIGABRT/],
  ])("%s: `open` and requests say so, and `close` is quick", async (_name, command, reason) => {
    const engine = client(command);
    const failure = await engine.open().catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: "upstream", cause: { message: expect.stringMatching(reason) } });
    await expect(ask(engine, capital)).rejects.toMatchObject({ kind: expect.stringMatching(/upstream|overloaded/) });
    expect(engine.members()).toMatchObject([{ up: false, reason: expect.stringMatching(reason) }]);
    await engine.close();
    await expect(ask(engine, capital)).rejects.toMatchObject({ kind: "overloaded" });
  });

  it("a model that is not there: its error, and a new try with the next request", async () => {
    const engine = processEngine({ model: "/nonexistent.gguf" }, {});
    engines.push(engine);
    const fault = {
      kind: "upstream",
      message: "the model cannot be loaded",
      cause: { message: "no model file at '/nonexistent.gguf'" },
    };
    await expect(engine.open?.()).rejects.toMatchObject(fault);
    await expect(ask(engine, capital)).rejects.toMatchObject(fault);
    expect(engine.members?.()).toMatchObject([{ up: false, reason: "the model cannot be loaded" }]);
  });
});

describe("a connection that breaks", () => {
  it("ends the requests and the process, and the next request is answered", async () => {
    const links: ReturnType<typeof startProcess>[] = [];
    const command = engineCommand({ engine: { model: tinyModel } });
    const connect = async (): Promise<ReturnType<typeof startProcess>> => {
      const link = startProcess(command);
      links.push(link);
      return link;
    };
    const engine = new EngineClient({
      kind: "llama",
      capabilities: embeddedCapabilities(undefined),
      slots: 4,
      connect,
    });
    engines.push(engine);
    const running = ask(engine, long);
    await expect.poll(() => engine.load().running).toBe(1);
    await engine.open();
    links[0]?.socket.destroy();
    await expect(running).rejects.toMatchObject({ kind: "upstream" });
    await restarted(engine);
    expect((await ask(engine, capital)).text()).toContain("Lima");
    expect(links).toHaveLength(2);
    expect(runs(links[0]?.pid ?? 0)).toBe(false);
  });
});

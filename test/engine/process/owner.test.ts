/** The process of the engine and its owner: signals for both, and an owner that dies. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import type { Engine } from "../../../src/engine/engine.ts";
import { processEngine } from "../../../src/engine/process/engine.ts";
import { ask, requestOf } from "../../contract/engine.ts";
import { LogRecord } from "../../telemetry/record.ts";
import { tinyModel } from "../llama/ask.ts";
import { runs } from "./running.ts";

const engines: Engine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
});

async function start(): Promise<{ engine: Engine; pid: number }> {
  const record = new LogRecord();
  const engine = processEngine({ model: tinyModel }, { log: record.log });
  engines.push(engine);
  await engine.open?.();
  return { engine, pid: Number(record.of("embedded model loaded").at(-1)?.["pid"]) };
}

describe("signals to the whole group of processes", () => {
  it("do not end the engine: its owner does, when its answers are over", async () => {
    const { engine, pid } = await start();
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR2"] as const) process.kill(pid, signal);
    expect((await ask(engine, requestOf("What is the capital of Peru?"))).text()).toContain("Lima");
    expect(runs(pid)).toBe(true);
    await engine.close();
    expect(runs(pid)).toBe(false);
  });
});

const source = fileURLToPath(new URL("../../../src/engine/process/engine.ts", import.meta.url));
/** An owner: writes the id of its engine's process, then does what the test wants. */
const owner = (then: string): string => `
  import { processEngine } from ${JSON.stringify(source)};
  const log = { info: ({ pid }) => console.log(pid), warn: () => undefined };
  const engine = processEngine({ model: ${JSON.stringify(tinyModel)} }, { log });
  await engine.open();
  ${then}`;

describe("an owner that ends", () => {
  it.each([
    ["is killed", "setInterval(() => undefined, 1_000);", true],
    ["throws", "throw new Error('a mistake');", false],
    ["exits without closing anything", "process.exit(0);", false],
  ])("and %s leaves no process behind", async (_name, then, isKilled) => {
    const command = ["--input-type=module", "-e", owner(then)];
    const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "ignore"] });
    const ended = new Promise((resolve) => child.once("close", resolve));
    const pid = await new Promise<number>((resolve) =>
      child.stdout.setEncoding("utf8").once("data", (text: string) => resolve(Number(text))),
    );
    expect(pid).toBeGreaterThan(1);
    if (isKilled) {
      expect(runs(pid)).toBe(true);
      child.kill("SIGKILL");
    }
    await ended;
    await expect.poll(() => runs(pid), { timeout: 10_000 }).toBe(false);
  });
});

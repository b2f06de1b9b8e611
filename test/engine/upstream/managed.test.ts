import { chmod } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../../src/engine/engine.ts";
import { managedLlamaServer, type ManagedOptions } from "../../../src/engine/upstream/managed.ts";
import { fold, requestOf, user } from "./fake.ts";

/** Says its process id and its arguments; dies when told "die now"; `--broken` ends it at start. */
const binary = fileURLToPath(new URL("../../fixture/upstream/fake-llama-server.mjs", import.meta.url));
beforeAll(() => chmod(binary, 0o755));

const open: Engine[] = [];
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

function start(over: Partial<ManagedOptions> = {}): Engine {
  const engine = managedLlamaServer({
    binary,
    gguf: "some.gguf",
    slots: 2,
    threads: 3,
    startTimeoutMs: 10_000,
    ...over,
  });
  open.push(engine);
  return engine;
}

async function ask(engine: Engine, text: string, signal = new AbortController().signal): Promise<string> {
  const { transcript } = await fold(engine.generate(requestOf({ items: [user(text)] }), signal));
  return transcript.finish?.error?.kind ?? transcript.text();
}

const pidOf = (said: string): number => Number(/pid (\d+)/.exec(said)?.[1]);

describe("a managed llama-server", () => {
  it("is started once, waited for, and told what it has to know", async () => {
    const engine = start({ contextSize: 1_000, mmproj: "eyes.gguf", args: ["--flash-attn", "on"] });
    await engine.open?.();
    const [one, two] = await Promise.all([ask(engine, "a"), ask(engine, "b")]);
    expect(two).toBe(one);
    expect(one).toMatch(/-m some\.gguf --host 127\.0\.0\.1 --port \d+ --jinja -t 3 -tb 3 --poll 0 -np 2 -c 2000/);
    expect(one).toMatch(/--mmproj eyes\.gguf --flash-attn on$/);
    expect(engine.capabilities).toMatchObject({ constrained: true, image: true, video: "frames" });
    expect(engine.load()).toEqual({ running: 0, waiting: 0, slots: 2 });
  });

  it("is started again when it dies", async () => {
    const engine = start();
    const first = pidOf(await ask(engine, "a"));
    await expect(ask(engine, "die now")).rejects.toMatchObject({ kind: "upstream" });
    await expect.poll(() => ask(engine, "b").then(pidOf, () => Number.NaN), { timeout: 8_000 }).toBeGreaterThan(0);
    expect(pidOf(await ask(engine, "c"))).not.toBe(first);
  });

  it("says why it cannot be started to operators, not to callers", async () => {
    const answer = ask(start({ args: ["--broken"] }), "a");
    await expect(answer).rejects.toMatchObject({ kind: "upstream", message: "llama-server did not start" });
    await expect(answer).rejects.toMatchObject({ cause: { message: expect.stringContaining("failed to load model") } });
  });

  it("says that there is no such program", async () => {
    await expect(ask(start({ binary: "/nowhere/llama-server" }), "a")).rejects.toMatchObject({ kind: "upstream" });
  });

  it("counts who waits while it starts", async () => {
    const engine = start();
    const answers = [ask(engine, "a"), ask(engine, "b")];
    await new Promise((resolve) => setImmediate(resolve));
    expect(engine.load()).toEqual({ running: 0, waiting: 2, slots: 2 });
    await Promise.all(answers);
    expect(engine.load()).toEqual({ running: 0, waiting: 0, slots: 2 });
  });

  it("does not keep a caller who leaves while it starts", async () => {
    const engine = start();
    await expect(ask(engine, "a", AbortSignal.timeout(1))).rejects.toMatchObject({ kind: "canceled" });
    expect(pidOf(await ask(engine, "b"))).toBeGreaterThan(0);
  });

  it("is stopped with its engine, and not started again", async () => {
    const engine = start();
    const pid = pidOf(await ask(engine, "a"));
    await engine.close();
    await engine.close();
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    await expect(ask(engine, "b")).rejects.toMatchObject({ kind: "overloaded" });
  });
});

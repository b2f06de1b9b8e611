/** The server is killed again and again under load; then what it booked is held against what its clients were told. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openStore } from "../../src/store/open.ts";

const data = mkdtempSync(join(tmpdir(), "parley-crash-"));
const program = join(import.meta.dirname, "../../bin/parley.js");
const key = "sk-crash-0123456789";
const startBalance = 1_000_000_000;
const rounds = 4;
const clients = 8;
/** Answers of a round that must be in the ledger before the server is killed. */
const safeAnswers = 30;
/**
 * What may be lost is the flush interval of 50 ms. On a busy machine a clock proves nothing, but a request does: a server
 * that answers one that was sent twice as long after an answer was told has come by the timer in between.
 */
const graceMs = 100;

const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(data, { recursive: true, force: true });
});

interface Told {
  input: number;
  output: number;
  sentAt: number;
  at: number;
}

/** The answers that are older than the flush interval by the server's own doing. */
function safeOnes(told: ReadonlyMap<string, Told>): [string, Told][] {
  const lastSent = Math.max(0, ...[...told.values()].map(({ sentAt }) => sentAt));
  return [...told].filter(([, { at }]) => at < lastSent - graceMs);
}

async function startServer(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(
    process.execPath,
    [program, "serve", "--engine", "sim", "--data", data, "--port", "0", "--log", "error"],
    {
      env: { ...process.env, PARLEY_API_KEYS: key },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  running.add(child);
  const url = await new Promise<string>((resolve, reject) => {
    let said = "";
    child.stdout?.on("data", (text: Buffer) => {
      said += text.toString();
      const found = /listens on (\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
  });
  return { child, url };
}

/** Asks until the server is gone; notes what each whole answer said. */
async function client(url: string, told: Map<string, Told>): Promise<void> {
  for (let number = 0; ; number += 1) {
    const sentAt = performance.now();
    try {
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}` },
        body: JSON.stringify({
          model: "MiniMax-M3",
          messages: [{ role: "user", content: `Number ${number}, please` }],
        }),
      });
      const body = (await response.json()) as {
        id: string;
        usage: { prompt_tokens: number; completion_tokens: number };
      };
      const { prompt_tokens: input, completion_tokens: output } = body.usage;
      told.set(response.headers.get("trace-id") ?? "", { input, output, sentAt, at: performance.now() });
    } catch {
      return;
    }
  }
}

function killed(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => {
      running.delete(child);
      resolve();
    });
    child.kill("SIGKILL");
  });
}

describe("kill -9 under load", () => {
  it(
    "loses no row that is older than the flush interval, invents none, and the money adds up",
    { timeout: 60_000 },
    async () => {
      const before = await openStore(data);
      await before.accounts.update("key:static-1", { balance: startBalance });
      await before.close();
      const safe = new Map<string, Told>();
      const all = new Map<string, Told>();
      for (let round = 0; round < rounds; round += 1) {
        const { child, url } = await startServer();
        const told = new Map<string, Told>();
        const load = Array.from({ length: clients }, () => client(url, told));
        while (safeOnes(told).length < safeAnswers) await new Promise((resolve) => setTimeout(resolve, 20));
        await killed(child);
        await Promise.all(load);
        for (const [id, one] of told) all.set(id, one);
        for (const [id, one] of safeOnes(told)) safe.set(id, one);
      }
      const store = await openStore(data);
      try {
        const rows = await store.ledger.list(1_000_000);
        const byRequest = new Map(rows.map((row) => [row.request, row]));
        expect(byRequest.size).toBe(rows.length);
        expect(safe.size).toBeGreaterThanOrEqual(rounds * safeAnswers);
        expect([...safe.keys()].filter((id) => !byRequest.has(id))).toEqual([]);
        for (const [id, { input, output }] of all) {
          const row = byRequest.get(id);
          if (row !== undefined) expect(row).toMatchObject({ input, output, outcome: "stop", keyId: "static-1" });
        }
        const cost = rows.reduce((sum, row) => sum + row.cost, 0);
        const now = new Date();
        const month = now.getUTCFullYear() * 100 + now.getUTCMonth() + 1;
        const [account] = await store.accounts.read(["key:static-1"], month);
        expect(account).toMatchObject({ balance: startBalance - cost, spent: cost });
      } finally {
        await store.close();
      }
    },
  );
});

/** What admitting and booking one request costs, and whether a wrong key can be felt out by time. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { systemIds } from "../../src/model/id.ts";
import { createAdminCheck, keyHash } from "../../src/policy/authenticate.ts";
import { MemoryFunds } from "../../src/policy/funds.ts";
import { MemoryLimiter } from "../../src/policy/limiter.ts";
import { openAdmin } from "../../src/service/admin.ts";
import { openStore } from "../../src/store/open.ts";
import type { LedgerRow } from "../../src/store/store.ts";
import { median, processorTime, type Row } from "./row.ts";

const roundMs = 20;
const asks = 5_000;
const batches = 20;
const batchRows = 500;
/** What some hundred requests a second give in 50 ms. */
const fewRows = 30;

/** Microseconds of processor time of one asynchronous work that never leaves this process. */
async function spent(times: number, work: () => Promise<unknown>): Promise<number> {
  for (let warm = 0; warm < times / 10; warm += 1) await work();
  const started = process.threadCpuUsage();
  for (let done = 0; done < times; done += 1) await work();
  const { user, system } = process.threadCpuUsage(started);
  return (user + system) / times;
}

/** The same where each begins in a turn of the event loop of its own, without what the turn takes. */
async function spentInTurns(times: number, work: () => Promise<unknown>): Promise<number> {
  const turns = await spent(times, () => setImmediate());
  const all = await spent(times, () => setImmediate().then(work));
  return Math.max(0, all - turns);
}

/** How far the times of a key that is wrong in its first and one that is wrong in its last character are apart. */
function comparison(): Row {
  const key = `sk-parley-${systemIds.hex(40)}`;
  const check = createAdminCheck([key], keyHash(systemIds.hex(64)));
  const wrong = [`Bearer X${key.slice(1)}`, `Bearer ${key.slice(0, -1)}X`].map((header) => () => {
    try {
      check(header);
    } catch {
      return;
    }
    throw new Error("a wrong key was taken");
  });
  const times = wrong.map((): number[] => []);
  for (let round = 0; round < 9; round += 1) {
    for (const [kind, work] of wrong.entries()) times[kind]?.push(processorTime(work, roundMs / 5));
  }
  const [first = Number.NaN, last = Number.NaN] = times.map(median);
  const apart = (Math.abs(first - last) / Math.min(first, last)) * 100;
  const note = `wrong in the first character ${first.toFixed(2)} us, in the last ${last.toFixed(2)} us`;
  return { shape: "key comparison, difference", value: apart, unit: "%", budget: 10, note };
}

const row = (keyId: string): LedgerRow => ({
  ...{ id: systemIds.hex(32), request: "r", at: Date.now(), keyId, organisation: null, model: "m", engine: "e" },
  ...{ tier: "standard", outcome: "stop", input: 1, cached: 0, output: 1, reasoning: 0, cost: 1 },
});

export async function measureAccount(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "parley-bench-"));
  const store = await openStore(folder);
  try {
    const admin = await openAdmin(store, systemIds);
    const { key, record } = await admin.createKey({ name: "bench", budgets: { month: 1e15 } });
    const limiter = new MemoryLimiter();
    const limits = { requestsPerMinute: 1e9, tokensPerMinute: 1e12, streams: 10 };
    const limited = [{ subject: { kind: "key" as const, id: "a" }, limits }];
    const funds = new MemoryFunds({ accounts: store.accounts, pending: () => 0 });
    const lookUp = (): Promise<unknown> => admin.lookup(admin.hash(key), key);
    const spend = async (): Promise<void> => {
      const asked = { subjects: [`key:${record.id}`], at: Date.now(), budgets: {} };
      await funds.check(asked);
      (await funds.reserve({ ...asked, cost: () => 5 })).release();
    };
    const reserve = await spent(asks, async () => (await limiter.reserve(limited, 100)).commit(80));
    const write = async (rows: number): Promise<number> =>
      (await spent(batches, () => store.ledger.add(Array.from({ length: rows }, () => row(record.id))))) / rows;
    const first = { unit: "us", note: "first of its turn of the event loop: one look at SQLite's data version" };
    return [
      { shape: "key lookup", value: await spent(asks, lookUp), unit: "us", note: "from memory, with the hash" },
      { shape: "key lookup, alone", value: await spentInTurns(asks, lookUp), ...first },
      { shape: "balance and budget, check and reserve", value: await spent(asks, spend), unit: "us" },
      {
        shape: "key, balance and budget, alone",
        value: await spentInTurns(asks, () => lookUp().then(spend)),
        ...first,
      },
      { shape: "limits, reserve and settle", value: reserve, unit: "us" },
      { shape: "ledger row, few", value: await write(fewRows), unit: "us", note: `${fewRows} a transaction` },
      { shape: "ledger row", value: await write(batchRows), unit: "us", note: `${batchRows} a transaction` },
      comparison(),
    ];
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

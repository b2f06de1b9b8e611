import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { systemIds, vendorId } from "../../src/model/id.ts";
import type { Limits } from "../../src/model/limit.ts";
import type { Limited, Reservation } from "../../src/policy/limiter.ts";
import { SharedLimiter } from "../../src/policy/shared-limiter.ts";
import { openLimitStore, openLocalLimitStore, openStore } from "../../src/store/open.ts";
import { sqlLimitStore } from "../../src/store/sql.ts";
import type { LimitStore } from "../../src/store/store.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { pgliteDatabase } from "../store/pglite.ts";
import { postgresFolder, startPostgres } from "../store/postgres-server.ts";

/** As many openings of one database as there would be processes. */
const processes = 4;
let stores: LimitStore[] = [];
let limiters: SharedLimiter[] = [];
let stops: (() => Promise<void>)[] = [];

async function postgres(): Promise<() => Promise<LimitStore>> {
  const programs = postgresFolder();
  if (programs === undefined) {
    const database = await PGlite.create();
    stops.push(() => database.close());
    return () => sqlLimitStore(pgliteDatabase(database));
  }
  const server = await startPostgres(programs);
  stops.push(() => server.stop());
  const url = await server.database();
  return () => openLimitStore(url);
}

async function sqlite(): Promise<() => Promise<LimitStore>> {
  const folder = mkdtempSync(join(tmpdir(), "parley-limits-"));
  const store = await openStore(folder);
  stops.push(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return () => openLocalLimitStore(folder);
}

async function openAll(opener: () => Promise<() => Promise<LimitStore>>): Promise<void> {
  const open = await opener();
  for (let number = 0; number < processes; number += 1) {
    const store = await open();
    stores.push(store);
    limiters.push(new SharedLimiter({ store, log: silentLog, id: () => vendorId(systemIds) }));
  }
}

async function closeAll(): Promise<void> {
  for (const limiter of limiters) await limiter.close();
  for (const stop of stops) await stop();
  [stores, limiters, stops] = [[], [], []];
}

function firstStore(): LimitStore {
  const [store] = stores;
  if (store === undefined) throw new Error("no shared limits");
  return store;
}

const key = (id: string, limits: Limits): Limited => ({ subject: { kind: "key", id }, limits });

/** Every process asks so often at once. */
async function storm(each: number, all: readonly Limited[], estimate: number): Promise<Reservation[]> {
  const asks = limiters.flatMap((limiter) =>
    Array.from({ length: each }, () => limiter.reserve(all, estimate).catch(() => undefined)),
  );
  return (await Promise.all(asks)).filter((one) => one !== undefined);
}

async function settle(reservations: readonly Reservation[], tokens: number): Promise<void> {
  for (const one of reservations) one.commit(tokens);
  for (const limiter of limiters) await limiter.flush();
}

const first = (): SharedLimiter => limiters[0] as SharedLimiter;

describe.each([
  ["PostgreSQL", postgres],
  ["SQLite", sqlite],
])("limits shared by several processes on %s", (_name, opener) => {
  beforeAll(() => openAll(opener), 60_000);
  afterAll(closeAll);

  it("show what is left of every limit to each process, and take nothing", async () => {
    const all = [key("left", { requestsPerMinute: 5, streams: 2 }), key("left-too", { tokensPerMinute: 100 })];
    const one = await first().reserve(all, 30);
    const left = {
      requests: { limit: 5, remaining: 4 },
      tokens: { limit: 100, remaining: 70 },
      streams: { limit: 2, remaining: 1 },
    };
    for (const limiter of limiters) expect(await limiter.left(all)).toMatchObject(left);
    expect(await first().left([key("free", {})])).toEqual({});
    await settle([one], 30);
  });

  it("are never passed and always reached: requests", async () => {
    const all = [key("requests", { requestsPerMinute: 50 })];
    expect(await storm(30, all, 0)).toHaveLength(50);
    await expect(first().reserve(all, 0)).rejects.toMatchObject({
      kind: "rate-limit",
      rateLimit: { requests: { limit: 50, remaining: 0 } },
    });
    const error = await first()
      .reserve(all, 0)
      .catch((thrown: unknown) => thrown as { retryAfter: number });
    expect(error).toMatchObject({ retryAfter: expect.any(Number) });
    expect("retryAfter" in error && error.retryAfter > 50 && error.retryAfter <= 61).toBe(true);
  });

  it("settle tokens to the truth", async () => {
    const all = [key("tokens", { tokensPerMinute: 1_000 })];
    const taken = await storm(20, all, 30);
    expect(taken).toHaveLength(33);
    await settle(taken, 10);
    const next = await first().reserve(all, 0);
    expect(next.rateLimit.tokens).toMatchObject({ limit: 1_000, remaining: 670 });
    await settle([next], 500);
    expect((await first().reserve(all, 0)).rateLimit.tokens?.remaining).toBe(170);
    await expect(first().reserve(all, 171)).rejects.toMatchObject({ kind: "rate-limit" });
  });

  it("hold streams until they end, wherever they run", async () => {
    const all = [key("streams", { streams: 7 })];
    const taken = await storm(10, all, 0);
    expect(taken).toHaveLength(7);
    await expect(first().reserve(all, 0)).rejects.toMatchObject({ kind: "connection-limit", retryAfter: 1 });
    for (const one of taken) one.releaseStream();
    await settle(taken, 0);
    expect(await storm(10, all, 0)).toHaveLength(7);
  });

  it("count a stream until it is released, once for its id", async () => {
    const limits = firstStore();
    const claim = { name: "streams of the dead", kind: "stream", amount: 1, most: 1 } as const;
    expect(await limits.claim([claim], "alive")).toMatchObject({ refused: -1 });
    expect(await limits.claim([claim], "next")).toMatchObject({ refused: 0 });
    await limits.renew(["alive"]);
    await limits.sweep();
    expect(await limits.claim([claim], "next")).toMatchObject({ refused: 0, used: [{ amount: 1 }] });
    await limits.release(["alive"]);
    expect(await limits.claim([claim], "next")).toMatchObject({ refused: -1 });
  });

  it("take from everyone or from nobody", async () => {
    const mine = key("mine", { requestsPerMinute: 5 });
    const full = key("full", { requestsPerMinute: 1 });
    await first().reserve([full], 0);
    await expect(first().reserve([mine, full], 0)).rejects.toMatchObject({ kind: "rate-limit" });
    expect((await first().reserve([mine], 0)).rateLimit.requests).toEqual({ limit: 5, remaining: 4, reset: 61 });
  });

  it("never block each other when several share several", async () => {
    const [a, b] = [key("a", { requestsPerMinute: 1_000 }), key("b", { requestsPerMinute: 1_000 })];
    const asks = limiters.flatMap((limiter, number) =>
      Array.from({ length: 25 }, (_, turn) => limiter.reserve((number + turn) % 2 === 0 ? [a, b] : [b, a], 0)),
    );
    await Promise.all(asks);
    expect((await first().reserve([a], 0)).rateLimit.requests?.remaining).toBe(899);
  });

  it("watch growth in each process", async () => {
    const all = [key("growing", { growth: 2 })];
    for (let times = 0; times < 10; times += 1) await first().reserve(all, 0);
    await expect(first().reserve(all, 0)).rejects.toMatchObject({ kind: "growth-limit" });
  });

  it("fail closed when the database is away", async () => {
    const away = new SharedLimiter({
      store: {
        ...firstStore(),
        claim: () => Promise.reject(new Error("connection refused")),
        close: async () => undefined,
      },
      log: silentLog,
      id: () => "x",
    });
    await expect(away.reserve([key("x", { streams: 1 })], 0)).rejects.toThrow("connection refused");
    expect((await away.reserve([key("x", {})], 0)).rateLimit).toEqual({});
    await away.close();
  });
});

describe("the leases of streams", () => {
  const renewals: (readonly string[])[] = [];
  const lines: string[] = [];
  let sweeps = 0;
  let fails = false;
  const taken: LimitStore["claim"] = (claims) =>
    Promise.resolve({ refused: -1, wait: 0, slot: 0, used: claims.map(() => ({ amount: 0, reset: 0 })) });
  const store: Omit<LimitStore, "money"> = {
    claim: taken,
    peek: (claims) => taken(claims, ""),
    correct: () => Promise.resolve(),
    release: () => Promise.resolve(),
    renew: async (ids) => {
      renewals.push(ids);
      if (fails) throw new Error("connection lost");
    },
    sweep: async () => {
      sweeps += 1;
    },
    close: () => Promise.resolve(),
  };
  const log = { ...silentLog, error: (_fields: unknown, text: string) => void lines.push(text) } as typeof silentLog;
  let limiter: SharedLimiter;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    let ids = 0;
    limiter = new SharedLimiter({ store, log, id: () => `stream-${(ids += 1)}` });
    for (const list of [renewals, lines]) list.length = 0;
    [sweeps, fails] = [0, false];
  });
  afterEach(async () => {
    await limiter.close();
    vi.useRealTimers();
  });

  const turn = async (): Promise<void> => {
    vi.advanceTimersByTime(10_000);
    await limiter.flush();
  };

  it("are renewed every ten seconds while the streams last, and no longer", async () => {
    const one = await limiter.reserve([key("a", { streams: 9 })], 0);
    const two = await limiter.reserve([key("a", { streams: 9 })], 0);
    await limiter.reserve([key("a", { requestsPerMinute: 9 })], 0);
    await turn();
    one.releaseStream();
    await turn();
    two.commit(0);
    await turn();
    expect(renewals).toEqual([["stream-1", "stream-2"], ["stream-2"]]);
    expect(sweeps).toBe(3);
  });

  it("survive a renewal that fails: it is logged, and the next one is tried", async () => {
    await limiter.reserve([key("a", { streams: 9 })], 0);
    fails = true;
    await turn();
    fails = false;
    await turn();
    expect(renewals).toEqual([["stream-1"], ["stream-1"]]);
    expect([lines, sweeps]).toEqual([["shared limits could not be written"], 1]);
  });

  it("end with the limiter", async () => {
    await limiter.reserve([key("a", { streams: 9 })], 0);
    await limiter.close();
    await turn();
    expect(renewals).toEqual([]);
  });
});

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCatalog } from "../../src/engine/catalog.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { scriptBatches, scriptEngine } from "../support/script-engine.ts";
import { simEngine } from "../../src/engine/sim/engine.ts";
import { ParleyError } from "../../src/model/error.ts";
import type { Batch, Usage } from "../../src/model/event.ts";
import { systemIds } from "../../src/model/id.ts";
import { textPart } from "../../src/model/item.ts";
import { MemoryFunds } from "../../src/policy/funds.ts";
import { MemoryLimiter } from "../../src/policy/limiter.ts";
import { documentedPrices } from "../../src/policy/price.ts";
import { GenerateService } from "../../src/service/generate.ts";
import type { Generation } from "../../src/service/generation.ts";
import { LedgerWriter } from "../../src/service/ledger.ts";
import { Meter, type MeterOptions } from "../../src/service/meter.ts";
import { openStore } from "../../src/store/open.ts";
import type { LedgerRow, Store } from "../../src/store/store.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { generationRequest } from "../support/request.ts";

const caller = { keyId: "k", name: "test", organisation: "o" };
const at = Date.UTC(2026, 10, 20);
const request = generationRequest({
  model: "minimax-m3",
  items: [{ type: "message", role: "user", parts: [textPart("Tell me about the harbour, please.")] }],
});
const usage: Usage = { input: 1_000, cached: 400, output: 50, reasoning: 10 };

let store: Store;
let meter: Meter;
beforeEach(async () => {
  store = await openStore();
});
afterEach(() => store.close());

function serve(engine: Engine, changes: Partial<MeterOptions> = {}): GenerateService {
  const ledger = new LedgerWriter({ store: store.ledger, log: silentLog });
  meter = new Meter({
    limiter: new MemoryLimiter(() => 0),
    funds: new MemoryFunds({ accounts: store.accounts, pending: (subject) => ledger.pending(subject) }),
    ledger,
    limits: { key: {}, organisation: {}, models: {} },
    prices: {},
    budgets: {},
    aborted: "partial",
    ids: systemIds,
    now: () => at,
    ...changes,
  });
  const catalog = createCatalog({
    engines: new Map([["e", engine]]),
    entries: [{ name: "mine", engines: ["e"] }],
    unlisted: true,
  });
  return new GenerateService({ catalog, meter, log: silentLog });
}

const start = (service: GenerateService, signal = new AbortController().signal): Promise<Generation> =>
  service.start(request, caller, signal);

async function read(generation: Generation): Promise<void> {
  for await (const _batch of generation.batches);
}

async function booked(): Promise<LedgerRow[]> {
  await meter.close();
  return store.ledger.list({ limit: 10 });
}

const hello = scriptEngine({ batches: scriptBatches({ text: "hello", usage }) });

describe("what is booked", () => {
  it("of a whole answer is what the engine told, under the model's own name", async () => {
    await read(await start(serve(hello)));
    const [row, ...more] = await booked();
    expect(more).toEqual([]);
    expect(row).toMatchObject({
      ...usage,
      request: request.id,
      keyId: "k",
      organisation: "o",
      model: "MiniMax-M3",
      engine: "e",
      outcome: "stop",
      at,
      cost: 264,
    });
    expect(await store.accounts.read(["key:k", "organisation:o"], Date.UTC(2026, 10, 20))).toMatchObject([
      { spent: { month: 264 } },
      { spent: { month: 264 } },
    ]);
  });

  it("is nothing when no engine began", async () => {
    const broken = scriptEngine({
      batches: () => {
        throw new ParleyError("upstream", "down");
      },
    });
    const limits = { key: { streams: 1 }, organisation: {}, models: {} };
    const service = serve(broken, { limits });
    await expect(start(service)).rejects.toMatchObject({ kind: "upstream" });
    await expect(start(service)).rejects.toMatchObject({ kind: "upstream" });
    expect(await booked()).toEqual([]);
  });

  it("of an answer that we broke off costs nothing", async () => {
    async function* breaking(): AsyncGenerator<Batch> {
      yield [{ type: "begin" }, { type: "usage", usage }];
      throw new ParleyError("upstream", "reset");
    }
    await read(await start(serve(scriptEngine({ batches: () => breaking() }))));
    expect(await booked()).toMatchObject([{ outcome: "upstream", cost: 0, output: 50 }]);
  });

  it("is whole and not negative, whatever an engine told", async () => {
    const odd = { input: Number.NaN, cached: -5, output: 1.6, reasoning: Number.POSITIVE_INFINITY };
    await read(await start(serve(scriptEngine({ batches: scriptBatches({ text: "hello", usage: odd }) }))));
    expect(await booked()).toMatchObject([{ input: 0, cached: 0, output: 2, reasoning: 0, outcome: "stop", cost: 3 }]);
  });

  it("of an answer without a finish is a failure of ours", async () => {
    await read(await start(serve(scriptEngine({ batches: [[{ type: "begin" }, { type: "usage", usage }]] }))));
    expect(await booked()).toMatchObject([{ outcome: "upstream", cost: 0 }]);
  });
});

describe("a reservation", () => {
  const most = (): { input: number; output: number } => ({ input: 1, output: 1 });
  const work = { id: request.id, model: "MiniMax-M3", tier: "standard", estimate: () => 1, most } as const;
  const used = { engine: "e", outcome: "stop", usage } as const;

  it("is booked once, whatever is called after the first commit", async () => {
    serve(hello, { limits: { key: { streams: 1 }, organisation: {}, models: {} } });
    const admission = await meter.reserve(work, caller);
    admission.commit(used);
    admission.commit(used);
    admission.release();
    await meter.reserve(work, caller);
    await expect(meter.reserve(work, caller)).rejects.toMatchObject({ kind: "connection-limit" });
    expect(await booked()).toMatchObject([{ cost: 264 }]);
  });

  it("is not booked any more once it was released", async () => {
    serve(hello);
    const admission = await meter.reserve(work, caller);
    admission.release();
    admission.commit(used);
    expect(await booked()).toEqual([]);
  });
});

/** An answer of many batches, one token each. */
const slow = (): Engine => simEngine({ decodeTokensPerSecond: 200, tokensPerBatch: 1 });

describe("an answer the caller breaks off", () => {
  it("is booked with what the engine said it used, to the token", async () => {
    const aborter = new AbortController();
    const generation = await start(serve(slow()), aborter.signal);
    let batches = 0;
    for await (const _batch of generation.batches) if (++batches === 3) break;
    aborter.abort();
    const [early] = await booked();
    expect(early).toMatchObject({ outcome: "canceled" });
    expect(early?.output).toBeGreaterThanOrEqual(3);
    expect(early?.output).toBeLessThanOrEqual(4);
  });

  it.each([
    ["partial", 1],
    ["free", 0],
  ] as const)("costs what was set: %s", async (aborted, share) => {
    const aborter = new AbortController();
    const generation = await start(serve(slow(), { aborted }), aborter.signal);
    let batches = 0;
    for await (const _batch of generation.batches) if (++batches === 5) aborter.abort();
    const [row] = await booked();
    expect(row).toMatchObject({ outcome: "canceled", model: "MiniMax-M3" });
    expect([row?.output, generation.transcript.usage?.output]).toEqual([5, 5]);
    const price = documentedPrices["MiniMax-M3"];
    expect(price).toBeDefined();
    expect(row?.cost).toBe(share * Math.ceil(((row?.input ?? 0) * 300_000 + 5 * 1_200_000) / 1_000_000));
  });

  it("is counted by the engine's tokenizer where the engine tells nothing", async () => {
    const words = ["one", " two", " three", " four"];
    async function* silent(): AsyncGenerator<Batch> {
      yield [{ type: "begin" }, { type: "text-start", index: 0 }];
      for (const text of words) yield [{ type: "text-delta", index: 0, text }];
    }
    const counting = simEngine({});
    const engine = Object.assign(scriptEngine({ batches: () => silent() }), {
      count: (...asked: Parameters<Engine["count"]>) => counting.count(...asked),
    });
    const generation = await start(serve(engine));
    let batches = 0;
    for await (const _batch of generation.batches) if (++batches === 4) break;
    const [row] = await booked();
    const exact = await counting.count({ ...request, model: "MiniMax-M3" }, new AbortController().signal);
    expect(row).toMatchObject({ outcome: "canceled", input: exact.tokens, output: 3 });
  });
});

describe("limits", () => {
  const limits = { key: { streams: 1, tokensPerMinute: 5_000 }, organisation: {}, models: {} };

  it("are free again before the last batch is told", async () => {
    const service = serve(hello, { limits });
    const first = await start(service);
    await expect(start(service)).rejects.toMatchObject({ kind: "connection-limit" });
    for await (const batch of first.batches) {
      if (batch.at(-1)?.type === "finish") await read(await start(service));
    }
    expect(await booked()).toHaveLength(2);
  });

  it("settle to the truth: input and output", async () => {
    const service = serve(hello, { limits });
    await read(await start(service));
    const { rateLimit } = await start(service);
    const reserved = 5_000 - 1_050 - (rateLimit.tokens?.remaining ?? 0);
    expect(reserved).toBe(1_040);
  });

  it("are those of the key before the configured ones, and of organisation and model besides", async () => {
    const service = serve(hello, {
      limits: { key: { requestsPerMinute: 1 }, organisation: {}, models: { "MiniMax-M3": { requestsPerMinute: 3 } } },
    });
    const own = { ...caller, limits: { requestsPerMinute: 9 }, organisationLimits: { requestsPerMinute: 2 } };
    const signal = new AbortController().signal;
    const ask = async (): Promise<void> => read(await service.start(request, own, signal));
    await ask();
    await ask();
    await expect(ask()).rejects.toThrow(/2 requests per minute \(organisation\)/);
    await read(await service.start(request, { keyId: "other", name: "" }, signal));
    await expect(service.start(request, { keyId: "third", name: "" }, signal)).rejects.toThrow(/3 requests.*\(model\)/);
    await expect(service.start(request, { keyId: "other", name: "" }, signal)).rejects.toThrow(/1 requests.*\(key\)/);
  });
});

describe("what nothing is generated for", () => {
  const limits = { key: { requestsPerMinute: 2 }, organisation: {}, models: {} };
  const signal = new AbortController().signal;

  it("counts as a request", async () => {
    const service = serve(hello, { limits });
    await service.count(request, caller, signal);
    await service.checkLimits(request, caller);
    await expect(service.count(request, caller, signal)).rejects.toMatchObject({ kind: "rate-limit" });
    await expect(service.checkCaller(caller)).rejects.toMatchObject({ kind: "rate-limit" });
    expect(await booked()).toEqual([]);
  });

  it("is refused to a key whose money is spent", async () => {
    await store.accounts.update("key:k", { balance: 0 });
    const service = serve(hello);
    const refused = { kind: "balance" };
    await expect(service.count(request, caller, signal)).rejects.toMatchObject(refused);
    await expect(service.checkLimits(request, caller)).rejects.toMatchObject(refused);
    await expect(service.checkCaller(caller)).rejects.toMatchObject(refused);
    await service.checkCaller({ keyId: "other", name: "" });
  });

  it("is checked before a body is read without taking anything", async () => {
    const service = serve(hello, { limits: { ...limits, key: { requestsPerMinute: 1, streams: 1 } } });
    for (let times = 0; times < 5; times += 1) await service.checkCaller(caller);
    const generation = await start(service);
    await expect(service.checkCaller(caller)).rejects.toMatchObject({ kind: "connection-limit" });
    await read(generation);
    await expect(service.checkCaller(caller)).rejects.toMatchObject({ kind: "rate-limit" });
  });
});

describe("money", () => {
  it("ends service when the balance is used up, at once, written or not", async () => {
    await store.accounts.update("organisation:o", { balance: 300 });
    const service = serve(hello);
    await read(await start(service));
    await read(await start(service));
    await expect(start(service)).rejects.toMatchObject({ kind: "balance" });
    expect(await booked()).toHaveLength(2);
    expect(await store.accounts.read(["organisation:o"], Date.UTC(2026, 10, 20))).toMatchObject([
      { balance: 300 - 528 },
    ]);
  });

  it("ends service when the month's budget is used up, and not in the next month", async () => {
    let now = at;
    const service = serve(hello, { budgets: { key: { month: 264 } }, now: () => now });
    await read(await start(service));
    await expect(start(service)).rejects.toMatchObject({ kind: "balance" });
    await meter.close();
    now = Date.UTC(2026, 11, 1);
    await read(await start(service));
  });

  it("is reserved before an engine is asked, so that answers at once cannot overdraw it", async () => {
    await store.accounts.update("key:k", { balance: 1_000 });
    const service = serve(hello);
    // 264 micros each; 200 output tokens at most: 240 and the input's bytes
    const small = { ...request, sampling: { ...request.sampling, maxTokens: 200 } };
    const signal = new AbortController().signal;
    const asked = await Promise.allSettled(Array.from({ length: 300 }, () => service.start(small, caller, signal)));
    const begun = asked.filter((one) => one.status === "fulfilled").map(({ value }) => value);
    const refused = asked.filter((one) => one.status === "rejected").map(({ reason }) => (reason as ParleyError).kind);
    expect([begun.length, new Set(refused)]).toEqual([4, new Set(["rate-limit"])]);
    for (const generation of begun) await read(generation);
    expect(await booked()).toHaveLength(4);
    const [account] = await store.accounts.read(["key:k"], Date.UTC(2026, 10, 20));
    expect(account?.balance).toBe(1_000 - 4 * 264);
  });

  it("lets one answer at a time begin that may cost more than is left", async () => {
    await store.accounts.update("key:k", { balance: 10_000 });
    const service = serve(hello);
    const first = await start(service);
    await expect(start(service)).rejects.toMatchObject({ kind: "rate-limit", retryAfter: 1 });
    await read(first);
    await read(await start(service));
    expect(await booked()).toMatchObject([{ cost: 264 }, { cost: 264 }]);
  });

  it("is given back where no engine began, and where a limit refused", async () => {
    await store.accounts.update("key:k", { balance: 10_000 });
    let broken = true;
    const engine = scriptEngine({
      batches: () => {
        if (broken) throw new ParleyError("upstream", "down");
        return scriptBatches({ text: "hello", usage });
      },
    });
    const limits = { key: { requestsPerMinute: 3 }, organisation: {}, models: {} };
    const service = serve(engine, { limits });
    await expect(start(service)).rejects.toMatchObject({ kind: "upstream" });
    await expect(start(service)).rejects.toMatchObject({ kind: "upstream" });
    broken = false;
    await read(await start(service));
    await expect(start(service)).rejects.toMatchObject({ kind: "rate-limit" });
    await expect(start(service)).rejects.toThrow(/3 requests per minute/);
  });

  it("is not asked of a model without a price", async () => {
    const mine = { ...request, model: "mine" };
    await read(await serve(hello).start(mine, caller, new AbortController().signal));
    expect(await booked()).toMatchObject([{ cost: 0, model: "mine", input: 1_000 }]);
  });

  it("is counted by configured prices", async () => {
    const price = { input: 1_000_000, cached: 0, output: 0, priorityPercent: 200 };
    const service = serve(hello, { prices: { "MiniMax-M3": price } });
    await read(await service.start({ ...request, tier: "priority" }, caller, new AbortController().signal));
    expect(await booked()).toMatchObject([{ cost: 1_200, tier: "priority" }]);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createCatalog } from "../../src/engine/catalog.ts";
import { simEngine } from "../../src/engine/sim/engine.ts";
import { textPart } from "../../src/model/item.ts";
import type { Batch } from "../../src/model/event.ts";
import type { GenerationRequest } from "../../src/model/request.ts";
import { GenerateService } from "../../src/service/generate.ts";
import type { Generation } from "../../src/service/generation.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { generationRequest } from "../support/request.ts";
import { scriptBatches, scriptEngine } from "../support/script-engine.ts";

const request = (tier: GenerationRequest["tier"] = "standard"): GenerationRequest =>
  generationRequest({
    items: [{ type: "message", role: "user", parts: [textPart("Tell me a story")] }],
    sampling: { stop: [], maxTokens: 3 },
    tier,
  });

function serve(slots: number) {
  const engine = simEngine({ slots, decodeTokensPerSecond: 500 });
  const catalog = createCatalog({ engines: new Map([["e", engine]]), entries: [] });
  const service = new GenerateService({ catalog, log: silentLog });
  const begun: string[] = [];
  const ended: string[] = [];
  const ask = async (
    name: string,
    tier?: GenerationRequest["tier"],
    signal = new AbortController().signal,
  ): Promise<void> => {
    const generation: Generation = await service.start(request(tier), { keyId: name.slice(0, 1), name }, signal);
    begun.push(name);
    for await (const _batch of generation.batches);
    ended.push(name);
  };
  return { engine, ask, begun, ended };
}

describe("the line in front of an engine", () => {
  it("goes by turns between keys, and by priority", async () => {
    const { engine, ask, begun } = serve(1);
    const names = ["a1", "a2", "a3", "a4", "b1"];
    await Promise.all([...names.map((name) => ask(name)), ask("c1", "priority")]);
    expect(begun).toEqual(["a1", "c1", "b1", "a2", "a3", "a4"]);
    expect(engine.load()).toMatchObject({ running: 0, waiting: 0 });
  });

  it("uses all the room there is, and frees it when callers leave at any time", async () => {
    const { engine, ask, ended } = serve(3);
    const aborters = Array.from({ length: 12 }, () => new AbortController());
    const work = aborters.map((aborter, number) =>
      ask(`k${number}`, "standard", aborter.signal).catch(() => undefined),
    );
    await expect.poll(() => engine.load().running, { interval: 1, timeout: 10_000 }).toBe(3);
    for (const aborter of aborters.slice(0, 6)) aborter.abort();
    await Promise.all(work);
    expect(engine.load()).toMatchObject({ running: 0, waiting: 0 });
    await ask("z1");
    expect(ended.at(-1)).toBe("z1");
  });
});

describe("a slot that another key waits for", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  /** One slot, and moderation that judges each batch of an answer when `judged` lets it. */
  function moderated(judged: () => Promise<void>) {
    const engine = scriptEngine({ batches: scriptBatches({ text: "a long story" }, 1), slots: 1 });
    const catalog = createCatalog({ engines: new Map([["e", engine]]), entries: [] });
    async function* output(batches: AsyncIterable<Batch>): AsyncGenerator<Batch> {
      for await (const batch of batches) {
        await judged();
        yield batch;
      }
    }
    const moderator = { blocksOutput: true, input: () => Promise.resolve(undefined), output };
    const service = new GenerateService({ catalog, moderator, log: silentLog });
    const start = (keyId: string): Promise<Generation> =>
      service.start(request(), { keyId, name: keyId }, new AbortController().signal);
    return { engine, start };
  }

  async function readAll({ batches, transcript }: Pick<Generation, "batches" | "transcript">): Promise<string> {
    for await (const _batch of batches);
    return transcript.finish?.error?.kind ?? transcript.text();
  }

  it("is not taken back while moderation judges what the engine wrote", async () => {
    const held = Promise.withResolvers<void>();
    let count = 0;
    const { engine, start } = moderated(() => ((count += 1) === 3 ? held.promise : Promise.resolve()));
    const first = readAll(await start("a"));
    const other = start("b");
    await vi.advanceTimersByTimeAsync(20_000);
    expect(engine.aborted).toBe(0);
    held.resolve();
    expect(await first).toBe("a long story");
    expect(await readAll(await other)).toBe("a long story");
  });

  it("is taken back from a reader who reads nothing, also behind moderation", async () => {
    const { engine, start } = moderated(() => Promise.resolve());
    const first = await start("a");
    const batches = first.batches[Symbol.asyncIterator]();
    await batches.next();
    const other = start("b");
    await vi.advanceTimersByTimeAsync(20_000);
    expect(engine.aborted).toBe(1);
    expect(await readAll(await other)).toBe("a long story");
    expect(await readAll({ transcript: first.transcript, batches: { [Symbol.asyncIterator]: () => batches } })).toBe(
      "overloaded",
    );
  });

  it("is taken back from a reader who never begins to read", async () => {
    const { engine, start } = moderated(() => Promise.resolve());
    await start("a");
    const other = start("b");
    await vi.advanceTimersByTimeAsync(20_000);
    expect(engine.aborted).toBe(1);
    expect(await readAll(await other)).toBe("a long story");
  });
});

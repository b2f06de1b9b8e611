import { describe, expect, it } from "vitest";
import { createCatalog } from "../../src/engine/catalog.ts";
import { simEngine } from "../../src/engine/sim/engine.ts";
import { textPart } from "../../src/model/item.ts";
import type { GenerationRequest } from "../../src/model/request.ts";
import { GenerateService } from "../../src/service/generate.ts";
import type { Generation } from "../../src/service/generation.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { generationRequest } from "../support/request.ts";

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

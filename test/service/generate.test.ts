import { describe, expect, it } from "vitest";
import { createCatalog } from "../../src/engine/catalog.ts";
import type { Catalog, Engine } from "../../src/engine/engine.ts";
import { LiveCatalog } from "../../src/engine/live-catalog.ts";
import { scriptBatches, scriptEngine } from "../support/script-engine.ts";
import { ParleyError } from "../../src/model/error.ts";
import { GrammarCheck, type Batch, type GenerationEvent } from "../../src/model/event.ts";
import type { GenerationRequest } from "../../src/model/request.ts";
import { Transcript } from "../../src/model/transcript.ts";
import { AnswerRules } from "../../src/service/answer-rules.ts";
import { GenerateService } from "../../src/service/generate.ts";
import type { EndedGeneration, Generation } from "../../src/service/generation.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { generationRequest } from "../support/request.ts";

const caller = { keyId: "k", name: "test" };
const request = generationRequest({ reasoning: "on" });

function service(...engines: Engine[]): GenerateService {
  const named = new Map(engines.map((engine, index) => [`e${index}`, engine]));
  const entries = [{ name: "MiniMax-M3", engines: [...named.keys()], model: "own-name" }];
  return new GenerateService({ catalog: createCatalog({ engines: named, entries }), log: silentLog });
}

async function all(generation: Generation): Promise<GenerationEvent[]> {
  const check = new GrammarCheck();
  const events: GenerationEvent[] = [];
  for await (const batch of generation.batches) for (const event of batch) events.push(event);
  for (const event of events) check.accept(event);
  check.end();
  return events;
}

const start = (engines: Engine[], signal = new AbortController().signal): Promise<Generation> =>
  service(...engines).start(request, caller, signal);

const failing = (error: Error): Engine =>
  scriptEngine({
    batches: () => {
      throw error;
    },
  });

const open: Batch = [{ type: "begin" }, { type: "text-start", index: 0 }, { type: "text-delta", index: 0, text: "ha" }];

describe("GenerateService", () => {
  it("folds what it hands on, and asks the engine by the engine's own name", async () => {
    const engine = scriptEngine({ batches: scriptBatches({ reasoning: "hm", text: "hello there" }) });
    const generation = await start([engine]);
    await all(generation);
    expect(generation.transcript.text()).toBe("hello there");
    expect(generation.transcript.reasoning()).toBe("hm");
    expect(engine.requests[0]?.model).toBe("own-name");
    expect(generation.target.engineName).toBe("e0");
  });

  it("tries the next engine when one fails before its first batch", async () => {
    const spare = scriptEngine({ batches: scriptBatches({ text: "spare" }) });
    const generation = await start([failing(new ParleyError("upstream", "down")), failing(new Error("bug")), spare]);
    await all(generation);
    expect(generation.transcript.text()).toBe("spare");
    expect(generation.target.engineName).toBe("e2");
  });

  it("asks the engine that stands when the settings change while media are made ready", async () => {
    const [leaving, coming] = ["old", "new"].map((text) => scriptEngine({ batches: scriptBatches({ text }) }));
    const catalogOf = (engine: Engine): Catalog => createCatalog({ engines: new Map([["e", engine]]), entries: [] });
    const catalog = new LiveCatalog(catalogOf(leaving ?? expect.fail()));
    let reloads = 0;
    const media = {
      prepare: async (one: GenerationRequest) => {
        if (reloads++ === 0) catalog.exchange(catalogOf(coming ?? expect.fail()));
        return one;
      },
    };
    const generate = new GenerateService({ catalog, media, log: silentLog });
    const generation = await generate.start(request, caller, new AbortController().signal);
    await all(generation);
    expect(generation.transcript.text()).toBe("new");
    await catalog.close();
  });

  it("answers with the last failure when the settings no longer have the model after it", async () => {
    const named = (engine: Engine, name: string): Catalog =>
      createCatalog({ engines: new Map([["e", engine]]), entries: [{ name, engines: ["e"] }] });
    const leaving = scriptEngine({
      batches: () => {
        catalog.exchange(named(scriptEngine({ batches: [] }), "another"));
        throw new ParleyError("overloaded", "busy");
      },
    });
    const catalog = new LiveCatalog(named(leaving, "mine"));
    const generate = new GenerateService({ catalog, log: silentLog });
    const { signal } = new AbortController();
    const begun = generate.start({ ...request, model: "mine" }, caller, signal);
    await expect(begun).rejects.toMatchObject({ kind: "overloaded", message: "busy" });
    const unknown = generate.start({ ...request, model: "mine" }, caller, signal);
    await expect(unknown).rejects.toMatchObject({ kind: "invalid", message: expect.stringContaining("unknown model") });
    await expect(generate.count({ ...request, model: "mine" }, caller, signal)).rejects.toMatchObject({
      kind: "invalid",
    });
    await catalog.close();
  });

  it("does not try another engine for the caller's mistake", async () => {
    const spare = scriptEngine({ batches: scriptBatches({ text: "spare" }) });
    await expect(start([failing(new ParleyError("context", "too long")), spare])).rejects.toMatchObject({
      kind: "context",
    });
    expect(spare.requests).toHaveLength(0);
  });

  it("throws the last error when every engine fails", async () => {
    const engines = [failing(new ParleyError("upstream", "a")), failing(new ParleyError("overloaded", "b"))];
    await expect(start(engines)).rejects.toMatchObject({ kind: "overloaded", message: "b" });
  });

  it("throws when an engine ends without a word", async () => {
    await expect(start([scriptEngine({ batches: [] })])).rejects.toMatchObject({ kind: "upstream" });
  });

  it("turns a failure after the first batch into a finish that keeps the grammar", async () => {
    async function* broken(): AsyncGenerator<Batch> {
      yield open;
      throw new ParleyError("upstream", "reset");
    }
    const generation = await start([scriptEngine({ batches: () => broken() })]);
    const events = await all(generation);
    expect(events.slice(-2)).toMatchObject([
      { type: "text-end", index: 0 },
      { type: "finish", reason: "error" },
    ]);
    expect(generation.transcript.finish?.error?.message).toBe("reset");
  });

  it("ends a stream that breaks off without a finish", async () => {
    const generation = await start([scriptEngine({ batches: [open] })]);
    const events = await all(generation);
    expect(events.at(-1)).toMatchObject({ type: "finish", reason: "error", error: { kind: "upstream" } });
  });

  it("ends the engine's stream when the reader stops early", async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<Batch> {
      try {
        yield open;
        while (true) yield [{ type: "text-delta", index: 0, text: "ha" }];
      } finally {
        ended = true;
      }
    }
    const generation = await start([scriptEngine({ batches: () => endless() })]);
    let read = 0;
    for await (const _batch of generation.batches) if (++read === 3) break;
    expect(ended).toBe(true);
  });

  it("shows no reasoning where it is off, whatever the engine does, and joins nothing to the text", async () => {
    const batches: Batch[] = [
      [{ type: "begin" }, { type: "reasoning-start", index: 0 }],
      [{ type: "reasoning-delta", index: 0, text: "hm" }],
      [
        { type: "reasoning-end", index: 0 },
        { type: "text-start", index: 1 },
        { type: "text-delta", index: 1, text: "\n" },
      ],
      [{ type: "text-delta", index: 1, text: "\nhello\n" }],
      [
        { type: "text-end", index: 1 },
        { type: "finish", reason: "stop" },
      ],
    ];
    const off = { ...request, reasoning: "off" } as const;
    const generation = await service(scriptEngine({ batches })).start(off, caller, new AbortController().signal);
    expect(await all(generation)).toContainEqual({ type: "text-start", index: 0 });
    expect(generation.transcript.items).toEqual([{ type: "text", text: "hello\n", done: true }]);
  });

  it("lets one call through where calls may not be parallel", async () => {
    const batches: Batch[] = [
      [
        { type: "begin" },
        { type: "call-start", index: 0, id: "a", name: "f" },
        { type: "call-end", index: 0 },
        { type: "call-start", index: 1, id: "b", name: "g" },
        { type: "call-delta", index: 1, args: "{}" },
        { type: "call-end", index: 1 },
        { type: "text-start", index: 2 },
        { type: "text-delta", index: 2, text: "done" },
        { type: "text-end", index: 2 },
        { type: "finish", reason: "calls" },
      ],
    ];
    const single = { ...request, parallelCalls: false };
    const generation = await service(scriptEngine({ batches })).start(single, caller, new AbortController().signal);
    await all(generation);
    expect(generation.transcript.calls().map(({ id }) => id)).toEqual(["a"]);
    expect(generation.transcript.text()).toBe("done");
  });

  it("gives the record of every generation to its observers once, also of those that no engine began", async () => {
    const seen: EndedGeneration[] = [];
    const make = (engine: Engine): GenerateService =>
      new GenerateService({
        catalog: createCatalog({ engines: new Map([["e", engine]]), entries: [] }),
        observers: [(record) => seen.push({ ...record })],
        log: silentLog,
      });
    const signal = new AbortController().signal;
    const well = make(scriptEngine({ batches: scriptBatches({ text: "hello there" }) }));
    await all(await well.start(request, caller, signal));
    await expect(make(failing(new ParleyError("upstream", "down"))).start(request, caller, signal)).rejects.toThrow();
    const unknown = make(failing(new Error())).start({ ...request, model: "nobody" }, caller, signal);
    await expect(unknown).rejects.toThrow("unknown model");
    expect(seen.map(({ outcome, model, started }) => [outcome, model, started?.target.engineName])).toEqual([
      ["stop", "MiniMax-M3", "e"],
      ["upstream", "MiniMax-M3", undefined],
      ["invalid", undefined, undefined],
    ]);
  });

  it("is not kept from its end by an observer that throws, and the other observers are called", async () => {
    const seen: string[] = [];
    const broken = (): never => {
      throw new Error("bug");
    };
    const make = (engine: Engine): GenerateService =>
      new GenerateService({
        catalog: createCatalog({ engines: new Map([["e", engine]]), entries: [] }),
        observers: [broken, (record) => seen.push(record.outcome)],
        log: silentLog,
      });
    const signal = new AbortController().signal;
    const well = make(scriptEngine({ batches: scriptBatches({ text: "hello there" }) }));
    expect((await all(await well.start(request, caller, signal))).at(-1)?.type).toBe("finish");
    const ill = make(failing(new ParleyError("upstream", "down"))).start(request, caller, signal);
    await expect(ill).rejects.toMatchObject({ kind: "upstream" });
    expect(seen).toEqual(["stop", "upstream"]);
  });

  it("leaves no empty text where only newlines follow dropped reasoning, and no words glued together", async () => {
    const rules = (): AnswerRules => new AnswerRules({ reasoning: "off", parallelCalls: true });
    const folded = (...batch: GenerationEvent[]): Transcript => {
      const transcript = new Transcript();
      const held = rules();
      for (const event of batch) transcript.apply(held.apply([event]));
      return transcript;
    };
    const text = (index: number, words: string): GenerationEvent[] => [
      { type: "text-start", index },
      { type: "text-delta", index, text: words },
      { type: "text-end", index },
    ];
    const reasoning = (index: number): GenerationEvent[] => [
      { type: "reasoning-start", index },
      { type: "reasoning-delta", index, text: "hm" },
      { type: "reasoning-end", index },
    ];
    const glued = folded(...text(0, "Let me check."), ...reasoning(1), ...text(2, "\n\nIt is 4."));
    expect(glued.text()).toBe("Let me check.\n\nIt is 4.");
    const call: GenerationEvent[] = [
      { type: "call-start", index: 2, id: "c", name: "f" },
      { type: "call-end", index: 2 },
    ];
    expect(folded(...reasoning(0), ...text(1, "\n\n"), ...call).items.map(({ type }) => type)).toEqual(["call"]);
  });

  it("counts with the engine that would answer", async () => {
    const image = { kind: "bytes", mime: "image/png", bytes: new Uint8Array(8) } as const;
    const parts = [{ type: "image", media: image, detail: "default" }] as const;
    const seeing = scriptEngine({ batches: [], tokens: 7 });
    const blind = scriptEngine({ batches: [], tokens: 3, capabilities: { image: false } });
    const both = service(blind, seeing);
    const signal = new AbortController().signal;
    expect(await both.count(request, caller, signal)).toBe(3);
    expect(await both.count({ ...request, items: [{ type: "message", role: "user", parts }] }, caller, signal)).toBe(7);
  });
});

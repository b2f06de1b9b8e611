import { describe, expect, it } from "vitest";
import { createCatalog } from "../../src/engine/catalog.ts";
import { scriptBatches, scriptEngine } from "../support/script-engine.ts";
import { ParleyError } from "../../src/model/error.ts";
import { GrammarCheck, type Batch, type GenerationEvent } from "../../src/model/event.ts";
import type { Verdict } from "../../src/policy/moderate/finding.ts";
import { createModerator, type Moderator } from "../../src/policy/moderate/moderate.ts";
import { GenerateService } from "../../src/service/generate.ts";
import type { Generation } from "../../src/service/generation.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { generationRequest } from "../support/request.ts";

const caller = { keyId: "k", name: "test" };
const request = generationRequest();

/** Cuts the answer at its third batch, or fails there. */
async function* cutting(batches: AsyncIterable<Batch>, how: "cut" | "fail"): AsyncGenerator<Batch> {
  let count = 0;
  for await (const batch of batches) {
    if (++count < 3) yield batch;
    else if (how === "fail") throw new ParleyError("upstream", "moderation did not answer");
    else {
      yield [
        { type: "text-end", index: 0 },
        { type: "flag", side: "output", category: 2 },
        { type: "finish", reason: "filter" },
      ];
      return;
    }
  }
}

function moderator(input: () => Promise<Verdict>, how?: "cut" | "fail"): Moderator {
  return {
    blocksOutput: how === "cut",
    input,
    output: (batches) => (how === undefined ? batches : cutting(batches, how)),
  };
}

function start(
  engine: ReturnType<typeof scriptEngine>,
  judge: Moderator,
  signal = new AbortController().signal,
): Promise<Generation> {
  const catalog = createCatalog({ engines: new Map([["e", engine]]), entries: [] });
  const service = new GenerateService({ catalog, moderator: judge, log: silentLog });
  return service.start(request, caller, signal);
}

async function all(generation: Generation): Promise<GenerationEvent[]> {
  const check = new GrammarCheck();
  const events: GenerationEvent[] = [];
  for await (const batch of generation.batches) events.push(...batch);
  for (const event of events) check.accept(event);
  check.end();
  return events;
}

const clean = (): Promise<Verdict> => Promise.resolve(undefined);
const usage = { input: 9, cached: 0, output: 9, reasoning: 0 };
const engineOf = (text: string): ReturnType<typeof scriptEngine> =>
  scriptEngine({ batches: scriptBatches({ text, usage }), tokens: 5 });

describe("the screen step", () => {
  it("asks no engine about what is refused", async () => {
    const engine = engineOf("hello");
    const judge = moderator(() => Promise.reject(new ParleyError("input-sensitive", "no")));
    await expect(start(engine, judge)).rejects.toMatchObject({ kind: "input-sensitive" });
    expect(engine.requests).toHaveLength(0);
  });

  it("marks the answer to what is mild, and changes nothing else", async () => {
    const generation = await start(
      engineOf("hello there you"),
      moderator(() => Promise.resolve({ category: 3, severity: "mild" })),
    );
    const events = await all(generation);
    expect(events[1]).toEqual({ type: "flag", side: "input", category: 3 });
    expect([generation.transcript.text(), generation.transcript.inputFlag]).toEqual(["hello there you", 3]);
  });

  it("ends the engine's stream at a cut, and counts what went out", async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<Batch> {
      try {
        yield [{ type: "begin" }, { type: "text-start", index: 0 }];
        while (true) yield [{ type: "text-delta", index: 0, text: "ha" }];
      } finally {
        ended = true;
      }
    }
    const engine = scriptEngine({ batches: () => endless(), tokens: 5 });
    const generation = await start(engine, moderator(clean, "cut"));
    const events = await all(generation);
    expect(ended).toBe(true);
    expect(events.at(-1)).toEqual({ type: "finish", reason: "filter" });
    expect(generation.transcript).toMatchObject({
      outputFlag: 2,
      usage: { input: 5, cached: 0, output: 1, reasoning: 0 },
    });
  });

  it("keeps the engine's own count where it came before the cut", async () => {
    const begin: Batch = [{ type: "begin" }, { type: "usage", usage }, { type: "text-start", index: 0 }];
    const delta: Batch = [{ type: "text-delta", index: 0, text: "ha" }];
    const generation = await start(scriptEngine({ batches: [begin, delta, delta] }), moderator(clean, "cut"));
    await all(generation);
    expect(generation.transcript.usage).toEqual(usage);
  });

  it("turns a judge that fails half-way into a finish that keeps the grammar", async () => {
    const generation = await start(engineOf("hello there you, this is long"), moderator(clean, "fail"));
    const events = await all(generation);
    expect(events.at(-1)).toMatchObject({ type: "finish", reason: "error", error: { kind: "upstream" } });
  });

  it("frees the engine when the caller goes away while a verdict is awaited", async () => {
    const guard = { model: "g", prompt: "{text}", maxTokens: 5, verdicts: [], longest: 1000, timeoutSeconds: 60 };
    const settings = { input: "off", scope: "all", output: "block", window: 20 } as const;
    const client = new AbortController();
    const ask = (_question: unknown, signal: AbortSignal): Promise<string> => {
      setImmediate(() => client.abort());
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      });
    };
    const judge = createModerator({ ...settings, model: { ...guard, fails: "open" } }, { ask, log: silentLog });
    const engine = engineOf("One sentence that is judged. And another.");
    const generation = await start(engine, judge ?? moderator(clean), client.signal);
    const events = await all(generation);
    expect(events.at(-1)).toMatchObject({ type: "finish", reason: "error", error: { kind: "canceled" } });
    expect(generation.transcript.text()).toBe("");
    expect(engine.load().running).toBe(0);
  });
});

/** Answers that break off in the middle, with engines of any kind. */
import { describe, expect, it } from "vitest";
import { createCatalog } from "../../src/engine/catalog.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { ParleyError, type ErrorKind } from "../../src/model/error.ts";
import type { Batch } from "../../src/model/event.ts";
import { GenerateService, type Unseen } from "../../src/service/generate.ts";
import type { EndedGeneration, Generation, LostTry } from "../../src/service/generation.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { generationRequest } from "../support/request.ts";
import { scriptBatches, scriptEngine } from "../support/script-engine.ts";

const caller = { keyId: "k", name: "test" };
const request = generationRequest({ reasoning: "on" });
const usage = { input: 5, cached: 0, output: 2, reasoning: 0 };

const begun: Batch[] = [
  [{ type: "begin" }, { type: "text-start", index: 0 }, { type: "text-delta", index: 0, text: "lost" }],
  [{ type: "usage", usage: { input: 5, cached: 0, output: 99, reasoning: 0 } }],
];
const breaking = (kind: ErrorKind = "upstream"): Engine =>
  scriptEngine({
    batches: () => [
      ...begun,
      [
        { type: "text-end", index: 0 },
        { type: "finish", reason: "error", error: new ParleyError(kind, "no") },
      ],
    ],
  });
/** Throws in the middle, or ends without a finish. */
const falling = (thrown?: Error): Engine =>
  scriptEngine({
    batches: async function* () {
      yield* begun;
      if (thrown !== undefined) throw thrown;
    },
  });
const whole = (): Engine => scriptEngine({ batches: scriptBatches({ text: "whole", usage }) });

interface Outcome {
  generation: Generation;
  batches: Batch[];
  lost: LostTry[];
  ended: EndedGeneration[];
}

async function run(engines: Engine[], unseen?: Unseen): Promise<Outcome> {
  const named = new Map(engines.map((engine, index) => [`e${index}`, engine]));
  const entries = [{ name: "MiniMax-M3", engines: [...named.keys()], model: "own-name" }];
  const [lost, ended]: [LostTry[], EndedGeneration[]] = [[], []];
  const service = new GenerateService({
    catalog: createCatalog({ engines: named, entries }),
    log: silentLog,
    lost: (one) => lost.push(one),
    observers: [(one) => ended.push({ ...one })],
  });
  const generation = await service.start(request, caller, new AbortController().signal, unseen);
  const batches: Batch[] = [];
  for await (const batch of generation.batches) batches.push(batch);
  return { generation, batches, lost, ended };
}

const always = (): boolean => true;

describe("an answer that breaks off unseen", () => {
  it.each([
    ["with an error", () => breaking()],
    ["as it throws", () => falling(new Error("bug"))],
    ["without an end", () => falling()],
  ])("%s: is the next engine's, and nothing of the lost one is left", async (_how, first) => {
    const { generation, lost, ended } = await run([first(), whole()], always);
    expect(generation.transcript.text()).toBe("whole");
    expect(generation.transcript.finish).toEqual({ reason: "stop" });
    expect(generation.target.engineName).toBe("e1");
    expect(lost).toMatchObject([{ model: "MiniMax-M3", engine: "e0", usage: { output: 99 } }]);
    expect(ended).toHaveLength(1);
    expect(ended[0]).toMatchObject({ outcome: "stop", usage, started: { target: { engineName: "e1" } } });
  });

  it("goes from engine to engine, to each once", async () => {
    const { generation, lost } = await run([breaking(), breaking(), breaking(), whole()], always);
    expect(generation.transcript.text()).toBe("whole");
    expect(lost.map(({ engine }) => engine)).toEqual(["e0", "e1", "e2"]);
  });

  it("goes on where another engine's answer ends with an error at once", async () => {
    const short = scriptEngine({
      batches: () => [
        [{ type: "begin" }, { type: "finish", reason: "error", error: new ParleyError("upstream", "no") }],
      ],
    });
    const { generation, lost } = await run([breaking(), short, whole()], always);
    expect(generation.transcript.text()).toBe("whole");
    expect(lost.map(({ engine }) => engine)).toEqual(["e0", "e1"]);
  });

  it("keeps its own error, and what came, where no engine is left", async () => {
    const { generation, lost, ended } = await run([breaking("timeout")], always);
    expect(generation.transcript.text()).toBe("lost");
    expect(generation.transcript.finish?.error?.kind).toBe("timeout");
    expect(lost).toEqual([]);
    expect(ended).toMatchObject([{ outcome: "timeout", usage: { output: 99 } }]);
  });

  it("is not begun again after an error that another engine has too", async () => {
    const { generation } = await run([breaking("output-sensitive"), whole()], always);
    expect(generation.transcript.finish?.error?.kind).toBe("output-sensitive");
  });

  it("is not begun again when it was seen, also while another engine begins", async () => {
    expect((await run([breaking(), whole()])).generation.transcript.finish?.error?.kind).toBe("upstream");
    expect((await run([breaking(), whole()], () => false)).generation.transcript.finish?.error?.kind).toBe("upstream");
    let asked = 0;
    const late = await run([breaking(), whole()], () => (asked += 1) === 1);
    expect(late.generation.transcript.finish?.error?.kind).toBe("upstream");
    expect(late.generation.transcript.text()).toBe("lost");
    expect(late.lost).toEqual([]);
  });
});

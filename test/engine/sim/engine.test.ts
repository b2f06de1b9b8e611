import { describe, expect, it } from "vitest";
import { answerTokens } from "../../../src/engine/sim/answer.ts";
import type { Clock } from "../../../src/engine/sim/clock.ts";
import { type SimOptions, simEngine } from "../../../src/engine/sim/engine.ts";
import type { Batch } from "../../../src/model/event.ts";
import type { GenerationRequest } from "../../../src/model/request.ts";
import { ask, collect, message, requestOf, timeTool, weatherTool } from "../../contract/engine.ts";

/** Time that passes only by sleeping; remembers how long each sleep was. */
function windableClock(): Clock & { slept: number[] } {
  let time = 0;
  const slept: number[] = [];
  return {
    slept,
    now: () => time,
    sleep: (milliseconds, signal) => {
      if (signal.aborted || milliseconds <= 0) return Promise.resolve();
      if (milliseconds === Infinity)
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      slept.push(milliseconds);
      time += milliseconds;
      return Promise.resolve();
    },
  };
}

const story = `Repeat: ${"A river ran from the hills to the sea. ".repeat(10)}`;
const limited = (maxTokens: number): Partial<GenerationRequest> => ({ sampling: { stop: [], maxTokens } });

async function batches(request: GenerationRequest, options: SimOptions = {}): Promise<Batch[]> {
  const all: Batch[] = [];
  for await (const batch of simEngine(options).generate(request, new AbortController().signal)) all.push(batch);
  return all;
}

describe("simEngine", () => {
  it("answers equal requests with equal events", async () => {
    const request = requestOf("get_weather and get_weather", { tools: [weatherTool], reasoning: "on" });
    expect(await batches(request)).toEqual(await batches(request));
  });

  it("gives calls ids that differ within an answer and between answers", async () => {
    const ids = async (id: string): Promise<string[]> =>
      (await ask(simEngine(), requestOf("get_weather and get_weather", { id, tools: [weatherTool] })))
        .calls()
        .map((call) => call.id);
    const all = [...(await ids("a".repeat(32))), ...(await ids("b".repeat(32)))];
    expect(new Set(all).size).toBe(4);
    for (const id of all) expect(id).toMatch(/^call_function_[0-9a-z]{12}_\d+$/);
  });

  it("takes call ids from a source where one is given", async () => {
    const ids = { hex: () => "", word: () => "fromsource00", now: () => 0 };
    const answer = await ask(simEngine({ ids }), requestOf("Hi", { tools: [timeTool] }));
    expect(answer.calls()[0]?.id).toBe("call_function_fromsource00_1");
  });

  it("thinks first, then calls, in items of their own", async () => {
    const request = requestOf("get_weather and get_weather", { tools: [weatherTool], reasoning: "adaptive" });
    const answer = await ask(simEngine(), request);
    expect(answer.items.map((item) => item.type)).toEqual(["reasoning", "call", "call"]);
    expect(answer.finish).toEqual({ reason: "calls" });
  });

  it("cuts at the limit wherever it falls: in thought, in text, in arguments", async () => {
    const engine = simEngine();
    const request = requestOf("Weather in Oslo?", { tools: [weatherTool], reasoning: "on" });
    const whole = await ask(engine, request);
    const total = whole.usage?.output ?? 0;
    for (let limit = 0; limit < total; limit += 1) {
      const answer = await ask(engine, { ...request, ...limited(limit) });
      expect(answer.finish).toEqual({ reason: "length" });
      expect(answer.usage?.output).toBe(limit);
      expect(whole.reasoning().startsWith(answer.reasoning())).toBe(true);
      expect((whole.calls()[0]?.args ?? "").startsWith(answer.calls()[0]?.args ?? "")).toBe(true);
    }
    expect((await ask(engine, { ...request, ...limited(total) })).finish).toEqual({ reason: "calls" });
  });

  it("counts thought as part of the output", async () => {
    const answer = await ask(simEngine(), requestOf("Why are there tides?", { reasoning: "on", ...limited(3) }));
    expect(answer.usage).toMatchObject({ output: 3, reasoning: 3 });
    expect(answer.text()).toBe("");
  });

  it("stops before a stop text and drops calls that would follow it", async () => {
    const answer = await ask(
      simEngine(),
      requestOf("Repeat exactly: one two three", { sampling: { stop: ["three", " two"] } }),
    );
    expect(answer.text()).toBe("one");
    expect(answer.finish).toEqual({ reason: "stop", stopText: " two" });
    expect(answer.usage?.output).toBe(1);
  });

  it("takes a prompt of half a million tokens and answers within a second or two", async () => {
    const request = requestOf(`${"lorem ipsum ".repeat(280_000)}\nSay "done".`, limited(16));
    const start = performance.now();
    const answer = await ask(simEngine(), request);
    expect(answer.text()).toBe("done");
    expect(answer.usage?.input).toBeGreaterThan(524_288);
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it("repeats a megabyte byte for byte and lets other work run meanwhile", async () => {
    const text = "线 lines 😀 中 words\n".repeat(55_000).trim();
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    const answer = await ask(simEngine(), requestOf(`Repeat exactly: ${text}`));
    clearInterval(timer);
    expect(Buffer.byteLength(text)).toBeGreaterThan(1_000_000);
    expect(answer.text() === text).toBe(true);
    expect(turns).toBeGreaterThan(10);
  });

  describe("window", () => {
    it("refuses a prompt that leaves no room and clamps the answer to what is left", async () => {
      const request = requestOf(story);
      const { tokens } = await simEngine().count(request, new AbortController().signal);
      await expect(ask(simEngine({ contextWindow: tokens }), request)).rejects.toMatchObject({ kind: "context" });
      const answer = await ask(simEngine({ contextWindow: tokens + 5 }), request);
      expect(answer.finish).toEqual({ reason: "length" });
      expect(answer.usage?.output).toBe(5);
    });
  });

  describe("speed", () => {
    it("takes its time per token, for the prompt and for the answer", async () => {
      const clock = windableClock();
      const request = requestOf(story, limited(40));
      const options = {
        clock,
        prefillTokensPerSecond: 100,
        decodeTokensPerSecond: 50,
        tokensPerBatch: 10,
        cacheTokens: 0,
      };
      const answer = await ask(simEngine(options), request);
      const prefill = ((answer.usage?.input ?? 0) / 100) * 1_000;
      expect(clock.slept).toEqual([prefill, 200, 200, 200, 200]);
    });

    it("saves the time of a cached prefix", async () => {
      const clock = windableClock();
      const engine = simEngine({ clock, prefillTokensPerSecond: 100 });
      const request = requestOf("A long prompt. ".repeat(100), limited(1));
      const first = await ask(engine, request);
      const second = await ask(engine, request);
      expect(first.usage?.cached).toBe(0);
      const left = (second.usage?.input ?? 0) - (second.usage?.cached ?? 0);
      expect(left).toBeLessThanOrEqual(64);
      expect(clock.slept[1]).toBe(left * 10);
    });

    it("says as many tokens a batch as it is told to", async () => {
      const all = await batches(requestOf(story, limited(10)), { tokensPerBatch: 4 });
      const texts = all.map((batch) => batch.filter((event) => event.type === "text-delta").length);
      expect(texts).toEqual([4, 4, 2, 0]);
    });
  });

  it("shares the prefix of a growing conversation", async () => {
    const engine = simEngine();
    const first = [message("system", "Be kind. ".repeat(100)), message("user", "Say hi")];
    await ask(engine, requestOf("", { items: first }));
    const next = await ask(
      engine,
      requestOf("", { items: [...first, message("assistant", "hi"), message("user", "Say ho")] }),
    );
    expect(next.usage?.cached).toBeGreaterThanOrEqual(192);
  });

  describe("faults", () => {
    it("fails before the first batch", async () => {
      const engine = simEngine({
        faults: [{ kind: "error-before", errorKind: "rate-limit", retryAfter: 2, times: 1 }],
      });
      await expect(ask(engine, requestOf("Hi"))).rejects.toMatchObject({ kind: "rate-limit", retryAfter: 2 });
      expect((await ask(engine, requestOf("Hi"))).finish).toEqual({ reason: "stop" });
      expect(engine.load().running).toBe(0);
    });

    it.each([0, 3, 8, 20])(
      "fails after %i tokens, within the grammar, and reports what was used",
      async (afterTokens) => {
        const engine = simEngine({ faults: [{ kind: "error-after", afterTokens }] });
        const answer = await ask(engine, requestOf(story));
        expect(answer.finish).toMatchObject({ reason: "error", error: { kind: "upstream" } });
        expect(answer.usage?.output).toBe(afterTokens);
      },
    );

    it("stalls until it is aborted", async () => {
      const engine = simEngine({ faults: [{ kind: "stall", afterTokens: 4 }], slots: 1 });
      const abort = new AbortController();
      const reading = collect(engine.generate(requestOf(story), abort.signal));
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(engine.load().running).toBe(1);
      abort.abort();
      expect((await reading).finish).toMatchObject({ reason: "error", error: { kind: "canceled" } });
      expect(engine.load().running).toBe(0);
    });

    it("slows every batch", async () => {
      const clock = windableClock();
      const engine = simEngine({ clock, faults: [{ kind: "slow", delayMs: 70 }], tokensPerBatch: 5 });
      await ask(engine, requestOf(story, limited(15)));
      expect(clock.slept).toEqual([70, 70, 70]);
    });
  });

  it("keeps the latest requests where it keeps a journal", async () => {
    const kept = async (journal: number): Promise<unknown[]> => {
      const engine = simEngine({ journal });
      for (const text of ["1", "2", "3"]) await ask(engine, requestOf(text));
      return (engine.requests ?? []).map(({ items }) => items[0]);
    };
    expect(await kept(0)).toEqual([]);
    expect(await kept(2)).toEqual([message("user", "2"), message("user", "3")]);
  });

  it("refuses more than the queue takes", async () => {
    const engine = simEngine({ slots: 1, queueLimit: 0 });
    const stream = engine.generate(requestOf(story), new AbortController().signal)[Symbol.asyncIterator]();
    await stream.next();
    await expect(ask(engine, requestOf("Hi"))).rejects.toMatchObject({ kind: "overloaded" });
    await engine.close();
    await stream.return?.();
  });
});

it("arguments of many tokens are an answer like any other", () => {
  const calls = [{ name: "t", args: JSON.stringify(Array.from({ length: 200_000 }, (_, index) => index)) }];
  const tokens = [...answerTokens({ reasoning: "", text: "", calls }, [])];
  expect(tokens.map(({ text }) => text).join("")).toBe(`t${calls[0]?.args}`);
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { ParleyError } from "../../src/model/error.ts";
import { type Batch, GrammarCheck } from "../../src/model/event.ts";
import { type Item, type Role, textPart } from "../../src/model/item.ts";
import { isObject, parseJson } from "../../src/model/json.ts";
import type { GenerationRequest, ToolDefinition } from "../../src/model/request.ts";
import { Transcript } from "../../src/model/transcript.ts";
import { generationRequest } from "../support/request.ts";

/*
 * The contract suite of the Engine port (src/engine/engine.ts). How to run it on an engine:
 *
 *   import { describeEngine } from "../contract/engine.ts";
 *   describeEngine("embedded", {
 *     make: () => llamaEngine({ model: "model/tiny.gguf" }),
 *     model: "tiny",
 *     supports: { thinking: true, forcedCalls: true, stop: true },
 *   });
 *
 * `make` is called once; the last test closes what it made. Every test needs nothing but the port, so an engine that can
 * do little still proves the common part: grammar, usage, abort, concurrency, close. `supports` says what more to ask
 * of it; a flag left out is not tested. For the queue tests give the engine few slots (2 is best) and let an answer
 * to `longAsk` take some hundred milliseconds. Any server an engine talks to is the test's own to start and stop
 * (beforeAll outside, afterAll outside).
 */
/** Makes engines that only echo answer at length. */
export const longEcho = `Repeat: ${"A river ran from the hills to the sea. ".repeat(20)}`;

export interface EngineContract {
  make(): Engine | Promise<Engine>;
  /** The engine's own model name; default `test`. */
  model?: string;
  /** A message that makes it answer with more than 16 tokens. */
  longAsk?: string;
  /** Milliseconds an aborted stream may take to end; default 100. */
  abortWithin?: number;
  supports?: EngineSupport;
}

export interface EngineSupport {
  /** `count` is exact and equals the usage's input. */
  exactCount?: boolean;
  /** A token limit cuts the answer: finish `length` and output equal to the limit. */
  length?: boolean;
  /** Thought comes as reasoning when on, and not at all when off. */
  thinking?: boolean;
  /** `required` and a named choice always call; `none` never does. */
  forcedCalls?: boolean;
  /** Stop texts end the answer and are not part of it. */
  stop?: boolean;
  /** `load().slots` is finite, and further requests wait. */
  queue?: boolean;
  /** "Repeat exactly: X" is answered with X. */
  echo?: boolean;
  /** The same request with temperature 0 is answered alike. */
  deterministic?: boolean;
  /** A long prompt asked twice reports cached tokens. */
  cache?: boolean;
  /** A prompt over `capabilities.contextWindow` is refused before the first batch. */
  context?: boolean;
  /** A JSON Schema format gives JSON that fits. */
  schema?: boolean;
}

export const weatherTool: ToolDefinition = {
  name: "get_weather",
  description: "Get the current weather of a city",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
export const timeTool: ToolDefinition = {
  name: "get_time",
  description: "Get the current time of a city",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

export function message(role: Role, text: string): Item {
  return { type: "message", role, parts: [textPart(text)] };
}

/** A request that asks one thing; `changes` replaces whole fields. */
export function requestOf(asked: string, changes: Partial<GenerationRequest> = {}): GenerationRequest {
  return generationRequest({
    id: "066a2a56c0ffee00c0ffee00c0ffee00",
    createdAt: 1_780_152_150,
    model: "test",
    items: [message("user", asked)],
    sampling: { stop: [], temperature: 0 },
    ...changes,
  });
}

/** Reads a stream to its end, checks its grammar and folds it. */
export async function collect(stream: AsyncIterable<Batch>): Promise<Transcript> {
  const transcript = new Transcript();
  const check = new GrammarCheck();
  for await (const batch of stream) {
    for (const event of batch) check.accept(event);
    transcript.apply(batch);
  }
  check.end();
  return transcript;
}

export function ask(
  engine: Engine,
  request: GenerationRequest,
  signal = new AbortController().signal,
): Promise<Transcript> {
  return collect(engine.generate(request, signal));
}

/** How a stream ended that was aborted: what it threw, or the error of its finish. */
async function endOf(stream: AsyncIterable<Batch>): Promise<unknown> {
  try {
    return (await collect(stream)).finish?.error;
  } catch (thrown) {
    return thrown;
  }
}

/** Whether the condition comes true in time. */
async function comesTrue(condition: () => boolean, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (!condition() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 2));
  return condition();
}

export function describeEngine(name: string, contract: EngineContract): void {
  const {
    supports = {},
    model = "test",
    longAsk = "Tell me a long story about a river and the sea.",
    abortWithin = 100,
  } = contract;
  let engine: Engine;
  const make = (asked: string, changes: Partial<GenerationRequest> = {}): GenerationRequest =>
    requestOf(asked, { model, ...changes });
  const limited = (maxTokens: number): Partial<GenerationRequest> => ({
    sampling: { stop: [], temperature: 0, maxTokens },
  });
  /** A stream whose first batch has arrived. */
  const started = async (asked: string, signal: AbortSignal): Promise<AsyncIterator<Batch>> => {
    const iterator = engine.generate(make(asked), signal)[Symbol.asyncIterator]();
    const first = await iterator.next();
    expect(first.done).not.toBe(true);
    return iterator;
  };

  describe(`engine contract: ${name}`, () => {
    beforeAll(async () => {
      engine = await contract.make();
    });
    afterAll(async () => {
      await engine.close();
    });

    describe("every stream", () => {
      it("keeps the grammar, finishes and reports a usage that adds up", async () => {
        const answer = await ask(engine, make("Say hello.", limited(64)));
        expect(answer.finish?.error).toBeUndefined();
        expect(["stop", "length", "calls"]).toContain(answer.finish?.reason);
        const usage = answer.usage;
        if (usage === undefined) throw new Error("no usage");
        for (const count of Object.values(usage)) expect(Number.isInteger(count) && count >= 0).toBe(true);
        expect(usage.input).toBeGreaterThan(0);
        expect(usage.cached).toBeLessThanOrEqual(usage.input);
        expect(usage.reasoning).toBeLessThanOrEqual(usage.output);
        expect(answer.items.every((item) => item.done)).toBe(true);
      });

      it("takes every kind of item", async () => {
        const items: Item[] = [
          message("system", "You are kind."),
          message("user", "What is the weather in Paris?"),
          { type: "reasoning", text: "I should ask the tool." },
          { type: "call", id: "call_1", name: "get_weather", args: '{"city":"Paris"}' },
          { type: "result", id: "call_1", parts: [textPart("18 degrees, sunny")], failed: false },
        ];
        const answer = await ask(engine, make("", { items, tools: [weatherTool], ...limited(64) }));
        expect(answer.finish?.error).toBeUndefined();
        expect(answer.items.length).toBeGreaterThan(0);
      });

      it("is not disturbed by others", async () => {
        const answers = await Promise.all(
          Array.from({ length: 6 }, (_, at) => ask(engine, make(`Count to ${at + 3}.`, limited(24)))),
        );
        for (const answer of answers) expect(answer.finish?.error).toBeUndefined();
        expect(engine.load()).toMatchObject({ running: 0, waiting: 0 });
      });
    });

    describe("abort", () => {
      it("before the start: nothing is generated", async () => {
        const end = await endOf(engine.generate(make(longAsk), AbortSignal.abort()));
        expect(end).toBeInstanceOf(ParleyError);
        expect(end).toMatchObject({ kind: "canceled" });
        expect(engine.load().running).toBe(0);
      });

      it("in mid-stream: it ends promptly, within the grammar, and frees its slot", async () => {
        const abort = new AbortController();
        const check = new GrammarCheck();
        const transcript = new Transcript();
        let abortedAt = 0;
        for await (const batch of engine.generate(make(longAsk), abort.signal)) {
          for (const event of batch) check.accept(event);
          transcript.apply(batch);
          if (abortedAt > 0) continue;
          abort.abort();
          abortedAt = performance.now();
        }
        check.end();
        expect(performance.now() - abortedAt).toBeLessThan(abortWithin);
        expect(transcript.finish).toMatchObject({ reason: "error", error: { kind: "canceled" } });
        expect(await comesTrue(() => engine.load().running === 0, abortWithin)).toBe(true);
      });

      it("by a consumer that never comes back: the slot is freed all the same", async () => {
        const abort = new AbortController();
        await started(longAsk, abort.signal);
        abort.abort();
        expect(await comesTrue(() => engine.load().running === 0, abortWithin)).toBe(true);
      });

      it("a consumer that leaves the loop frees the slot", async () => {
        for await (const _ of engine.generate(make(longAsk), new AbortController().signal)) break;
        expect(await comesTrue(() => engine.load().running === 0, abortWithin)).toBe(true);
      });
    });

    describe.runIf(supports.queue)("queue", () => {
      it("makes further requests wait, lets them leave at once, and serves the rest in order", async () => {
        const { slots } = engine.load();
        expect(slots).toBeLessThan(64);
        const holders = Array.from({ length: slots }, () => new AbortController());
        const streams = await Promise.all(holders.map((holder) => started(longAsk, holder.signal)));
        const leaver = new AbortController();
        const left = endOf(engine.generate(make("Say hello.", limited(8)), leaver.signal));
        const order: string[] = [];
        const served = ["first", "second"].map(async (label) => {
          const answer = await ask(engine, make("Say hello.", limited(8)));
          order.push(label);
          return answer;
        });
        expect(await comesTrue(() => engine.load().waiting === 3, abortWithin)).toBe(true);
        const at = performance.now();
        leaver.abort();
        expect(await left).toMatchObject({ kind: "canceled" });
        expect(performance.now() - at).toBeLessThan(abortWithin);
        expect(engine.load()).toMatchObject({ running: slots, waiting: 2 });
        // one slot for both: with more of them they would run side by side and end in any order
        holders[0]?.abort();
        await streams[0]?.return?.();
        for (const answer of await Promise.all(served)) expect(answer.finish?.error).toBeUndefined();
        expect(order).toEqual(["first", "second"]);
        for (const holder of holders) holder.abort();
        for (const stream of streams) await stream.return?.();
        expect(await comesTrue(() => engine.load().running === 0, abortWithin)).toBe(true);
      });
    });

    describe("limits and counts", () => {
      it("count answers a positive number", async () => {
        const counted = await engine.count(make("Say hello."), new AbortController().signal);
        expect(counted.tokens).toBeGreaterThan(0);
      });

      it.runIf(supports.exactCount)("count equals the usage's input, tools and history included", async () => {
        const request = make("What is the weather in 巴黎? 👍🏽", { tools: [weatherTool, timeTool], ...limited(4) });
        const counted = await engine.count(request, new AbortController().signal);
        expect(counted.exact).toBe(true);
        expect((await ask(engine, request)).usage?.input).toBe(counted.tokens);
      });

      it.runIf(supports.length).each([1, 5, 16])("a limit of %i tokens is met exactly", async (maxTokens) => {
        for (const thinking of ["off", "on"] as const) {
          const answer = await ask(engine, make(longAsk, { reasoning: thinking, ...limited(maxTokens) }));
          expect(answer.finish).toEqual({ reason: "length" });
          expect(answer.usage?.output).toBe(maxTokens);
        }
      });

      it.runIf(supports.context)("a prompt over the window is refused before the first batch", async () => {
        const window = engine.capabilities.contextWindow ?? Number.NaN;
        const words = "word ".repeat(window + 1);
        await expect(ask(engine, make(words))).rejects.toMatchObject({ kind: "context" });
        expect(engine.load().running).toBe(0);
      });

      it.runIf(supports.cache)("a long prompt asked twice is cached, never wholly", async () => {
        const long = `${"The river runs from the hills to the sea. ".repeat(20)} Say hello.`;
        await ask(engine, make(long, limited(4)));
        const { usage } = await ask(engine, make(long, limited(4)));
        expect(usage?.cached).toBeGreaterThan(0);
        expect(usage?.cached).toBeLessThan(usage?.input ?? 0);
      });
    });

    describe("content", () => {
      it
        .runIf(supports.echo)
        .each(["plain words", "emoji 👩‍👩‍👧‍👦🇨🇳👍🏽!", "中文，标点。", 'quotes " and \\ and </tag>', "a\n\n  b\tc"])(
        "repeats %j byte for byte",
        async (text) => {
          expect((await ask(engine, make(`Repeat exactly: ${text}`))).text()).toBe(text);
        },
      );

      it.runIf(supports.deterministic)("answers the same request alike", async () => {
        const [one, two] = [
          await ask(engine, make(longAsk, limited(32))),
          await ask(engine, make(longAsk, limited(32))),
        ];
        expect(two.text()).toBe(one.text());
      });

      it.runIf(supports.stop)("a stop text ends the answer and is not part of it", async () => {
        const whole = (await ask(engine, make(longAsk, limited(32)))).text();
        const stop = whole.slice(Math.floor(whole.length / 2), Math.floor(whole.length / 2) + 4);
        const answer = await ask(
          engine,
          make(longAsk, { sampling: { temperature: 0, maxTokens: 32, stop: ["\u0000never", stop] } }),
        );
        expect(answer.text()).toBe(whole.slice(0, whole.indexOf(stop)));
        expect(answer.finish?.reason).toBe("stop");
        // not every server reports it
        expect(answer.finish?.stopText ?? stop).toBe(stop);
      });

      it.runIf(supports.schema)("a JSON Schema is kept", async () => {
        const schema = {
          type: "object",
          properties: { city: { type: "string" }, warm: { type: "boolean" } },
          required: ["city", "warm"],
          additionalProperties: false,
        };
        const format = { type: "schema", schema, strict: true, path: "schema" } as const;
        const answer = await ask(engine, make("Is it warm in Rome? Answer in JSON.", { format, ...limited(128) }));
        const value = parseJson(answer.text());
        if (!isObject(value)) throw new Error(`no JSON object: ${answer.text()}`);
        expect(Object.keys(value).toSorted()).toEqual(["city", "warm"]);
        expect(typeof value["city"]).toBe("string");
        expect(typeof value["warm"]).toBe("boolean");
      });
    });

    describe.runIf(supports.thinking)("thinking", () => {
      it("off gives no reasoning, on gives some and counts it", async () => {
        const off = await ask(engine, make("Say hello.", { reasoning: "off", ...limited(200) }));
        expect(off.reasoning()).toBe("");
        expect(off.usage?.reasoning).toBe(0);
        const on = await ask(engine, make("Say hello.", { reasoning: "on", ...limited(200) }));
        expect(on.reasoning()).not.toBe("");
        expect(on.usage?.reasoning).toBeGreaterThan(0);
        expect(on.items[0]?.type).toBe("reasoning");
      });
    });

    describe.runIf(supports.forcedCalls)("tool choice", () => {
      const tools = [weatherTool, timeTool];
      const asked = "What is the weather in Paris?";

      it("none never calls", async () => {
        const answer = await ask(engine, make(asked, { tools, toolChoice: "none", ...limited(64) }));
        expect(answer.calls()).toEqual([]);
        expect(answer.finish?.reason).not.toBe("calls");
      });

      it("required calls a declared tool with arguments that fit", async () => {
        const answer = await ask(engine, make(asked, { tools, toolChoice: "required", ...limited(256) }));
        expect(answer.finish).toEqual({ reason: "calls" });
        const [call] = answer.calls();
        expect(tools.map((tool) => tool.name)).toContain(call?.name);
        expect(call?.id).not.toBe("");
        const args = parseJson(call?.args ?? "");
        expect(isObject(args) ? typeof args["city"] : "none").toBe("string");
      });

      it("a named choice calls that tool, even where the request says something else", async () => {
        const answer = await ask(
          engine,
          make("Say hello.", { tools, toolChoice: { name: "get_time" }, ...limited(256) }),
        );
        expect(answer.calls().map((call) => call.name)).toEqual(["get_time"]);
        expect(answer.finish).toEqual({ reason: "calls" });
      });
    });

    describe("close", () => {
      it("ends what runs, may be called twice, and refuses afterwards", async () => {
        const stream = await started(longAsk, new AbortController().signal);
        const rest = (async () => {
          for (let step = await stream.next(); step.done !== true; step = await stream.next());
        })();
        await engine.close();
        await engine.close();
        await rest.catch(() => undefined);
        await expect(ask(engine, make("Say hello."))).rejects.toBeInstanceOf(ParleyError);
        expect(engine.load().running).toBe(0);
      });
    });
  });
}

import { describe, expect, it, vi } from "vitest";
import type { Engine } from "../../../src/engine/engine.ts";
import type { DialectName } from "../../../src/engine/upstream/dialect/dialect.ts";
import { upstreamEngine, type UpstreamOptions } from "../../../src/engine/upstream/engine.ts";
import { UpstreamServer } from "../../../src/engine/upstream/server.ts";
import { UpstreamClient } from "../../../src/engine/upstream/wire/client.ts";
import { TimeSlices, type Steps } from "../../../src/lib/time-slices.ts";
import type { Batch } from "../../../src/model/event.ts";
import type { GenerationRequest } from "../../../src/model/request.ts";
import {
  doneFrame,
  fakeServer,
  fold,
  foldEvents,
  frame,
  requestOf,
  sse,
  startEngine,
  usageFrame,
  type FakeServer,
  type Handler,
} from "./fake.ts";
import { closeLater } from "../../support/close-later.ts";

function start(handler: Handler, options: Partial<UpstreamOptions> = {}): ReturnType<typeof startEngine> {
  return startEngine(handler, () => ({ replicas: { probeMs: 0 }, ...options }));
}

async function clientOf(handler: Handler): Promise<{ client: UpstreamClient; server: FakeServer }> {
  const server = await fakeServer(handler);
  const client = new UpstreamClient({ url: server.url });
  closeLater(client, server);
  return { client, server };
}

const never = new AbortController().signal;
const request = requestOf({ delivery: "whole" });
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const answerOf = (message: object, finish = "stop"): string =>
  JSON.stringify({
    object: "chat.completion",
    choices: [{ index: 0, message: { role: "assistant", ...message }, finish_reason: finish }],
    usage: { prompt_tokens: 3, completion_tokens: 2 },
  });
const json: Handler = ({ body }, response) => {
  if (body["stream"] === true) sse(response).end(frame({ content: "a" }, "stop") + usageFrame(3, 2) + doneFrame);
  else response.setHeader("content-type", "application/json").end(answerOf({ content: "a" }));
};

async function textOf(engine: Engine, asked: GenerationRequest = request): Promise<string> {
  const { transcript } = await fold(engine.generate(asked, never));
  return transcript.finish?.error?.message ?? transcript.text();
}

async function errorOf(engine: Engine): Promise<unknown> {
  return fold(engine.generate(request, never)).then(
    ({ transcript }) => transcript.finish?.error,
    (thrown: unknown) => thrown,
  );
}

describe("an answer that no one reads in pieces", () => {
  it.each([
    ["generic", undefined, false],
    ["vllm", undefined, false],
    ["sglang", undefined, false],
    ["llama-server", undefined, false],
    ["ollama", undefined, false],
    ["parley", undefined, false],
    ["minimax", undefined, true],
    ["minimax", "follow", false],
    ["vllm", "always", true],
  ] as [DialectName, "follow" | "always" | undefined, boolean][])(
    "of %s with stream: %s is asked for with stream: %s",
    async (dialect, stream, streamed) => {
      const { engine, server } = await start(json, { dialect, stream });
      const { transcript } = await fold(engine.generate(request, never));
      expect(transcript.text()).toBe("a");
      expect(transcript.usage).toEqual({ input: 3, cached: 0, output: 2, reasoning: 0 });
      const { stream: asked, stream_options: options } = server.asked[0]?.body ?? {};
      expect([asked, options]).toEqual([streamed, streamed ? { include_usage: true } : undefined]);
    },
  );

  it("is one batch", async () => {
    const { engine } = await start(json);
    const batches: Batch[] = [];
    for await (const batch of engine.generate(request, never)) batches.push(batch);
    expect(batches.map((batch) => batch.map(({ type }) => type))).toEqual([
      ["begin", "text-start", "text-delta", "text-end", "usage", "finish"],
    ]);
  });

  it("is a stream where a caller reads it in pieces", async () => {
    const { engine, server } = await start(json);
    await textOf(engine, requestOf({ delivery: "pieces" }));
    await textOf(engine, requestOf());
    expect(server.asked.map(({ body }) => body["stream"])).toEqual([true, true]);
  });

  it("is asked for without a stream in raw mode too", async () => {
    const { engine, server } = await start(
      (_, response) => {
        const body = { choices: [{ index: 0, text: "hm</think>\nyes", finish_reason: "stop" }] };
        response.setHeader("content-type", "application/json").end(JSON.stringify(body));
      },
      { mode: "completions", family: "m2", template: "{{ messages[0].content }}" },
    );
    const { transcript } = await fold(engine.generate({ ...request, reasoning: "on" }, never));
    expect([transcript.reasoning(), transcript.text()]).toEqual(["hm", "yes"]);
    expect(server.asked[0]?.body["stream"]).toBe(false);
  });

  it("is read all the same where the server streams it, and where the stream does not end", async () => {
    const { engine } = await start((_, response) => void sse(response).write(frame({ content: "a" }, "stop")), {
      timeouts: { grace: 50 },
    });
    expect(await textOf(engine)).toBe("a");
  });

  it("goes through the same repairs", async () => {
    const fired: string[] = [];
    const content = '<think>hm</think>\n<minimax:tool_call>\n<invoke name="f">\n</invoke>\n</minimax:tool_call>';
    const { engine } = await start(
      (_, response) => void response.setHeader("content-type", "application/json").end(answerOf({ content })),
      { family: "m2", onRepair: (rule) => fired.push(rule) },
    );
    const tools = [{ name: "f", parameters: {} }];
    const { transcript } = await fold(engine.generate({ ...request, tools }, never));
    expect(transcript.reasoning()).toBe("hm");
    expect(transcript.calls().map(({ name, args }) => [name, args])).toEqual([["f", "{}"]]);
    expect(fired.toSorted()).toEqual(["finish-reason", "inline-calls", "inline-thought"]);
  });
});

describe("a long whole answer", () => {
  const words = '中文 words \\ " \n👋🏽 '.repeat(120_000);

  it("comes in several batches, and is what a stream of it is", async () => {
    const { engine } = await start(
      (_, response) =>
        void response
          .setHeader("content-type", "application/json")
          .end(answerOf({ reasoning_content: words, content: words })),
    );
    const batches: Batch[] = [];
    for await (const batch of engine.generate(request, never)) batches.push(batch);
    const transcript = foldEvents(batches.flat());
    expect([transcript.reasoning() === words, transcript.text() === words]).toEqual([true, true]);
    expect(batches.length).toBeGreaterThan(20);
  });

  it("of a million tokens fits; one without an end does not", async () => {
    const million = JSON.stringify("你好".repeat(1_000_000)).replaceAll("你好", "\\u4f60\\u597d");
    const whole = answerOf({ content: "?" }).replace('"?"', million);
    const { engine } = await start(
      ({ body }, response) =>
        void response
          .setHeader("content-type", "application/json")
          .end(body["seed"] === 1 ? whole : `${" ".repeat(40 * 1024 * 1024)}${whole}`),
      { replicas: { attempts: 1, probeMs: 0 } },
    );
    const sampling = { stop: [], seed: 1 };
    const { transcript } = await fold(engine.generate({ ...request, sampling }, never));
    expect(transcript.text().length).toBe(2_000_000);
    expect(await errorOf(engine)).toMatchObject({ kind: "upstream", message: "the upstream's answer has no end" });
  });

  it.each([
    ["is broken", `${answerOf({ content: words }).slice(0, -3)}`],
    ["is no UTF-8", Buffer.concat([Buffer.from(answerOf({ content: words })), Buffer.from([0xff])])],
    ["nests too deep", `{"a":${"[".repeat(600)}${"]".repeat(600)},"b":${JSON.stringify(words)}}`],
    ["is a list", JSON.stringify([words])],
    ["holds values without end", `{"a":[${"1,".repeat(600_000)}1]}`],
  ])("that %s is an error of the upstream", async (_, body) => {
    const { engine } = await start(
      (_asked, response) => void response.setHeader("content-type", "application/json").end(body),
    );
    expect(await errorOf(engine)).toMatchObject({ kind: "upstream" });
  });

  it("that ends with an error after its text ends so", async () => {
    const { engine } = await start(
      (_, response) =>
        void response.setHeader("content-type", "application/json").end(answerOf({ content: words }, "error")),
    );
    const { transcript } = await fold(engine.generate(request, never));
    expect(transcript.text() === words).toBe(true);
    expect(transcript.finish?.error).toMatchObject({ kind: "upstream", message: "the upstream gave the answer up" });
  });
});

describe("the deadlines of a whole answer", () => {
  const timeouts = { firstByte: 100, idle: 100, total: 10_000 };
  const slow =
    (ms: number, health: Handler): Handler =>
    async (asked, response, upstreamRequest) => {
      if (asked.path !== "/v1/chat/completions") return health(asked, response, upstreamRequest);
      await wait(ms);
      return json(asked, response, upstreamRequest);
    };
  const well: Handler = (_, response) => void response.end("{}");

  it("let a server write for as long as it serves", async () => {
    const { engine, server } = await start(slow(700, well), { timeouts });
    expect(await textOf(engine)).toBe("a");
    const questions = server.asked.filter(({ path }) => path === "/v1/models").length;
    expect(questions).toBeGreaterThan(1);
    expect(questions).toBeLessThan(7);
  });

  it("let it write where answers take all the connections they may have", async () => {
    const { engine } = await start(slow(500, well), { timeouts, connections: 1 });
    expect(await textOf(engine)).toBe("a");
  });

  it("ask one question for all answers that wait", async () => {
    let running = 0;
    let most = 0;
    const health: Handler = async (_, response) => {
      most = Math.max(most, ++running);
      await wait(60);
      running -= 1;
      response.end("{}");
    };
    const { engine } = await start(slow(400, health), { timeouts });
    expect(await Promise.all(Array.from({ length: 6 }, () => textOf(engine)))).toEqual(Array(6).fill("a"));
    expect(most).toBe(1);
  });

  it.each([
    ["does not answer", () => {}, "did not begin to answer in time"],
    ["fails", (_: unknown, response: Parameters<Handler>[1]) => void response.writeHead(500).end(), "did not begin"],
  ] as [string, Handler, string][])("end a server that %s at its health path", async (_, health, words) => {
    const { engine, server } = await start(slow(60_000, health), { timeouts });
    expect(await errorOf(engine)).toMatchObject({ kind: "timeout", message: expect.stringContaining(words) });
    await server.gone;
    expect(engine.load().running).toBe(0);
  });

  it("end a server that serves and never answers", async () => {
    const { engine } = await start(slow(60_000, well), { timeouts: { ...timeouts, total: 500 } });
    expect(await errorOf(engine)).toMatchObject({ kind: "timeout", message: "the upstream did not finish in time" });
  });

  it("take blanks before the answer for a sign of life", async () => {
    const { engine, server } = await start(
      async (_, response) => {
        response.setHeader("content-type", "application/json");
        for (let time = 0; time < 8; time += 1) {
          response.write("\n");
          await wait(40);
        }
        response.end(answerOf({ content: "a" }));
      },
      { timeouts },
    );
    expect(await textOf(engine)).toBe("a");
    expect(server.asked).toHaveLength(1);
  });
});

it("a server whose answers take all their connections is still counted by and found well", async () => {
  const server = await fakeServer(({ path }, response) => {
    if (path === "/tokenize") response.end('{"count":7}');
    else if (path !== "/v1/chat/completions") response.end("{}");
  });
  const member = new UpstreamServer({ url: server.url, dialect: "vllm", connections: 1 });
  closeLater(member, server);
  const controller = new AbortController();
  const answer = fold(member.generate(request, controller.signal));
  while (server.asked.length === 0) await wait(5);
  await member.probe(AbortSignal.timeout(1_000));
  expect(await member.count(request, AbortSignal.timeout(1_000))).toEqual({ tokens: 7, exact: true });
  controller.abort();
  await answer;
});

describe("a gateway that ends silent requests", () => {
  const gateway =
    (end: (response: Parameters<Handler>[1]) => void): Handler =>
    async (asked, response, upstreamRequest) => {
      if (asked.body["stream"] === true) return json(asked, response, upstreamRequest);
      await wait(120);
      end(response);
    };
  const streams = ({ asked }: FakeServer): unknown[] => asked.map(({ body }) => body["stream"]);

  it.each([
    ["504", (response: Parameters<Handler>[1]) => void response.writeHead(504).end()],
    ["524", (response: Parameters<Handler>[1]) => void response.writeHead(524).end("<html>")],
    ["503 in a page", (response: Parameters<Handler>[1]) => void response.writeHead(503).end("<html>")],
    [
      "503 of a balancer",
      (response: Parameters<Handler>[1]) => void response.writeHead(503).end('{"message":"Service Unavailable"}'),
    ],
    ["408 in a body", (response: Parameters<Handler>[1]) => void response.end('{"error":{"code":408,"message":"m"}}')],
    ["no more bytes", (response: Parameters<Handler>[1]) => void response.destroy()],
  ])("with %s is asked for a stream, now and from then on", async (_, end) => {
    const { engine, server } = await start(gateway(end), { gatewayMs: 100 });
    expect(await textOf(engine)).toBe("a");
    expect(await textOf(engine)).toBe("a");
    const asked = streams(server);
    expect(asked.slice(-2)).toEqual([true, true]);
    // a connection that breaks at once may be an old one
    expect(asked.slice(0, -2).every((one) => one === false)).toBe(true);
  });

  it("is not a server that is busy", async () => {
    const refusals: ((response: Parameters<Handler>[1]) => void)[] = [
      (response) => void response.writeHead(503).end('{"error":{"message":"the server is overloaded"}}'),
      (response) => void response.writeHead(503, { "retry-after": "7" }).end("busy"),
      (response) => void response.writeHead(504, { "retry-after": "7" }).end(),
      (response) => void response.end('{"error":{"code":503,"message":"the server is overloaded"}}'),
    ];
    for (const refuse of refusals) {
      const { engine, server } = await start(gateway(refuse), {
        gatewayMs: 100,
        replicas: { attempts: 1, probeMs: 0 },
      });
      expect(await errorOf(engine)).toMatchObject({ kind: expect.stringMatching(/overloaded|timeout/) });
      expect(streams(server)).toEqual([false]);
    }
  });

  it("is tried again after some minutes", async () => {
    const now = performance.now.bind(performance);
    const { engine, server } = await start(
      gateway((response) => void response.writeHead(504).end()),
      { gatewayMs: 100 },
    );
    expect(await textOf(engine)).toBe("a");
    expect(await textOf(engine)).toBe("a");
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + 11 * 60_000);
    try {
      expect(await textOf(engine)).toBe("a");
    } finally {
      clock.mockRestore();
    }
    expect(streams(server)).toEqual([false, true, true, false, true]);
  });

  it("does not begin the time for the whole answer anew", async () => {
    const { engine } = await start(
      async ({ body }, response) => {
        if (body["stream"] !== true) {
          await wait(300);
          return void response.writeHead(504).end();
        }
        sse(response).write(frame({ content: "a" }));
        // less than the whole time, and more than what is left of it
        await wait(800);
        response.end(frame({}, "stop") + doneFrame);
      },
      { gatewayMs: 100, timeouts: { total: 1_000 }, replicas: { attempts: 1, probeMs: 0 } },
    );
    expect(await textOf(engine)).toBe("the upstream did not finish in time");
  });

  it("is not what fails at once", async () => {
    let times = 0;
    const { engine, server } = await start((asked, response, upstreamRequest) => {
      if (times++ === 0) response.writeHead(504).end();
      else return json(asked, response, upstreamRequest);
    });
    expect(await errorOf(engine)).toMatchObject({ kind: "timeout" });
    expect(await textOf(engine)).toBe("a");
    expect(streams(server)).toEqual([false, false]);
  });

  it("is not taken for one where the stream fails too", async () => {
    let fails = true;
    const { engine, server } = await start(
      async (asked, response, upstreamRequest) => {
        if (!fails) return json(asked, response, upstreamRequest);
        await wait(120);
        response.writeHead(504).end();
      },
      { gatewayMs: 100 },
    );
    expect(await errorOf(engine)).toMatchObject({ kind: "timeout" });
    fails = false;
    expect(await textOf(engine)).toBe("a");
    expect(streams(server)).toEqual([false, true, false]);
  });
});

describe("a whole answer that fails", () => {
  it("half-way is asked for at the next replica, and counts against the first", async () => {
    const half = await fakeServer((_, response) => {
      response.setHeader("content-type", "application/json").write(answerOf({ content: "b" }).slice(0, 60));
      setTimeout(() => response.destroy(), 20);
    });
    const good = await fakeServer(json);
    const engine = upstreamEngine({
      url: [half.url, good.url],
      replicas: { probeMs: 0, failures: 1, cooldownMs: 60_000 },
    });
    closeLater(engine, half, good);
    for (let time = 0; time < 12; time += 1) {
      const items = requestOf({ items: [] }).items;
      expect(await textOf(engine, { ...request, items, cacheKey: `${time}` })).toBe("a");
    }
    expect(half.asked).toHaveLength(1);
    expect(engine.members?.().map(({ up }) => up)).toEqual([false, true]);
  });

  it("is one that has begun where it was aborted: the server had taken it", async () => {
    const { engine, server } = await start(() => {});
    const controller = new AbortController();
    const batches = fold(engine.generate(request, controller.signal));
    while (server.asked.length === 0) await wait(5);
    controller.abort();
    const { events } = await batches;
    expect(events).toMatchObject([{ type: "begin" }, { type: "finish", reason: "error", error: { kind: "canceled" } }]);
    await server.gone;
    expect(engine.load().running).toBe(0);
    expect(engine.members?.().map(({ up }) => up)).toEqual([true]);
  });

  it("has not begun where it failed for another reason when it was aborted", async () => {
    const controller = new AbortController();
    class AbortingSlices extends TimeSlices {
      override run<Result>(steps: Steps<Result>): Promise<Result> {
        controller.abort();
        return super.run(steps);
      }
    }
    const { engine } = await start(
      (_, response) => void response.setHeader("content-type", "application/json").end(`{${" ".repeat(300_000)}]`),
      { slices: new AbortingSlices() },
    );
    await expect(fold(engine.generate(request, controller.signal))).rejects.toThrow();
    expect(controller.signal.aborted).toBe(true);
  });

  it("has not begun where the server had refused it when it was aborted", async () => {
    const controller = new AbortController();
    const seen: boolean[] = [];
    const { client } = await clientOf((_, response) => void response.writeHead(503).write("{"));
    const onTaken = (taken: boolean): void => {
      seen.push(taken);
      if (seen.includes(true) && !taken) controller.abort();
    };
    const answer = client.open({ path: "x", body: {}, signal: controller.signal, onTaken });
    await expect(answer).rejects.toMatchObject({ kind: "canceled" });
    expect(seen.at(-1)).toBe(false);
  });

  it("has not begun where the connection broke and there is no other", async () => {
    const seen: boolean[] = [];
    const { client, server } = await clientOf((_, response) => {
      void server.close();
      response.destroy();
    });
    const answer = client.open({ path: "x", body: {}, signal: never, onTaken: (taken) => seen.push(taken) });
    await expect(answer).rejects.toMatchObject({ kind: "upstream" });
    expect(seen).toContain(true);
    expect(seen.at(-1)).toBe(false);
  });

  it("has not begun where no server took it", async () => {
    const { engine, server } = await start(json);
    await expect(fold(engine.generate(request, AbortSignal.abort()))).rejects.toMatchObject({ kind: "canceled" });
    expect(server.asked).toHaveLength(0);
  });
});

import { describe, expect, it } from "vitest";
import { upstreamEngine, type UpstreamOptions } from "../../../src/engine/upstream/engine.ts";
import { Secret } from "../../../src/lib/secret.ts";
import type { GenerationEvent } from "../../../src/model/event.ts";
import {
  doneFrame,
  fakeServer,
  fixedIds,
  fold,
  foldEvents,
  frame,
  requestOf,
  sse,
  startEngine,
  usageFrame,
  user,
  type Handler,
} from "./fake.ts";
import { closeLater } from "../../support/close-later.ts";

function start(handler: Handler, options: Partial<UpstreamOptions> = {}): ReturnType<typeof startEngine> {
  return startEngine(handler, () => ({ ids: fixedIds(), ...options }));
}

const never = new AbortController().signal;
const unknownThere = "the upstream does not know the model or the address configured for it";

describe("upstream engine", () => {
  it("streams thought, text and usage", async () => {
    const { engine, server } = await start(
      (_, response) => {
        sse(response).end(
          frame({ role: "assistant", content: "" }) +
            frame({ reasoning_content: "Let me " }) +
            frame({ reasoning_content: "see." }) +
            frame({ content: "你好 " }) +
            frame({ content: "👋" }) +
            frame({}, "stop") +
            usageFrame(11, 7, {
              prompt_tokens_details: { cached_tokens: 4 },
              completion_tokens_details: { reasoning_tokens: 3 },
            }) +
            doneFrame,
        );
      },
      { key: new Secret("sk-up") },
    );
    const { transcript } = await fold(engine.generate(requestOf(), never));
    expect(transcript.reasoning()).toBe("Let me see.");
    expect(transcript.text()).toBe("你好 👋");
    expect(transcript.usage).toEqual({ input: 11, cached: 4, output: 7, reasoning: 3 });
    expect(transcript.finish).toEqual({ reason: "stop" });
    expect(server.asked[0]?.path).toBe("/v1/chat/completions");
    expect(server.asked[0]?.headers.authorization).toBe("Bearer sk-up");
    expect(server.asked[0]?.body).toMatchObject({
      model: "MiniMax-M3",
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it("streams tool calls in the order of the upstream, under the vendor's ids", async () => {
    const call = (index: number, part: object): string => frame({ tool_calls: [{ index, ...part }] });
    const { engine } = await start((_, response) => {
      sse(response).end(
        call(0, { id: "abc", type: "function", function: { name: "weather", arguments: "" } }) +
          call(0, { function: { arguments: '{"city": ' } }) +
          call(0, { function: { arguments: '"Paris"}' } }) +
          call(1, { id: "def", type: "function", function: { name: "time", arguments: "{}" } }) +
          frame({}, "tool_calls") +
          doneFrame,
      );
    });
    const { transcript } = await fold(engine.generate(requestOf(), never));
    expect(transcript.calls()).toEqual([
      { type: "call", id: "call_function_kkkkkkkkkkkk_1", name: "weather", args: '{"city": "Paris"}', done: true },
      { type: "call", id: "call_function_kkkkkkkkkkkk_2", name: "time", args: "{}", done: true },
    ]);
    expect(transcript.finish).toEqual({ reason: "calls" });
    // Nobody counted, so it is estimated.
    expect(transcript.usage?.output).toBeGreaterThan(3);
  });

  it("hands out a batch before the stream is over", async () => {
    let finish: () => void = () => {};
    const { engine } = await start((_, response) => {
      sse(response).write(frame({ content: "one" }));
      finish = () => response.end(frame({ content: "two" }, "stop") + doneFrame);
    });
    const batches = engine.generate(requestOf(), never)[Symbol.asyncIterator]();
    const first = await batches.next();
    expect(first.value?.map((event: GenerationEvent) => event.type)).toEqual(["begin", "text-start", "text-delta"]);
    expect(engine.load()).toEqual({ running: 1, waiting: 0, slots: Infinity });
    finish();
    const types: string[] = [];
    for (let next = await batches.next(); next.done !== true; next = await batches.next())
      types.push(...next.value.map((event) => event.type));
    expect(types).toEqual(["text-delta", "text-end", "usage", "finish"]);
    expect(engine.load().running).toBe(0);
  });

  it("keeps its connection from answer to answer", async () => {
    const ports = new Set<number | undefined>();
    const { engine } = await start((_, response, request) => {
      ports.add(request.socket.remotePort);
      sse(response).end(frame({ content: "a" }) + frame({}, "stop") + usageFrame(1, 1) + doneFrame);
    });
    for (let i = 0; i < 5; i++) await fold(engine.generate(requestOf(), never));
    // A request may overtake the last bytes of the answer before it.
    expect(ports.size).toBeLessThanOrEqual(2);
  });

  it("carries a megabyte of any script byte for byte, both ways", async () => {
    const text = '中文 and emoji 👩‍👩‍👧‍👦, quotes " and \\ \u2028\n'.repeat(20_000);
    const { engine } = await start((asked, response) => {
      const [message] = asked.body["messages"] as { content: string }[];
      sse(response).end(frame({ content: message?.content ?? "" }) + frame({}, "stop") + doneFrame);
    });
    const { transcript } = await fold(engine.generate(requestOf({ items: [user(text)] }), never));
    expect(transcript.text() === text).toBe(true);
  });

  it("finds out the dialect once, also for requests that come together", async () => {
    const { engine, server } = await start(
      (asked, response) => {
        if (asked.path === "/v1/models") response.end('{"data":[{"owned_by":"sglang"}]}');
        else sse(response).end(frame({ content: "a" }) + frame({}, "stop") + doneFrame);
      },
      { dialect: "auto" },
    );
    await Promise.all([1, 2, 3].map(() => fold(engine.generate(requestOf({ reasoning: "off" }), never))));
    expect(server.asked.filter(({ path }) => path === "/v1/models")).toHaveLength(1);
    expect(server.asked.at(-1)?.body["chat_template_kwargs"]).toEqual({
      thinking_mode: "disabled",
      enable_thinking: false,
    });
    expect(engine.capabilities).toEqual({ constrained: true, image: true, video: "native" });
  });

  it("does not keep a caller who leaves while the dialect is asked for", async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { engine } = await start(
      (asked, response) => {
        if (asked.path === "/v1/models") void released.then(() => response.end('{"data":[{"owned_by":"vllm"}]}'));
        else sse(response).end(frame({ content: "a" }, "stop") + doneFrame);
      },
      { dialect: "auto" },
    );
    const left = fold(engine.generate(requestOf(), AbortSignal.timeout(30)));
    const stayed = fold(engine.generate(requestOf(), never));
    await expect(left).rejects.toMatchObject({ kind: "canceled" });
    release();
    expect((await stayed).transcript.text()).toBe("a");
  });

  it.each([
    ["vllm", "/tokenize", { count: 42 }, { tokens: 42, exact: true }],
    [
      "minimax",
      "/v1/responses/input_tokens",
      { object: "response.input_tokens", input_tokens: 41 },
      { tokens: 41, exact: true },
    ],
    ["vllm", "/elsewhere", {}, { tokens: 8, exact: false }],
    ["generic", "/tokenize", { count: 42 }, { tokens: 8, exact: false }],
  ] as const)("counts as %s does, at %s", async (dialect, path, answer, expected) => {
    const { engine } = await start(
      (asked, response) => {
        if (asked.path === path) response.end(JSON.stringify(answer));
        else response.writeHead(404).end();
      },
      { dialect },
    );
    expect(await engine.count(requestOf(), never)).toEqual(expected);
  });

  it("does not take a slow reader for a silent upstream", async () => {
    const { engine } = await start(
      async (_, response) => {
        sse(response);
        for (let i = 0; i < 5; i++) {
          response.write(frame({ content: `${i}` }));
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        response.end(frame({}, "stop") + usageFrame(1, 5) + doneFrame);
      },
      { timeouts: { idle: 60, grace: 60 } },
    );
    const events: GenerationEvent[] = [];
    for await (const batch of engine.generate(requestOf(), never)) {
      events.push(...batch);
      if (events.length < 6) await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const { usage, finish } = foldEvents(events);
    expect(finish).toEqual({ reason: "stop" });
    expect(usage).toMatchObject({ input: 1, output: 5 });
  });

  it("reads an answer that is no stream", async () => {
    const message = { role: "assistant", content: "yes", reasoning_content: "hm" };
    const { engine } = await start((_, response) => {
      const body = {
        object: "chat.completion",
        choices: [{ index: 0, message, finish_reason: "stop" }],
        usage: { prompt_tokens: 3, completion_tokens: 2 },
      };
      response.writeHead(200, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(body));
    });
    const { transcript } = await fold(engine.generate(requestOf(), never));
    expect([transcript.reasoning(), transcript.text(), transcript.finish?.reason]).toEqual(["hm", "yes", "stop"]);
    expect(transcript.usage).toMatchObject({ input: 3, output: 2 });
  });

  it("cancels the upstream when the caller goes away", async () => {
    const { engine, server } = await start((_, response) => {
      sse(response).write(frame({ content: "one" }));
    });
    const controller = new AbortController();
    const events: GenerationEvent[] = [];
    for await (const batch of engine.generate(requestOf(), controller.signal)) {
      events.push(...batch);
      controller.abort();
    }
    await server.gone;
    const last = events.at(-1);
    expect(last).toMatchObject({ type: "finish", reason: "error", error: { kind: "canceled" } });
    expect(engine.load().running).toBe(0);
  });

  it("cancels the upstream when the reader stops reading", async () => {
    const { engine, server } = await start((_, response) => {
      sse(response).write(frame({ content: "one" }));
    });
    for await (const _ of engine.generate(requestOf(), never)) break;
    await server.gone;
    expect(engine.load().running).toBe(0);
  });

  it.each([
    [
      400,
      { error: { message: "temperature must be at most 2", type: "BadRequestError" } },
      "invalid",
      "temperature must be at most 2",
    ],
    [
      400,
      { object: "error", message: "This model's maximum context length is 4096 tokens.", code: 400 },
      "context",
      "",
    ],
    [
      400,
      {
        error: { code: 400, message: "request exceeds the available context size", type: "exceed_context_size_error" },
      },
      "context",
      "",
    ],
    [
      400,
      {
        type: "error",
        error: { type: "bad_request_error", message: "invalid params, chat content is empty (2013)", http_code: "400" },
      },
      "invalid",
      "chat content is empty",
    ],
    [401, { error: "no" }, "upstream", "the upstream refused the credentials configured for it"],
    [403, { detail: "Forbidden" }, "upstream", "the upstream refused the credentials configured for it"],
    [404, { error: { message: "The model `x` does not exist." } }, "upstream", unknownThere],
    [404, "<html>404 page not found</html>", "upstream", unknownThere],
    [404, "404 page not found", "upstream", unknownThere],
    [400, "\n<!DOCTYPE html><title>Bad Request</title>", "invalid", "the upstream answered 400"],
    [413, "<html>nginx</html>", "too-large", "the upstream answered 413"],
    [504, "", "timeout", "the upstream answered 504"],
    [200, { error: { code: 504, message: "slow" } }, "timeout", "the upstream answered 504"],
    [200, { error: { code: 404, message: "no x" } }, "upstream", unknownThere],
    [200, { error: { type: "rate_limit_error", code: "rate_limit_exceeded" } }, "rate-limit", ""],
    [400, { error: { type: "rate_limit_error" } }, "rate-limit", ""],
    [500, { type: "error", error: { type: "overloaded_error", message: "Overloaded" } }, "overloaded", ""],
    [200, { error: { status: "DEADLINE_EXCEEDED", message: "x" } }, "timeout", ""],
    [400, { error: { type: "invalid_request_error", message: "timeout: no number" } }, "invalid", "timeout: no number"],
    [400, { error: { message: "Rate limit exceeded, try again later" } }, "rate-limit", "the upstream answered 400"],
    [500, "Too many requests", "rate-limit", ""],
    [500, { error: { message: "litellm.RateLimitError: slow down" } }, "rate-limit", ""],
    [429, { error: { message: "Request timed out in the queue" } }, "rate-limit", ""],
    [500, { detail: "You have exceeded your quota" }, "rate-limit", ""],
    [500, { error: "The server is busy" }, "overloaded", ""],
    [500, { error: { message: "litellm.Timeout: the request timed out" } }, "timeout", ""],
    [400, { error: { message: `bad role: ${"x".repeat(100)} rate limit exceeded` } }, "invalid", ""],
    [400, { error: { message: "stop: the request timed out is no string" } }, "invalid", ""],
    [403, { error: { code: "rate_limit_exceeded", message: "m" } }, "rate-limit", "the upstream answered 403"],
    [403, "rate limit exceeded", "rate-limit", "the upstream answered 403"],
    [400, { error: { code: "model_not_found", message: "no MiniMaxAI/X here" } }, "upstream", unknownThere],
    [422, { error: { message: "The model `MiniMaxAI/X` does not exist." } }, "upstream", unknownThere],
    [
      400,
      { error: { message: "litellm.BadRequestError: Invalid model name passed in model=x" } },
      "upstream",
      unknownThere,
    ],
    [400, { error: { message: "x/y is not a valid model ID" } }, "upstream", unknownThere],
    [500, { error: { message: "model 'x' not found" } }, "upstream", unknownThere],
    [400, { error: { message: "tool_choice: a tool of that name does not exist" } }, "invalid", ""],
    [400, { error: { message: "gateway: <html><h1>nginx</h1></html>" } }, "invalid", "the upstream answered 400"],
    [400, "\ufeff<!DOCTYPE html><title>Bad Request</title>", "invalid", "the upstream answered 400"],
    [400, { error: { message: "stop: '<b>' is no string" } }, "invalid", "stop: '<b>' is no string"],
    [413, {}, "too-large", "the upstream answered 413"],
    [422, { error: { message: "input new_sensitive (1026)" } }, "input-sensitive", ""],
    [
      422,
      { detail: [{ loc: ["body", "tools"], msg: "field required" }] },
      "invalid",
      '[{"loc":["body","tools"],"msg":"field required"}]',
    ],
    [500, { error: { message: "CUDA out of memory" } }, "upstream", "the upstream answered 500"],
    [500, "<html>oops</html>", "upstream", "the upstream answered 500"],
    [502, "", "upstream", "the upstream answered 502"],
    [503, { error: { message: "Loading model" } }, "overloaded", "the upstream answered 503"],
    [499, { type: "error", error: { message: "canceled (2013)", http_code: "499" } }, "upstream", ""],
    [529, { error: { message: "busy (2064)" } }, "overloaded", "the upstream answered 529"],
    [302, "", "upstream", "the upstream answered 302: its address is another one"],
  ] as [number, unknown, string, string][])(
    "says what status %i with %j means",
    async (status, body, kind, message) => {
      const { engine } = await start((_, response) => {
        const type = status === 200 ? { "content-type": "application/json" } : {};
        response.writeHead(status, type).end(typeof body === "string" ? body : JSON.stringify(body));
      });
      for (const delivery of ["pieces", "whole"] as const) {
        const asked = requestOf({ delivery });
        const error = await fold(engine.generate(asked, never)).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ name: "ParleyError", kind, ...(message === "" ? {} : { message }) });
      }
    },
  );

  it.each([
    [{ "retry-after": "20" }, {}, 20],
    [{ "retry-after-ms": "1500" }, {}, 2],
    [{}, { error: { message: "slow down", retry_after: 7.2 } }, 8],
    [{}, { error: "slow down", retry_after: "9" }, 9],
    [{}, { error: { retry_after_ms: 4000 } }, 4],
    [{}, { error: { retry_after: "soon" } }, undefined],
    [{ "retry-after": "3" }, { error: { retry_after: 7 } }, 3],
    [{ "retry-after": "2.4" }, {}, 3],
    [{ "retry-after": "7s" }, {}, 7],
    [{ "retry-after": "9".repeat(20) }, {}, 86_400],
    [{ "retry-after": "soon 7" }, {}, undefined],
    [{ "x-ms-retry-after-ms": "2500", "retry-after": "9" }, {}, 3],
    [{ "retry-after-ms": "soon", "retry-after": "9" }, {}, 9],
    [{ "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" }, {}, 0],
    [{ "retry-after": "1e99" }, {}, 86_400],
    [{ "retry-after-ms": "1e300" }, {}, 86_400],
    [{}, { error: { retry_after: 1e99 } }, 86_400],
    [{ "retry-after": "-5" }, {}, 0],
  ])("reads %j with %j as a rest of %s seconds", async (headers, body, retryAfter) => {
    const { engine } = await start((_, response) => {
      response.writeHead(429, headers).end(JSON.stringify(body));
    });
    const error = await fold(engine.generate(requestOf(), never)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: "rate-limit", retryAfter });
  });

  it("asks the next server where one does not know the model, and holds nothing against the first", async () => {
    const gone = await fakeServer((_, response) => void response.writeHead(404).end('{"detail":"Not Found"}'));
    const good = await fakeServer((_, response) => void sse(response).end(frame({ content: "a" }, "stop") + doneFrame));
    const engine = upstreamEngine({ url: [gone.url, good.url], replicas: { probeMs: 0, failures: 1 } });
    closeLater(engine, gone, good);
    for (let i = 0; i < 12; i++) {
      const { transcript } = await fold(engine.generate(requestOf({ items: [user(`${i}`)] }), never));
      expect(transcript.text()).toBe("a");
    }
    expect(gone.asked.length).toBeGreaterThan(0);
    expect(engine.members?.().map(({ up }) => up)).toEqual([true, true]);
  });

  it("hands on Retry-After", async () => {
    const { engine } = await start((_, response) => {
      response.writeHead(429, { "retry-after": "17" }).end("slow down");
    });
    await expect(fold(engine.generate(requestOf(), never))).rejects.toMatchObject({
      kind: "rate-limit",
      retryAfter: 17,
    });
  });
});

import { describe, expect, it, vi } from "vitest";
import { ByteBudget } from "../../../src/lib/byte-budget.ts";
import { textCipher } from "../../../src/lib/cipher.ts";
import { documentedCards } from "../../../src/model/card.ts";
import { TimeSlices } from "../../../src/lib/time-slices.ts";
import { ParleyError } from "../../../src/model/error.ts";
import type { Batch } from "../../../src/model/event.ts";
import { systemIds } from "../../../src/model/id.ts";
import type { GenerationRequest } from "../../../src/model/request.ts";
import { Transcript } from "../../../src/model/transcript.ts";
import type { GenerateService } from "../../../src/service/generate.ts";
import { StoredAnswer } from "../../../src/service/responses/stored.ts";
import { ResponseArchive } from "../../../src/service/responses/archive.ts";
import { ConversationMemory } from "../../../src/service/responses/memory.ts";
import { RecentAnswers } from "../../../src/service/responses/recent.ts";
import { ResponsesService } from "../../../src/service/responses/responses.ts";
import type { ResponseEvent } from "../../../src/model/response.ts";
import type { ResponseAnswer } from "../../../src/service/responses/answer.ts";
import { turnItems } from "../../../src/service/responses/stored-turn.ts";
import { loadedText } from "../../../src/store/long-text.ts";
import { openStore } from "../../../src/store/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { responsesCodec, responsesSurface, type ParsedResponses } from "../../../src/surface/responses/index.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { textOf } from "../../support/stored-texts.ts";

const owner = { keyId: "k1", name: "one" };
const stranger = { keyId: "k2", name: "two" };
const never = new AbortController().signal;
const options = {
  ids: systemIds,
  cipher: textCipher("secret"),
  sseDone: true,
  defaultReasoning: "off",
  storeDefault: true,
} as const;

function parse(body: object): ParsedResponses {
  const card = documentedCards[0] ?? expect.fail("no card");
  const context = { id: systemIds.hex(32), createdAt: 1, strict: false, card: () => card, header: () => undefined };
  return responsesSurface(options).parse({ model: "MiniMax-M3", input: "hi", ...body }, context);
}

function asked(body: object, memory?: ConversationMemory) {
  return { parsed: parse(body), caller: owner, body: { input: "hi", ...body }, memory };
}

type Answering = (signal: AbortSignal, request: GenerationRequest) => AsyncIterable<Batch>;

/** The use case over an engine that answers with these batches; `requests` are those the engine got. */
async function serviceOf(answering: Answering, changes: { store?: Store; accept?: () => never } = {}) {
  const store = changes.store ?? (await openStore());
  const slices = new TimeSlices();
  const archive = new ResponseArchive({
    store: store.responses,
    slices,
    retentionMs: 1e9,
    remembers: true,
    now: () => Date.now(),
  });
  const signals: AbortSignal[] = [];
  const requests: GenerationRequest[] = [];
  const start = vi.fn<GenerateService["start"]>(async (request, _caller, signal) => {
    signals.push(signal);
    requests.push(request);
    const transcript = new Transcript();
    async function* batches(): AsyncGenerator<Batch> {
      for await (const batch of answering(signal, request)) {
        transcript.apply(batch);
        yield batch;
      }
    }
    const target = { engineName: "e", model: "m", named: true, engine: undefined as never };
    const timing = { ownMs: 0, engineMs: 0 };
    return { request, transcript, batches: batches(), target, rateLimit: {}, timing, servedBy: undefined };
  });
  const cancel = vi.fn<() => void>();
  const admit: GenerateService["admit"] = async (request, caller) => ({
    start: (signal) => start(request, caller, signal),
    cancel,
  });
  const count = vi.fn<GenerateService["count"]>(async () => 1);
  const allow = (): Promise<void> => Promise.resolve();
  const generate = { admit, count, checkCaller: allow, checkLimits: allow, contextWindow: () => 1_000 };
  const { accept } = changes;
  const real = responsesCodec(options);
  const encoder = (parsed: ParsedResponses) =>
    Object.assign(real.encoder(parsed), accept === undefined ? {} : { accept });
  const codec = { ...real, encoder };
  const recent = new RecentAnswers();
  const service = new ResponsesService({ generate, archive, recent, codec, slices, log: silentLog });
  return { service, archive, start, cancel, count, signals, requests };
}

const say = (text: string): Batch => [
  { type: "begin" },
  { type: "text-start", index: 0 },
  { type: "text-delta", index: 0, text },
  { type: "text-end", index: 0 },
  { type: "finish", reason: "stop" },
];

async function* saying(): AsyncGenerator<Batch> {
  yield say("hello");
}

async function* broken(): AsyncGenerator<Batch> {
  yield [{ type: "begin" }];
  throw new Error("nobody expected this");
}

/** Begins, and ends only when it is aborted. */
async function* endless(signal: AbortSignal): AsyncGenerator<Batch> {
  yield [{ type: "begin" }, { type: "text-start", index: 0 }, { type: "text-delta", index: 0, text: "one" }];
  if (!signal.aborted)
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  const error = new ParleyError("canceled", "the request was canceled");
  yield [
    { type: "text-end", index: 0 },
    { type: "finish", reason: "error", error },
  ];
}

async function read(answer: ResponseAnswer, after = -1): Promise<ResponseEvent[]> {
  const all: ResponseEvent[] = [];
  for await (const events of answer.events(after, never)) all.push(...events);
  return all;
}

const types = (events: readonly ResponseEvent[]): string[] => events.map(({ type }) => type);

describe("every kind of answer takes one path", () => {
  it.each([
    ["plain", { store: false }],
    ["stored", { store: true }],
    ["background", { background: true }],
  ])("a %s one is told by the same events and the same body", async (_name, body) => {
    const { service } = await serviceOf(saying);
    const answer = await service.create(asked(body), never);
    const events = await read(answer);
    const shown = types(events).filter((type) => type !== "response.queued");
    expect(shown).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual([...events.keys()]);
    const again = await (await service.create(asked(body), never)).body();
    expect(again).toMatchObject({ status: "completed", output_text: "hello" });
  });

  it.each([
    ["plain", { store: false }],
    ["stored", { store: true }],
    ["background", { background: true }],
  ])("a %s warm-up generates nothing and can be continued", async (_name, how) => {
    const { service, start } = await serviceOf(saying);
    const memory = new ConversationMemory();
    const warm = await service.create(asked({ generate: false, ...how }, memory), never);
    expect(types(await read(warm)).at(-1)).toBe("response.completed");
    expect(await warm.snapshot()).toMatchObject({ status: "completed", output: [], usage: null });
    expect(start).not.toHaveBeenCalled();
    const next = await service.create(asked({ previous_response_id: warm.id, input: "go" }, memory), never);
    expect(await next.body()).toMatchObject({ output_text: "hello" });
    expect(start.mock.calls[0]?.[0].items).toHaveLength(2);
  });

  it.each([
    ["plain", { store: false }],
    ["stored", { store: true }],
    ["background", { background: true }],
  ])("a %s compaction is a response with one item, and replaces what was before it", async (_name, how) => {
    const { service, start } = await serviceOf(saying);
    const memory = new ConversationMemory();
    const input = [{ role: "user", content: "My name is Ada." }, { type: "compaction_trigger" }];
    const compaction = await service.create(asked({ input, ...how }, memory), never);
    const events = await read(compaction);
    expect(types(events).slice(-3)).toEqual([
      "response.output_item.added",
      "response.output_item.done",
      "response.completed",
    ]);
    expect(events.at(-1)?.["response"]).toMatchObject({ object: "response", output: [{ type: "compaction" }] });
    const next = await service.create(
      asked({ previous_response_id: compaction.id, input: "Who am I?" }, memory),
      never,
    );
    await next.body();
    const [summary, question, ...more] = start.mock.calls[1]?.[0].items ?? [];
    expect(JSON.stringify(summary)).toContain("Summary of the conversation so far:\\n\\nhello");
    expect(JSON.stringify(question)).toContain("Who am I?");
    expect(more).toEqual([]);
  });
});

describe("a running response belongs to the key that asked for it", () => {
  it("can be read, followed and canceled by that key", async () => {
    const { service } = await serviceOf(endless);
    const { id } = await service.create(asked({ background: true }), never);
    const followed = await service.get(id, owner, "body");
    expect(await followed.snapshot()).toMatchObject({ id, status: "queued" });
    const reading = read(followed);
    expect(await service.cancel(id, owner)).toMatchObject({ id, status: "cancelled" });
    expect(types(await reading).at(-1)).toBe("response.failed");
  });

  it.each(["get", "cancel", "delete", "inputPage"] as const)("%s finds nothing for another key", async (name) => {
    const { service, signals } = await serviceOf(endless);
    const { id } = await service.create(asked({ background: true }), never);
    // running, not only stored: the engine has begun
    await expect
      .poll(async () => (await (await service.get(id, owner, "body")).snapshot())["status"])
      .toBe("in_progress");
    if (name === "get") {
      // the stored record of a running response is not shown to others either
      await expect(service.get(id, stranger, "body")).rejects.toMatchObject({ kind: "not-found" });
    } else if (name === "inputPage") {
      const page = service.inputPage(id, stranger, { limit: 1, order: "asc", after: undefined });
      await expect(page).rejects.toMatchObject({ kind: "not-found" });
    } else await expect(service[name](id, stranger)).rejects.toMatchObject({ kind: "not-found" });
    expect(signals[0]?.aborted).toBe(false);
    expect(await (await service.get(id, owner, "body")).snapshot()).toMatchObject({ status: "in_progress" });
    await service.close();
  });

  it("cannot be continued while it runs", async () => {
    const { service } = await serviceOf(endless);
    const { id } = await service.create(asked({ background: true }), never);
    const next = service.create(asked({ previous_response_id: id }), never);
    await expect(next).rejects.toMatchObject({ code: "previous_response_not_found" });
    await service.close();
  });
});

describe("a stored response", () => {
  it("is aborted from the start for a caller who went away before", async () => {
    const { service, signals } = await serviceOf(broken);
    await service.create(asked({}), AbortSignal.abort());
    expect(signals[0]?.aborted).toBe(true);
  });

  it("leaves nothing on the caller's signal, however it ends", async () => {
    const { service, start } = await serviceOf(broken);
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, "addEventListener");
    const removed = vi.spyOn(signal, "removeEventListener");
    start.mockRejectedValueOnce(new Error("no engine"));
    await expect(service.create(asked({}), signal)).rejects.toThrow("no engine");
    await (await service.create(asked({}), signal)).body();
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(
      added.mock.calls.map(([, listener]) => listener),
    );
  });

  it.each([{}, { background: true }])("ends as failed when its stream ends in an unexpected way: %o", async (body) => {
    const { service, archive } = await serviceOf(broken);
    const answer = await service.create(asked(body), never);
    expect(await answer.body()).toMatchObject({ status: "failed" });
    expect(JSON.parse(await textOf((await archive.get(answer.id, owner, ["body"])).body))).toMatchObject({
      status: "failed",
    });
  });

  it("that cannot be stored is refused, and its engine is free again", async () => {
    const store = await openStore();
    const failing = { ...store, responses: { ...store.responses, save: () => Promise.reject(new Error("disk full")) } };
    const { service, signals } = await serviceOf(endless, { store: failing as Store });
    await expect(service.create(asked({ store: true }), never)).rejects.toThrow("disk full");
    expect(signals[0]?.aborted).toBe(true);
    await store.close();
  });

  it.each([{}, { background: true }])(
    "that is refused gives back its bytes and what was reserved for it: %o",
    async (body) => {
      const store = await openStore();
      const failing = {
        ...store,
        responses: { ...store.responses, save: () => Promise.reject(new Error("disk full")) },
      };
      const budget = new ByteBudget({
        perOwner: 1_500,
        total: 1_500,
        refusal: (bound) => new Error(`no room: ${bound}`),
      });
      const create = async (held: number, to: Store, failure?: Error): Promise<void> => {
        const { service, start, cancel } = await serviceOf(endless, { store: to });
        if (failure !== undefined) start.mockRejectedValueOnce(failure);
        const lease = budget.lease(owner.keyId);
        const answered = lease.hold();
        lease.grow(held);
        await expect(service.create({ ...asked(body), lease }, never)).rejects.toThrow(/no engine|disk full|no room/);
        answered();
        expect(budget.used).toBe(0);
        if ("background" in body) expect(cancel).toHaveBeenCalledTimes(1);
      };
      await create(100, failing as Store);
      if ("background" in body) await create(1_400, store);
      else await create(100, store, new Error("no engine"));
      await store.close();
    },
  );

  it("whose outcome cannot be stored breaks off without its last events", async () => {
    const store = await openStore();
    const end = (): Promise<void> => Promise.reject(new Error("disk full"));
    const responses = Object.assign(Object.create(store.responses), { end });
    const { service } = await serviceOf(saying, { store: { ...store, responses } });
    const answer = await service.create(asked({ store: true }), never);
    const seen: string[] = [];
    const reading = (async () => {
      for await (const events of answer.events(-1, never)) seen.push(...types(events));
    })();
    await expect(reading).rejects.toMatchObject({ kind: "internal" });
    expect(seen).not.toContain("response.completed");
    await expect(answer.body()).rejects.toMatchObject({ kind: "internal" });
    await store.close();
  });

  it("whose outcome cannot be stored is stored with it when the store works again", async () => {
    const store = await openStore();
    let failing = true;
    const end: Store["responses"]["end"] = async (ended) => {
      if (failing) throw new Error("disk full");
      await store.responses.end(ended);
    };
    const responses = Object.assign(Object.create(store.responses), { end });
    const { service } = await serviceOf(saying, { store: { ...store, responses } });
    const { id } = await service.create(asked({ background: true }), never);
    const status = async (): Promise<unknown> => (await (await service.get(id, owner, "body")).snapshot())["status"];
    await expect.poll(async () => (await service.get(id, owner, "body")) instanceof StoredAnswer).toBe(true);
    expect(await status()).toBe("queued");
    await expect(service.endOrphans()).rejects.toThrow("disk full");
    expect(await status()).toBe("queued");
    failing = false;
    await service.endOrphans();
    expect(await status()).toBe("completed");
    expect((await read(await service.get(id, owner, "events"))).at(-1)?.type).toBe("response.completed");
    await store.close();
  });

  it("whose outcome could not even be made, because the server failed, ends as failed", async () => {
    const store = await openStore();
    const accept = (): never => {
      throw new Error("a mistake");
    };
    const { service } = await serviceOf(saying, { store, accept });
    const { id } = await service.create(asked({ background: true }), never);
    await expect.poll(async () => (await service.get(id, owner, "body")) instanceof StoredAnswer).toBe(true);
    await service.endOrphans();
    expect((await (await service.get(id, owner, "body")).snapshot())["status"]).toBe("failed");
    await store.close();
  });

  it("of a newer version is refused, not misread", async () => {
    const store = await openStore();
    const { service, archive } = await serviceOf(saying, { store });
    const { id } = await service.create(asked({ store: true }), never);
    const record = (await store.responses.get(id, owner.keyId)) ?? expect.fail("not found");
    expect(record.version).toBe(1);
    vi.spyOn(store.responses, "get").mockResolvedValue({ ...record, version: 2 });
    await expect(archive.get(id, owner, ["body"])).rejects.toThrow("version 2; this Parley reads up to 1");
    await service.close();
  });

  it("is replayed from any event on", async () => {
    const { service } = await serviceOf(saying);
    const { id } = await service.create(asked({ background: true }), never);
    const whole = await read(await service.get(id, owner, "events"));
    await expect
      .poll(async () => (await (await service.get(id, owner, "body")).snapshot())["status"])
      .toBe("completed");
    expect(await read(await service.get(id, owner, "events"), 3)).toEqual(whole.slice(4));
  });

  it("is read once for all references to it, of which there may be a thousand", async () => {
    const store = await openStore();
    const { service, archive, requests } = await serviceOf(saying, { store });
    const { id } = await service.create(asked({ store: true }), never);
    await expect.poll(() => archive.get(id, owner, [])).toMatchObject({ state: "done" });
    const get = vi.spyOn(store.responses, "get");
    const references = (count: number) =>
      Array.from({ length: count }, () => ({ type: "item_reference", id: `${id}_msg` }));
    await service.create(asked({ input: [...references(999), { role: "user", content: "x" }] }), never);
    expect(get).toHaveBeenCalledTimes(1);
    expect(requests.at(-1)?.items).toHaveLength(1_000);
    await expect(service.create(asked({ input: references(1_001) }), never)).rejects.toMatchObject({
      kind: "invalid",
      message: "input: must hold at most 1000 item references",
    });
  });

  it("is continued no further back than the window can hold", async () => {
    const store = await openStore();
    const { service } = await serviceOf(saying, { store });
    let previous: object = {};
    const ids: unknown[] = [];
    // a window of 1,000 tokens holds 8,000 characters at most
    for (let turn = 0; turn < 3; turn += 1) {
      const answer = await service.create(asked({ input: "x".repeat(5_000), store: true, ...previous }), never);
      const { id } = await answer.body();
      ids.push(id);
      previous = { previous_response_id: id };
    }
    const get = vi.spyOn(store.responses, "get");
    await expect(service.create(asked({ input: "x", ...previous }), never)).rejects.toMatchObject({ kind: "context" });
    expect(get.mock.calls.map(([id]) => id)).toEqual([ids[2], ids[1]]);
  });

  it("gives its output items to references by their ids, also when it was stored by an older version", async () => {
    const { service, archive, start } = await serviceOf(saying);
    const first = await (await service.create(asked({ store: true }), never)).body();
    const [{ id }] = first["output"] as { id: string }[] as [{ id: string }];
    const refer = asked({
      store: false,
      input: [
        { type: "item_reference", id },
        { role: "user", content: "go" },
      ],
    });
    await service.create(refer, never);
    expect(JSON.stringify(start.mock.calls[1]?.[0].items[0])).toContain("hello");
    const record = await archive.get(id.split("_")[0] ?? "", owner, ["body", "items", "output"]);
    const old = JSON.stringify(turnItems(await archive.turn(record, undefined)));
    vi.spyOn(archive, "find").mockResolvedValue({ ...record, items: loadedText(old), output: loadedText("") });
    await service.create(refer, never);
    expect(start.mock.calls[2]?.[0].items[0]).toEqual(start.mock.calls[1]?.[0].items[0]);
  });
});

describe("a compaction that gave no summary", () => {
  const failed: Batch = [
    { type: "begin" },
    { type: "finish", reason: "error", error: new ParleyError("upstream", "down") },
  ];
  const filtered: Batch = [{ type: "begin" }, { type: "finish", reason: "filter" }];

  it.each([
    ["that failed", failed, "failed"],
    ["that moderation truncated", filtered, "incomplete"],
  ])("one %s leaves the conversation as it was", async (_name, second, status) => {
    const answers = [say("Hello Ann."), second, say("You are Ann.")];
    const { service, start } = await serviceOf(async function* () {
      yield answers.shift() ?? [];
    });
    const first = await (await service.create(asked({ input: "I am Ann", store: true }), never)).body();
    const compaction = { input: [{ type: "compaction_trigger" }], previous_response_id: first["id"], store: true };
    const second_ = await (await service.create(asked(compaction), never)).body();
    expect(second_).toMatchObject({ status, output: [] });
    const next = asked({ input: "Who am I?", previous_response_id: second_["id"], store: true });
    await (await service.create(next, never)).body();
    expect(JSON.stringify(start.mock.calls.at(-1)?.[0].items)).toContain("I am Ann");
  });

  it("is counted with what the model is asked", async () => {
    const { service, count } = await serviceOf(saying);
    const input = [{ role: "user", content: "I am Ann." }, { type: "compaction_trigger" }];
    expect(await service.count(asked({ input }), never)).toBe(1);
    expect(JSON.stringify(count.mock.calls[0]?.[0].items.at(-1))).toContain("Summarize the conversation");
  });

  it.each([
    { role: "system" },
    { role: "developer" },
    { role: "system", background: true },
    { role: "system", store: false },
  ])("is refused where there is nothing to summarize: %o", async ({ role, ...how }) => {
    const { service } = await serviceOf(saying);
    const input = [{ role, content: "Be brief." }, { type: "compaction_trigger" }];
    await expect(service.create(asked({ input, ...how }), never)).rejects.toThrow("nothing to compact");
  });
});

describe("mistakes of the server end one response, not the process", () => {
  it("a stream that throws after its end does not overwrite the outcome", async () => {
    const { service } = await serviceOf(async function* () {
      yield say("hello");
      throw new Error("late");
    });
    const answer = await service.create(asked({ store: true }), never);
    expect(await answer.body()).toMatchObject({ status: "completed" });
    expect(types(await read(answer)).at(-1)).toBe("response.completed");
    expect(await (await service.get(answer.id, owner, "body")).body()).toMatchObject({ status: "completed" });
  });

  it("a stream that ends without a finish fails the response", async () => {
    const { service } = await serviceOf(async function* () {
      yield [{ type: "begin" }];
    });
    const answer = await service.create(asked({ store: true }), never);
    expect(await answer.body()).toMatchObject({ status: "failed" });
    expect(types(await read(answer)).at(-1)).toBe("response.failed");
  });

  it("an encoder that throws at every event ends its readers", async () => {
    const accept = (): never => {
      throw new Error("bug");
    };
    const { service } = await serviceOf(saying, { accept });
    const answer = await service.create(asked({ store: true }), never);
    await expect(answer.body()).rejects.toMatchObject({ kind: "internal" });
    await expect(read(answer)).rejects.toMatchObject({ kind: "internal" });
  });
});

it("many references to one stored response read it once", async () => {
  const { service, archive } = await serviceOf(saying);
  const { id } = await service.create(asked({ store: true }), never);
  await expect.poll(async () => (await (await service.get(id, owner, "body")).snapshot())["status"]).toBe("completed");
  const find = vi.spyOn(archive, "find");
  const input = Array.from({ length: 50 }, (_, at) => ({
    type: "item_reference",
    id: `${id}_${at < 25 ? "msg" : "rs"}`,
  }));
  await service.create(asked({ store: false, input }), never);
  expect(find).toHaveBeenCalledTimes(1);
});

describe("an answer that is not stored", () => {
  it("throws its error where it holds nothing else", async () => {
    const error = new ParleyError("upstream", "reset");
    const { service } = await serviceOf(async function* () {
      yield [{ type: "begin" }, { type: "finish", reason: "error", error }];
    });
    const answer = await service.create(asked({ store: false }), never);
    await expect(answer.body()).rejects.toBe(error);
  });

  it("of a failed turn is forgotten by the connection, with the turn it continued", async () => {
    const memory = new ConversationMemory();
    const { service, start } = await serviceOf(saying);
    const first = await service.create(asked({ store: false }, memory), never);
    await first.body();
    expect(memory.history(first.id)).toHaveLength(2);
    const failing = await serviceOf(broken);
    void start;
    const next = await failing.service.create(asked({ store: false, previous_response_id: first.id }, memory), never);
    await expect(next.body()).rejects.toThrow("nobody expected this");
    expect(memory.history(next.id)).toBeUndefined();
  });
});

describe("an answer whose request left `store` out", () => {
  it("is remembered before its last events, and in memory where the store fails", async () => {
    const store = await openStore();
    const { service } = await serviceOf(saying, { store });
    const omitted = (): ReturnType<typeof asked> => {
      const { request, answerOptions } = parse({});
      return { ...asked({}), parsed: { request, answerOptions: { ...answerOptions, store: false } } };
    };
    const answer = await service.create(omitted(), never);
    await answer.body();
    expect(await store.responses.get(answer.id, owner.keyId)).toMatchObject({
      state: "remembered",
      body: { bytes: 0 },
    });
    await expect(service.get(answer.id, owner, "body")).rejects.toMatchObject({ kind: "not-found" });
    store.responses.save = () => Promise.reject(new Error("the disk is full"));
    const unsaved = await service.create(omitted(), never);
    expect(await unsaved.body()).toMatchObject({ status: "completed" });
    const next = await service.create(asked({ previous_response_id: unsaved.id, store: false }), never);
    expect(await next.body()).toMatchObject({ status: "completed" });
  });
});

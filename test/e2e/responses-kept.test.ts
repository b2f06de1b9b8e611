import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Response as OpenAIResponse } from "openai/resources/responses/responses";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemIds } from "../../src/model/id.ts";
import { staticKeyId } from "../../src/policy/authenticate.ts";
import { openAdmin } from "../../src/service/admin.ts";
import { openStore } from "../../src/store/open.ts";
import { remembering, startServer, testKey, type Running } from "./start.ts";

let server: Running;
beforeAll(async () => {
  server = await startServer({
    engines: { fast: remembering, slow: { kind: "sim", decodeTokensPerSecond: 40 } },
    models: { slow: { engine: "slow", like: "MiniMax-M3" } },
    unlistedModels: true,
  });
});
afterAll(() => server.stop());

const model = "MiniMax-M3";
const create = (body: object): Promise<OpenAIResponse> =>
  server.openai.responses.create({ model, stream: false, ...body } as never) as unknown as Promise<OpenAIResponse>;

interface Envelope {
  error: { message: string; code: string };
}

async function failure(path: string, init?: Parameters<Running["call"]>[1]): Promise<Envelope & { status: number }> {
  const response = await server.call(path, init);
  return { status: response.status, ...((await response.json()) as Envelope) };
}

describe("stored responses", () => {
  it("are visible as they were answered, until they are deleted", async () => {
    const made = await create({ store: true, input: "Say: blue heron" });
    expect(made).toMatchObject({ store: true, status: "completed", output_text: "blue heron" });
    expect(await server.openai.responses.retrieve(made.id)).toEqual(made);
    await server.openai.responses.delete(made.id);
    expect((await failure(`/v1/responses/${made.id}`)).status).toBe(404);
  });

  it("are not kept unless asked for", async () => {
    const made = await create({ input: "Say: blue heron" });
    expect(made).toMatchObject({ store: false });
    expect((await failure(`/v1/responses/${made.id}`)).status).toBe(404);
  });

  it("carry a conversation over a chain of any length", async () => {
    let previous: string | null = null;
    const turns = ["My name is Ludmila.", "Say: one", "Say: two", "Say: three"];
    for (const input of turns) {
      const made: OpenAIResponse = await create({ store: true, input, previous_response_id: previous });
      previous = made.id;
    }
    const last = await create({ store: true, input: "What is my name?", previous_response_id: previous });
    expect(last.output_text).toContain("Ludmila");
    expect(last.previous_response_id).toBe(previous);
  });

  it("are continued for a while when `store` was left out, by the key that made them, and never kept", async () => {
    const ask = (input: string, previous: string | null, more: object = {}): Promise<OpenAIResponse> =>
      create({ input, previous_response_id: previous, ...more });
    const first = await ask("My name is Ludmila.", null);
    const second = await ask("Say: two", first.id);
    const third = await ask("Say: three", second.id, { store: true });
    for (const { id } of [second, third]) {
      expect((await ask("What is my name?", id)).output_text).toContain("Ludmila");
    }
    expect((await failure(`/v1/responses/${first.id}`)).status).toBe(404);
    const { key } = await server.app.admin.createKey({ name: "another" });
    const forgotten = await ask("My name is Ludmila.", null, { store: false });
    for (const [id, init] of [
      [first.id, { key }],
      [forgotten.id, {}],
    ] as const) {
      const body = JSON.stringify({ model, input: "What is my name?", previous_response_id: id });
      const { status, error } = await failure("/v1/responses", { method: "POST", body, ...init });
      expect([status, error.code]).toEqual([400, "previous_response_not_found"]);
    }
  });

  it("name a previous response that is not there", async () => {
    const body = JSON.stringify({ model, input: "hi", previous_response_id: "0".repeat(32) });
    const { status, error } = await failure("/v1/responses", { method: "POST", body });
    expect([status, error.code]).toEqual([400, "previous_response_not_found"]);
    expect(error.message).toContain("previous_response_id");
  });

  it("list their input in pages", async () => {
    const input = ["a", "b", "c", "d", "e"].map((content) => ({ role: "user" as const, content }));
    const made = await create({ store: true, input });
    const newest = await server.openai.responses.inputItems.list(made.id, { limit: 2 });
    const texts = (items: readonly unknown[]): string =>
      JSON.stringify(items)
        .match(/"text":"(.)"/g)
        ?.join() ?? "";
    expect(texts(newest.data)).toBe('"text":"e","text":"d"');
    const second = await server.openai.responses.inputItems.list(made.id, {
      limit: 2,
      after: newest.data[1]?.id ?? "",
    });
    expect(texts(second.data)).toBe('"text":"c","text":"b"');
    const oldest = await server.openai.responses.inputItems.list(made.id, { order: "asc", limit: 100 });
    expect(oldest.data).toHaveLength(5);
    for (const query of ["limit=0", "limit=101", "limit=x", "order=up", "after=nothing"]) {
      const { status, error } = await failure(`/v1/responses/${made.id}/input_items?${query}`);
      expect([query, status]).toEqual([query, 400]);
      expect(error.message).toContain(query.split("=")[0]);
    }
  });

  it("replay their stream from any point", async () => {
    const stream = await server.openai.responses.create({
      model,
      store: true,
      stream: true,
      input: "Say: a quick brown fox",
    });
    const seen = [];
    for await (const event of stream) seen.push(event);
    const id = seen[0]?.type === "response.created" ? seen[0].response.id : "";
    const again = await server.openai.responses.retrieve(id, { stream: true, starting_after: 3 });
    const replayed = [];
    for await (const event of again) replayed.push(event);
    expect(replayed).toEqual(seen.slice(4));
  });

  it("belong to the key that made them", async () => {
    const made = await create({ store: true, input: "Say: mine" });
    const other = await server.app.admin.createKey({ name: "other" });
    expect((await failure(`/v1/responses/${made.id}`, { key: other.key })).status).toBe(404);
    expect((await failure(`/v1/responses/${made.id}`, { key: other.key, method: "DELETE" })).status).toBe(404);
    expect((await server.call(`/v1/responses/${made.id}`)).status).toBe(200);
  });
});

describe("background responses", () => {
  it("are queued at once, run, and can be followed and polled", async () => {
    const made = await create({
      model: "slow",
      background: true,
      store: true,
      input: "Say: one two three four five six",
    });
    expect(made.status).toBe("queued");
    const kinds: string[] = [];
    const stream = await server.openai.responses.retrieve(made.id, { stream: true });
    for await (const event of stream) kinds.push(event.type);
    expect(kinds.slice(0, 3)).toEqual(["response.created", "response.queued", "response.in_progress"]);
    expect(kinds.at(-1)).toBe("response.completed");
    const done = await server.openai.responses.retrieve(made.id);
    expect([done.status, done.output_text]).toEqual(["completed", "one two three four five six"]);
  });

  it("can be cancelled, twice too", async () => {
    const made = await create({ model: "slow", background: true, store: true, input: "Tell me something long." });
    const cancelled = await server.openai.responses.cancel(made.id);
    expect(cancelled.status).toBe("cancelled");
    expect((await server.openai.responses.cancel(made.id)).status).toBe("cancelled");
    const running = server.app.catalog.engines().get("slow");
    await expect.poll(() => running?.load().running, { timeout: 500 }).toBe(0);
  });

  it("are the only ones that can be cancelled", async () => {
    const made = await create({ store: true, input: "hi" });
    const { status, error } = await failure(`/v1/responses/${made.id}/cancel`, { method: "POST" });
    expect([status, error.message]).toEqual([400, expect.stringContaining("background")]);
  });

  it("end as failed when the process that worked on them is gone", async () => {
    const data = await mkdtemp(join(tmpdir(), "parley-orphan-"));
    try {
      const store = await openStore(data);
      const body = JSON.stringify({ id: "a".repeat(32), status: "in_progress", background: true });
      await store.responses.save({
        id: "a".repeat(32),
        owner: staticKeyId((await openAdmin(store, systemIds)).hash(testKey)),
        createdAt: Date.now(),
        expiresAt: Date.now() + 60_000,
        state: "running",
        previousId: null,
        version: 1,
        body,
        input: "[]",
        items: "[]",
        output: "",
        events: "[]",
      });
      await store.close();
      const next = await startServer({ data, engine: "sim" });
      const found = await next.openai.responses.retrieve("a".repeat(32));
      expect([found.status, found.error?.code]).toEqual(["failed", "server_error"]);
      await next.stop();
    } finally {
      await rm(data, { recursive: true, force: true });
    }
  });
});

describe("the rest of the responses surface", () => {
  it("counts input tokens as usage does", async () => {
    const counted = await server.openai.responses.inputTokens.count({ model, input: "How many tokens is this?" });
    const made = await create({ input: "How many tokens is this?" });
    expect(counted).toEqual({ object: "response.input_tokens", input_tokens: made.usage?.input_tokens });
  });

  it("compacts a conversation into input of a later one", async () => {
    const compacted = await server.openai.responses.compact({ model, input: "My name is Ludmila." } as never);
    expect(compacted.object).toBe("response.compaction");
    expect(compacted.output.at(-1)?.type).toBe("compaction");
    const next = await create({ input: [...compacted.output, { role: "user", content: "Say: go on" }] });
    expect(next.output_text).toBe("go on");
  });

  it.each([["{}"], ['{"input":"x"}']])("refuses to compact %s without a model", async (body) => {
    const { status, error } = await failure("/v1/responses/compact", { method: "POST", body });
    expect([status, error.message]).toEqual([400, expect.stringContaining("model")]);
  });

  it("knows unstored items again when `store` was left out, and only for the key that got them", async () => {
    const made = await create({ input: "Say: mine alone" });
    const [item] = made.output;
    const input = [
      { role: "user", content: "Say: mine alone" },
      { type: "item_reference", id: item?.id },
      { role: "user", content: "Say: y" },
    ];
    expect((await create({ input })).output_text).toBe("y");
    const unstored = await create({ store: false, input: "Say: x" });
    for (const [id, key] of [
      [item?.id, (await server.app.admin.createKey({ name: "third" })).key],
      [unstored.output[0]?.id, undefined],
    ]) {
      const body = JSON.stringify({
        model,
        input: [
          { type: "item_reference", id },
          { role: "user", content: "x" },
        ],
      });
      const { status, error } = await failure("/v1/responses", {
        method: "POST",
        body,
        ...(key === undefined ? {} : { key }),
      });
      expect([status, error.code]).toEqual([400, "item_not_found"]);
    }
  });

  it("seals reasoning for stateless callers and reads it back", async () => {
    const made = await create({
      reasoning: { effort: "high" },
      include: ["reasoning.encrypted_content"],
      input: "Say: x",
    });
    const [reasoning] = made.output;
    expect(reasoning).toMatchObject({ type: "reasoning", encrypted_content: expect.stringMatching(/^p2\./) });
    const next = await create({ input: [...made.output, { role: "user", content: "Say: y" }] });
    expect(next.output_text).toBe("y");
  });
});

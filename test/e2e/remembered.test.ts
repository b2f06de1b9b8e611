import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, streamText, type ModelMessage } from "ai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresFolder, startPostgres } from "../store/postgres-server.ts";
import { remembering, startServer, testKey, type Running } from "./start.ts";

/** The data folder of every server here. */
let data = "";
beforeAll(async () => {
  globalThis.AI_SDK_LOG_WARNINGS = false;
  data = await mkdtemp(join(tmpdir(), "parley-remembered-"));
});
afterAll(() => rm(data, { recursive: true, force: true }));

/** Runs on a server that ends behind it. */
async function on<Result>(use: (server: Running) => Promise<Result>, more: object = {}): Promise<Result> {
  const server = await startServer({ engines: { sim: remembering }, data, ...more });
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

const model = "MiniMax-M3";
const name = "My name is Ludmila.";
const question = "What is my name?";
const id = async (server: Running, body: object): Promise<string> =>
  (await server.openai.responses.create({ model, input: name, stream: false, ...body })).id;

describe("an answer whose request left `store` out", () => {
  it("goes on in the AI SDK after a restart, whole and streamed", async () => {
    const asked: ModelMessage = { role: "user", content: name };
    const modelOf = (server: Running) =>
      createOpenAI({ apiKey: testKey, baseURL: `${server.url}/v1` }).responses(model);
    const first = await on(
      async (server) => (await generateText({ model: modelOf(server), messages: [asked] })).responseMessages,
    );
    const second = await on(async (server) => {
      const messages = [asked, ...first, asked];
      return await streamText({ model: modelOf(server), messages }).responseMessages;
    });
    const messages: ModelMessage[] = [asked, ...first, asked, ...second, { role: "user", content: question }];
    expect(await on(async (server) => (await generateText({ model: modelOf(server), messages })).text)).toBe("Ludmila");
  });

  it("is continued after a restart, also by one that is stored, and a compaction starts anew", async () => {
    const first = await on((server) => id(server, {}));
    const second = await on((server) => id(server, { input: "Say: two", previous_response_id: first }));
    const summary = await on((server) =>
      id(server, { input: [{ type: "compaction_trigger" } as never], previous_response_id: second }),
    );
    await on(async (server) => {
      const stored = await id(server, { input: "Say: three", previous_response_id: second, store: true });
      for (const previous_response_id of [second, stored]) {
        const answer = await server.openai.responses.create({ model, input: question, previous_response_id });
        expect(answer.output_text).toContain("Ludmila");
      }
      await server.openai.responses.create({ model, input: question, previous_response_id: summary });
    });
  });

  it("is no response that can be read, listed, cancelled or deleted, and others cannot refer to it", async () => {
    const made = await on((server) => id(server, {}));
    await on(async (server) => {
      const path = `/v1/responses/${made}`;
      const paths = [path, `${path}?stream=true`, `${path}/input_items`];
      for (const one of paths) expect((await server.call(one)).status).toBe(404);
      expect((await server.call(`${path}/cancel`, { method: "POST" })).status).toBe(404);
      expect((await server.call(path, { method: "DELETE" })).status).toBe(404);
      const { key } = await server.app.admin.createKey({ name: "another" });
      const body = JSON.stringify({ model, input: question, previous_response_id: made });
      const refer = (more: object): Promise<Response> =>
        server.call("/v1/responses", { method: "POST", body, ...more });
      expect((await refer({ key })).status).toBe(400);
      expect((await refer({})).status).toBe(200);
    });
  });

  it("is forgotten where the request said `store: false`, and with the process where the setting says so", async () => {
    const made = [
      await on((server) => id(server, { store: false })),
      await on((server) => id(server, {}), { responses: { remember: false } }),
    ];
    await on(async (server) => {
      for (const previous_response_id of made) {
        const create = server.openai.responses.create({ model, input: question, previous_response_id });
        await expect(create).rejects.toMatchObject({ code: "previous_response_not_found" });
      }
    });
  });

  it("expires as a stored one does", async () => {
    const made = await on((server) => id(server, {}), { responses: { retentionDays: 0.00001 } });
    await on(async (server) => {
      const create = (): Promise<unknown> =>
        server.openai.responses.create({ model, input: question, previous_response_id: made });
      await expect
        .poll(() =>
          create().then(
            () => "known",
            (error: { code: string }) => error.code,
          ),
        )
        .toBe("previous_response_not_found");
    });
  });
});

const programs = postgresFolder();
it.skipIf(programs === undefined)("is known on every process of one PostgreSQL", async () => {
  const postgres = await startPostgres(programs ?? "");
  const flags = { engines: { sim: remembering }, store: { url: await postgres.database() } };
  const servers: Running[] = [];
  try {
    for (const _ of [1, 2]) servers.push(await startServer(flags));
    const [one = expect.fail("no server"), other = expect.fail("no server")] = servers;
    const previous_response_id = await id(one, {});
    const answer = await other.openai.responses.create({ model, input: question, previous_response_id });
    expect(answer.output_text).toContain("Ludmila");
  } finally {
    for (const server of servers) await server.stop();
    await postgres.stop();
  }
});

/** Two servers on one SQLite file, as two processes would be: what a request reads, and that a change holds for the next one. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sqlStore } from "../../src/store/sql.ts";
import { openSqlite } from "../../src/store/sqlite.ts";
import { counted, type CountedDatabase } from "../store/counted.ts";
import { startServer, testKey, type Running } from "./start.ts";

const adminKey = "admin-0123456789abcdef";
let folder: string;
let database: CountedDatabase;
let asked: Running;
let administered: Running;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "parley-memory-"));
  database = counted(openSqlite(folder));
  const flags = { engine: "sim", adminKeys: [adminKey] };
  asked = await startServer(flags, { store: await sqlStore(database) });
  administered = await startServer(flags, { store: await sqlStore(openSqlite(folder)) });
});
afterAll(async () => {
  await asked.stop();
  await administered.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function admin(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await administered.call(`/admin/api${path}`, { method, key: adminKey, ...init });
  return (await response.json()) as Record<string, unknown>;
}

interface Asked {
  path: string;
  body: object;
}

const messages = [{ role: "user", content: "hi" }];
const chat: Asked = { path: "/v1/chat/completions", body: { model: "MiniMax-M3", messages } };
const surfaces: readonly Asked[] = [
  chat,
  { ...chat, body: { ...chat.body, stream: true } },
  { path: "/v1/responses", body: { model: "MiniMax-M3", input: "hi", store: false } },
  { path: "/anthropic/v1/messages", body: { model: "MiniMax-M3", max_tokens: 50, messages } },
];

async function status(key: string, { path, body } = chat): Promise<number> {
  const response = await asked.call(path, { method: "POST", key, body: JSON.stringify(body) });
  await response.text();
  return response.status;
}

describe("a request whose key and money have not changed", () => {
  const isAsked = (sql: string): boolean => /api_key|organisation|account|revision/.test(sql);

  it.each(surfaces)("reads nothing of them: $path", async (surface) => {
    const { key } = (await admin("POST", "/keys", { name: `of ${JSON.stringify(surface)}` })) as { key: string };
    for (const one of [key, testKey]) {
      expect(await status(one, surface)).toBe(200);
      database.take();
      for (let times = 0; times < 5; times += 1) expect(await status(one, surface)).toBe(200);
      expect(database.take().filter(isAsked)).toEqual([]);
    }
  });
});

describe("a change by another server", () => {
  it("holds for the next request", async () => {
    const team = (await admin("POST", "/organisations", { name: "team" })) as { id: string };
    const { id, key } = (await admin("POST", "/keys", { name: "one", organisation: team.id })) as Record<
      string,
      string
    >;
    const steps: readonly (readonly [method: string, path: string, body: object | undefined, status: number])[] = [
      ["POST", `/keys/${id}/disable`, undefined, 401],
      ["POST", `/keys/${id}/enable`, undefined, 200],
      ["PATCH", `/organisations/${team.id}`, { disabled: true }, 401],
      ["PATCH", `/organisations/${team.id}`, { disabled: false }, 200],
      ["PATCH", `/accounts/key:${id}`, { balanceMicros: 0 }, 402],
      ["POST", `/accounts/key:${id}/credit`, { amountMicros: 5_000_000 }, 200],
      ["PATCH", `/accounts/organisation:${team.id}`, { budgets: { day: 0 } }, 402],
      ["PATCH", `/accounts/organisation:${team.id}`, { budgets: { day: null } }, 200],
      ["PATCH", `/keys/${id}`, { models: ["MiniMax-M2"] }, 403],
      ["PATCH", `/keys/${id}`, { models: null }, 200],
      ["POST", `/keys/${id}/rotate`, undefined, 401],
    ];
    expect([await status(key ?? ""), await status(key ?? "")]).toEqual([200, 200]);
    for (const [method, path, body, wanted] of steps) {
      await admin(method, path, body);
      expect([path, body, await status(key ?? "")]).toEqual([path, body, wanted]);
    }
  });
});

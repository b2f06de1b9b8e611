/** Two servers on one PostgreSQL, as two processes would be: keys, limits and money are one. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresFolder, startPostgres } from "../store/postgres-server.ts";
import { startServer, type Running } from "./start.ts";

const programs = postgresFolder();
const adminKey = "admin-0123456789abcdef";
const stops: (() => Promise<void>)[] = [];
let one: Running;
let other: Running;

beforeAll(async () => {
  if (programs === undefined) return;
  const postgres = await startPostgres(programs);
  stops.push(() => postgres.stop());
  const store = { url: await postgres.database() };
  const flags = { engines: { s: { kind: "sim" } }, adminKeys: [adminKey], store };
  // both at once on an empty database
  [one, other] = await Promise.all([startServer(flags), startServer(flags)]);
  stops.unshift(
    () => one.stop(),
    () => other.stop(),
  );
});
afterAll(async () => {
  for (const stop of stops) await stop();
});

async function admin(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await one.call(`/admin/api${path}`, { method, key: adminKey, ...init });
  return (await response.json()) as Record<string, unknown>;
}

let made = 0;
async function newKey(input: Record<string, unknown> = {}): Promise<{ id: string; key: string }> {
  return (await admin("POST", "/keys", { name: `test ${(made += 1)}`, ...input })) as { id: string; key: string };
}

const ask = (server: Running, key: string): Promise<Response> =>
  server.call("/v1/chat/completions", {
    method: "POST",
    key,
    body: JSON.stringify({ model: "MiniMax-M3", messages: [{ role: "user", content: "hi" }] }),
  });

const statuses = async (key: string): Promise<number[]> => [
  (await ask(one, key)).status,
  (await ask(other, key)).status,
];

describe.runIf(programs !== undefined)("two servers on one PostgreSQL", () => {
  it("know each other's keys, and a disabled one at once", async () => {
    const { id, key } = await newKey();
    expect(await statuses(key)).toEqual([200, 200]);
    await admin("POST", `/keys/${id}/disable`);
    expect(await statuses(key)).toEqual([401, 401]);
  });

  it("share limits", async () => {
    const { key } = await newKey({ limits: { requestsPerMinute: 5 } });
    const asks = Array.from({ length: 8 }, (_, number) => ask(number % 2 === 0 ? one : other, key));
    const answers = await Promise.all(asks);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(50);
  });

  it("share money and reports", async () => {
    const { id, key } = await newKey();
    await admin("PATCH", `/accounts/key:${id}`, { balanceMicros: 100_000 });
    for (let times = 0; times < 3; times += 1) expect(await statuses(key)).toEqual([200, 200]);
    await expect
      .poll(async () => (await admin("GET", `/usage?by=key&keyId=${id}`))["data"], { timeout: 10_000 })
      .toMatchObject([{ requests: 6 }]);
    const { data } = (await admin("GET", `/usage?by=key&keyId=${id}`)) as { data: { costMicros: number }[] };
    const cost = data[0]?.costMicros ?? 0;
    expect(await admin("GET", `/accounts/key:${id}`)).toMatchObject({
      balanceMicros: 100_000 - cost,
      spentMicros: cost,
    });
    await admin("PATCH", `/accounts/key:${id}`, { balanceMicros: 0 });
    expect(await statuses(key)).toEqual([402, 402]);
    await admin("PATCH", `/accounts/key:${id}`, { balanceMicros: null, budgets: { day: cost } });
    expect(await statuses(key)).toEqual([402, 402]);
    expect(await (await ask(other, key)).text()).toContain("the budget of a day of this key is spent (0.0");
    await admin("PATCH", `/accounts/key:${id}`, { budgets: { day: cost + 10_000_000 } });
    expect(await statuses(key)).toEqual([200, 200]);
  });

  it("share kept responses", async () => {
    const { key } = await newKey();
    const body = JSON.stringify({ model: "MiniMax-M3", input: "hi", store: true });
    const made = (await (await one.call("/v1/responses", { method: "POST", key, body })).json()) as { id: string };
    const found = await other.call(`/v1/responses/${made.id}`, { key });
    expect([found.status, ((await found.json()) as { id: string }).id]).toEqual([200, made.id]);
  });
});

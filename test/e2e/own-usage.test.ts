/** What the holder of a key sees of it: `GET /v1/usage`, and the vendor's account of what is left of a plan. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type Running } from "./start.ts";

const patient = { timeout: 10_000, interval: 20 };
let server: Running;
beforeAll(async () => {
  server = await startServer({ engine: "sim", limits: { key: { requestsPerMinute: 50, streams: 4 } } });
});
afterAll(() => server.stop());

const get = async (path: string, key: string): Promise<Record<string, unknown>> =>
  (await (await server.call(path, { key })).json()) as Record<string, unknown>;

async function ask(key: string, model = "MiniMax-M3"): Promise<Response> {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] });
  const answer = await server.call("/v1/chat/completions", { method: "POST", key, body });
  await answer.clone().text();
  return answer;
}

describe("GET /v1/usage", () => {
  it("shows what the key used, what is left of its money and limits, and nothing of others", async () => {
    const { admin } = server.app;
    const { money } = admin;
    const team = await admin.createOrganisation({ name: "team" });
    const mine = await admin.createKey({ name: "mine", organisation: team.id, limits: { tokensPerMinute: 90_000 } });
    const other = await admin.createKey({ name: "other", organisation: team.id });
    await money.change(
      { kind: "key", id: mine.record.id },
      { balance: 1_000_000, budgets: { day: 500_000, total: 9 } },
    );
    await money.change({ kind: "key", id: mine.record.id }, { budgets: { total: null } });
    await money.change({ kind: "organisation", id: team.id }, { budgets: { week: 700_000 } });
    for (const model of ["MiniMax-M3", "MiniMax-M3", "MiniMax-M2.7"])
      expect((await ask(mine.key, model)).status).toBe(200);
    expect((await ask(other.key)).status).toBe(200);
    await expect
      .poll(async () => (await get("/v1/usage", mine.key))["data"], patient)
      .toMatchObject([{ requests: 1 }, { requests: 2 }]);
    const usage = await get("/v1/usage", mine.key);
    const today = new Date().toISOString().slice(0, 10);
    const data = usage["data"] as { cost_micros: number }[];
    const spent = data.reduce((sum, row) => sum + row.cost_micros, 0);
    expect(usage).toMatchObject({
      object: "usage",
      key: { id: mine.record.id, name: "mine", organisation: team.id },
      from: `${today.slice(0, 8)}01T00:00:00.000Z`,
      data: [
        { day: today, model: "MiniMax-M2.7", requests: 1, failed: 0, input_tokens: expect.any(Number) },
        { day: today, model: "MiniMax-M3", requests: 2 },
      ],
      balances: [{ of: "key", balance_micros: 1_000_000 - spent }],
      limits: [
        { kind: "requests_per_minute", limit: 50, remaining: 47, reset_seconds: expect.any(Number) },
        { kind: "tokens_per_minute", limit: 90_000 },
        { kind: "streams", limit: 4, remaining: 4 },
      ],
    });
    await expect
      .poll(async () => (await get("/v1/usage", mine.key))["budgets"], patient)
      .toMatchObject([
        { of: "key", period: "day", budget_micros: 500_000, spent_micros: spent, left_micros: 500_000 - spent },
        { of: "organisation", period: "week", spent_micros: expect.any(Number) },
      ]);
    expect(await get("/v1/usage?by=model&from=2999-01-01", mine.key)).toMatchObject({ data: [] });
    expect(await get("/v1/usage?by=hour", mine.key)).toMatchObject({
      data: [{ hour: expect.stringMatching(/:00Z$/), requests: 3 }],
    });
  });

  it("answers a key without money, and nobody without a key", async () => {
    const { key, record } = await server.app.admin.createKey({ name: "broke" });
    await server.app.admin.money.change({ kind: "key", id: record.id }, { balance: 0 });
    expect((await ask(key)).status).toBe(402);
    expect((await server.call("/v1/usage", { key })).status).toBe(200);
    for (const path of ["/v1/usage", "/v1/token_plan/remains"])
      expect((await server.call(path, { key: null })).status).toBe(401);
  });

  it.each([
    ["by=key", "by"],
    ["by=tag,day", "by"],
    ["from=now", "from"],
    ["keyId=another", "keyId"],
  ])("answers 400 to %s, naming the field", async (query, field) => {
    const answer = await server.call(`/v1/usage?${query}`);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(field)]);
  });
});

describe("what is left of a plan, in the vendor's form", () => {
  const whole = {
    model_name: "general",
    current_interval_total_count: 0,
    current_interval_usage_count: 0,
    current_interval_remaining_percent: 100,
    current_interval_status: 3,
    current_weekly_total_count: 0,
    current_weekly_usage_count: 0,
    current_weekly_remaining_percent: 100,
    current_weekly_status: 3,
  };
  const paths = ["/v1/token_plan/remains", "/v1/coding_plan/remains", "/v1/api/openplatform/coding_plan/remains"];

  it.each(paths)("%s has the percent of the tightest budget and of the week", async (path) => {
    const { money } = server.app.admin;
    const { key, record } = await server.app.admin.createKey({ name: `plan of ${path}` });
    const success = { status_code: 0, status_msg: "success" };
    const remains = await get(path, key);
    expect(remains).toEqual({ model_remains: [expect.objectContaining(whole)], base_resp: success });
    const [row] = remains["model_remains"] as Record<string, number>[];
    const week = 7 * 86_400_000;
    expect([
      (row?.["end_time"] ?? 0) - (row?.["start_time"] ?? 0),
      (row?.["weekly_end_time"] ?? 0) - (row?.["weekly_start_time"] ?? 0),
    ]).toEqual([86_400_000, week]);
    expect(new Date(row?.["weekly_start_time"] ?? 0).getUTCDay()).toBe(1);
    expect(row?.["remains_time"]).toBeLessThanOrEqual(86_400_000);
    expect(row?.["weekly_remains_time"]).toBeLessThanOrEqual(week);
    expect((await ask(key)).status).toBe(200);
    const subject = { kind: "key" as const, id: record.id };
    await expect.poll(async () => (await money.get(subject)).spent.day, patient).toBeGreaterThan(0);
    const cost = (await money.get(subject)).spent.day;
    await money.change(subject, { budgets: { day: cost * 100, month: cost * 4, week: cost * 2 } });
    expect(await get(path, key)).toMatchObject({
      model_remains: [
        {
          current_interval_remaining_percent: 75,
          current_interval_status: 1,
          current_weekly_remaining_percent: 50,
          current_weekly_status: 1,
        },
      ],
    });
    await money.change(subject, { balance: 0 });
    expect(await get(path, key)).toMatchObject({ model_remains: [{ current_interval_remaining_percent: 0 }] });
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, testKey, type Running } from "./start.ts";

const adminKey = "admin-0123456789abcdef";
/** A busy machine takes its time. */
const patient = { timeout: 10_000, interval: 20 };
let server: Running;
beforeAll(async () => {
  server = await startServer({ engine: "sim", adminKeys: [adminKey] });
});
afterAll(() => server.stop());

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

async function admin(method: string, path: string, body?: unknown, key: string | null = adminKey): Promise<Answer> {
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await server.call(`/admin/api${path}`, { method, key, ...init });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

let made = 0;
async function newKey(input: Record<string, unknown> = {}): Promise<{ id: string; key: string }> {
  const { status, body } = await admin("POST", "/keys", { name: `test ${(made += 1)}`, ...input });
  expect(status).toBe(201);
  return body as { id: string; key: string };
}

const chat = (key: string, model = "MiniMax-M3"): Promise<Response> =>
  server.call("/v1/chat/completions", {
    method: "POST",
    key,
    body: JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] }),
  });

const message = (body: Record<string, unknown>): string => (body["error"] as { message: string }).message;

describe("the admin API", () => {
  const routes: [string, string][] = [
    ["GET", "/keys"],
    ["POST", "/keys"],
    ["GET", "/keys/x"],
    ["PATCH", "/keys/x"],
    ["DELETE", "/keys/x"],
    ["POST", "/keys/x/rotate"],
    ["GET", "/organisations"],
    ["POST", "/organisations"],
    ["GET", "/accounts"],
    ["POST", "/accounts/key:x/credit"],
    ["GET", "/usage"],
    ["GET", "/ledger"],
    ["GET", "/ledger/x"],
  ];

  it.each(routes)("refuses %s %s without an admin key", async (method, path) => {
    const body = method === "GET" ? undefined : { name: "intruder" };
    expect((await admin(method, path, body, null)).status).toBe(401);
    expect((await admin(method, path, body, testKey)).status).toBe(401);
    expect((await admin(method, path, body, `${adminKey}0`)).status).toBe(401);
    expect(JSON.stringify((await admin("GET", "/keys")).body)).not.toContain("intruder");
  });

  it("says that it is off where no admin key is configured", async () => {
    const closed = await startServer({ engine: "sim" });
    try {
      const response = await closed.call("/admin/api/keys", { key: adminKey });
      expect(response.status).toBe(404);
      expect(await response.text()).toContain("adminKeys");
    } finally {
      await closed.stop();
    }
  });

  it("does not open the model API", async () => {
    expect((await chat(adminKey)).status).toBe(401);
  });

  it.each([
    ["/keys", {}, "name"],
    ["/keys", { name: "a", nmae: "b" }, "nmae"],
    ["/keys", { name: "a", ranges: ["x"] }, "ranges[0]"],
    ["/keys", { name: "a", expiresAt: "tomorrow" }, "expiresAt"],
    ["/keys", { name: "a", expiresAt: 1_800_000_000_000 }, "expiresAt"],
    ["/keys", { name: "a", limits: { streams: "2" } }, "limits.streams"],
    ["/keys", { name: "a", tags: [1] }, "tags[0]"],
    ["/keys", { name: "a", expiresAt: "2020-01-01" }, "expiresAt"],
    ["/keys", { name: "a", organisation: "nobody" }, "organisation"],
    ["/keys", { name: "a", budgets: { day: -1 } }, "budgets.day"],
    ["/keys/static/rotate", { overlap: "soon" }, "overlap"],
    ["/organisations", { name: "a", limits: { requestsPerMinute: 0 } }, "limits.requestsPerMinute"],
    ["/keys", [], "body"],
    ["/accounts/x/credit", { amountMicros: 1 }, "subject"],
    ["/accounts/key:static-1/credit", { amountMicros: 0.5 }, "amountMicros"],
  ])("answers 400 to %s %j, naming the field", async (path, input, field) => {
    const { status, body } = await admin("POST", path, input);
    expect(status).toBe(400);
    expect(message(body)).toContain(field);
  });

  it("changes nothing of an account when a part of the change is wrong", async () => {
    const path = "/accounts/key:static-1";
    const before = (await admin("GET", path)).body;
    const { status, body } = await admin("PATCH", path, { balanceMicros: 5, budgetMicros: -1 });
    expect([status, message(body)]).toEqual([400, expect.stringContaining("budgetMicros: must be 0 or more")]);
    expect((await admin("GET", path)).body).toEqual(before);
  });

  it("answers 404 to what is not there and 400 to a wrong report", async () => {
    expect((await admin("GET", "/keys/nobody")).status).toBe(404);
    expect((await admin("GET", "/accounts/key:nobody")).status).toBe(404);
    expect(message((await admin("GET", "/usage?by=colour")).body)).toContain("by");
  });

  it("never shows a key or a hash again", async () => {
    const { id, key } = await newKey();
    const shown = JSON.stringify([(await admin("GET", "/keys")).body, (await admin("GET", `/keys/${id}`)).body]);
    expect(shown).not.toContain(key);
    expect(shown).not.toContain("hash");
    expect(shown).toContain(key.slice(0, 14));
  });
});

describe("a key", () => {
  it("works until it is disabled, and again when enabled", async () => {
    const { id, key } = await newKey();
    expect((await chat(key)).status).toBe(200);
    expect((await admin("POST", `/keys/${id}/disable`)).body).toMatchObject({ disabled: true });
    expect((await chat(key)).status).toBe(401);
    await admin("POST", `/keys/${id}/enable`);
    expect((await chat(key)).status).toBe(200);
  });

  it("stops at once under load when it is disabled", async () => {
    const { id, key } = await newKey();
    let disabledAt = Number.POSITIVE_INFINITY;
    const late: number[] = [];
    const seen = new Set<number>();
    const worker = async (): Promise<void> => {
      for (;;) {
        const began = performance.now();
        const { status } = await chat(key);
        seen.add(status);
        if (status === 200 && began > disabledAt) late.push(began - disabledAt);
        if (status === 401) return;
      }
    };
    const workers = Array.from({ length: 8 }, worker);
    await expect.poll(() => seen.has(200), patient).toBe(true);
    await admin("POST", `/keys/${id}/disable`);
    disabledAt = performance.now();
    await Promise.all(workers);
    expect(seen).toEqual(new Set([200, 401]));
    expect(late).toEqual([]);
  });

  it("works beside its successor for a time, when it is rotated with an overlap", async () => {
    const { id, key } = await newKey({ expiresAt: "2999-12-31", budgetMicros: 5_000_000, budgets: { day: 1_000_000 } });
    const { body } = await admin("POST", `/keys/${id}/rotate`, { overlap: "24h" });
    expect(Date.parse(String(body["oldSecretUntil"])) - Date.now()).toBeGreaterThan(23 * 3_600_000);
    for (const one of [key, String(body["key"])]) expect((await chat(one)).status).toBe(200);
    expect((await admin("GET", `/accounts/key:${id}`)).body).toMatchObject({
      budgets: [{ period: "day" }, { period: "month", budgetMicros: 5_000_000 }],
    });
  });

  it("is another one after rotation and none after deletion", async () => {
    const { id, key } = await newKey();
    const { body } = await admin("POST", `/keys/${id}/rotate`);
    expect((await chat(key)).status).toBe(401);
    expect((await chat(String(body["key"]))).status).toBe(200);
    expect((await admin("DELETE", `/keys/${id}`)).body).toEqual({ id, deleted: true });
    expect((await chat(String(body["key"]))).status).toBe(401);
  });

  it("ends with its time", async () => {
    const { key } = await newKey({ expiresAt: new Date(Date.now() + 1_000).toISOString() });
    expect((await chat(key)).status).toBe(200);
    await expect.poll(async () => (await chat(key)).status, patient).toBe(401);
  });

  it("sees and uses only the models it may", async () => {
    const { key } = await newKey({ models: ["minimax-m2.7"] });
    const models = await server.call("/v1/models", { key });
    expect(((await models.json()) as { data: { id: string }[] }).data.map(({ id }) => id)).toEqual(["MiniMax-M2.7"]);
    expect((await server.call("/v1/models/MiniMax-M3", { key })).status).toBe(404);
    expect((await server.call("/v1/models/MiniMax-M2.7", { key })).status).toBe(200);
    expect((await chat(key, "MiniMax-M2.7")).status).toBe(200);
    const refused = await chat(key, "MiniMax-M3");
    expect(refused.status).toBe(403);
    expect(await refused.text()).toContain("MiniMax-M3");
  });

  it("works only from where it may", async () => {
    const here = await newKey({ ranges: ["127.0.0.0/8"] });
    const elsewhere = await newKey({ ranges: ["192.0.2.0/24"] });
    expect((await chat(here.key)).status).toBe(200);
    expect((await chat(elsewhere.key)).status).toBe(403);
  });

  it("is bound to the address that a trusted proxy tells, and only then", async () => {
    const behind = await startServer({ engine: "sim", adminKeys: [adminKey], trustedProxies: ["127.0.0.1"] });
    try {
      const made = await behind.app.admin.createKey({ name: "bound", ranges: ["192.0.2.0/24"] });
      const ask = async (forwarded: string): Promise<number> =>
        (await behind.call("/v1/models", { key: made.key, headers: { "x-forwarded-for": forwarded } })).status;
      expect([await ask("192.0.2.7"), await ask("192.0.3.7"), await ask("192.0.2.7, 192.0.3.7")]).toEqual([
        200, 403, 403,
      ]);
      const { key } = await newKey({ ranges: ["192.0.2.0/24"] });
      const lie = await server.call("/v1/models", { key, headers: { "x-forwarded-for": "192.0.2.7" } });
      expect(lie.status).toBe(403);
    } finally {
      await behind.stop();
    }
  });

  it("stops with its organisation", async () => {
    const { body } = await admin("POST", "/organisations", { name: "team" });
    const { key } = await newKey({ organisation: body["id"] });
    expect((await chat(key)).status).toBe(200);
    await admin("PATCH", `/organisations/${String(body["id"])}`, { disabled: true });
    expect((await chat(key)).status).toBe(401);
  });
});

const stream = (key: string, content = "Tell me a story"): Promise<Response> =>
  server.call("/v1/chat/completions", {
    method: "POST",
    key,
    body: JSON.stringify({ model: "MiniMax-M3", stream: true, messages: [{ role: "user", content }] }),
  });

describe("limits", () => {
  it("are told with every answer, and refuse with the vendor's code and a time to wait", async () => {
    const { key } = await newKey({ limits: { requestsPerMinute: 2, tokensPerMinute: 100_000 } });
    const first = await chat(key);
    const told = Object.fromEntries([...first.headers].filter(([name]) => name.startsWith("x-ratelimit")));
    expect(told).toMatchObject({
      "x-ratelimit-limit-requests": "2",
      "x-ratelimit-remaining-requests": "1",
      "x-ratelimit-reset-requests": expect.stringMatching(/^6[01]s$/),
      "x-ratelimit-limit-tokens": "100000",
    });
    const { usage } = (await first.json()) as { usage: { total_tokens: number } };
    const second = await stream(key);
    expect(second.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    // the estimate: 1,024 tokens of output, 5 of text, 3 around the prompt and 4 around its one message, less rounding
    const reserved = 1_024 + 11;
    const left = 100_000 - usage.total_tokens - reserved;
    expect(Number(second.headers.get("x-ratelimit-remaining-tokens"))).toBe(left);
    await second.text();
    const third = await chat(key);
    expect(third.status).toBe(429);
    expect(third.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    expect(Number(third.headers.get("retry-after"))).toBeGreaterThan(55);
    expect(Number(third.headers.get("retry-after"))).toBeLessThanOrEqual(61);
    const body = (await third.json()) as Record<string, unknown>;
    expect(body["error"]).toMatchObject({ type: "rate_limit_error", http_code: "429" });
    expect(message(body)).toMatch(/\(1002\)$/);
    for (const path of ["/v1/responses"]) {
      const refused = await server.call(path, {
        method: "POST",
        key,
        body: JSON.stringify({ model: "MiniMax-M3", input: "hi", stream: true }),
      });
      expect([refused.status, refused.headers.get("x-ratelimit-limit-requests")]).toEqual([429, "2"]);
    }
  });

  it("say nothing where there are none", async () => {
    const { key } = await newKey();
    expect([...(await chat(key)).headers.keys()].filter((name) => name.includes("ratelimit"))).toEqual([]);
  });

  it("are told by every way of the responses API", async () => {
    const { key } = await newKey({ limits: { requestsPerMinute: 50 } });
    for (const extra of [{}, { stream: true }, { store: true }, { store: true, stream: true }]) {
      const body = JSON.stringify({ model: "MiniMax-M3", input: "hi", ...extra });
      const response = await server.call("/v1/responses", { method: "POST", key, body });
      await response.text();
      expect([extra, response.headers.get("x-ratelimit-limit-requests")]).toEqual([extra, "50"]);
    }
  });

  it("free a stream that its reader left", async () => {
    const paced = await startServer({
      adminKeys: [adminKey],
      engines: { s: { kind: "sim", decodeTokensPerSecond: 20 } },
      limits: { key: { streams: 1 } },
    });
    try {
      const body = JSON.stringify({ model: "MiniMax-M3", stream: true, messages: [{ role: "user", content: "hi" }] });
      const aborter = new AbortController();
      const ask = (signal?: AbortSignal): Promise<Response> =>
        paced.call("/v1/chat/completions", { method: "POST", body, ...(signal === undefined ? {} : { signal }) });
      const first = await ask(aborter.signal);
      expect(first.status).toBe(200);
      const second = await ask();
      expect([second.status, second.headers.get("retry-after")]).toEqual([429, "1"]);
      expect(await second.text()).toContain("(1041)");
      aborter.abort();
      await expect
        .poll(async () => {
          const next = await ask();
          await next.body?.cancel();
          return next.status;
        }, patient)
        .toBe(200);
    } finally {
      await paced.stop();
    }
  });
});

interface Report {
  data: { group: string; name: string; requests: number; input: number; output: number; costMicros: number }[];
}

describe("money", () => {
  const spent = async (id: string): Promise<Report["data"][number] | undefined> => {
    const { body } = await admin("GET", `/usage?by=key&keyId=${id}`);
    return (body as unknown as Report).data[0];
  };

  it("is counted to the millionth, taken from the balance, and ends with it", async () => {
    const { id, key } = await newKey({ name: "payer" });
    expect((await admin("POST", `/accounts/key:${id}/credit`, { amountMicros: 1 })).body).toMatchObject({
      balanceMicros: 1,
    });
    const answer = await chat(key);
    const { usage } = (await answer.json()) as { usage: { prompt_tokens: number; completion_tokens: number } };
    const refused = await chat(key);
    expect(refused.status).toBe(402);
    expect(message((await refused.json()) as Record<string, unknown>)).toMatch(
      /^insufficient balance: the balance of this key is -0\.\d+ dollars \(1008\)$/,
    );
    const cost = Math.ceil(usage.prompt_tokens * 0.3 + usage.completion_tokens * 1.2);
    await expect
      .poll(() => spent(id), patient)
      .toMatchObject({
        name: "payer",
        requests: 1,
        input: usage.prompt_tokens,
        output: usage.completion_tokens,
        costMicros: cost,
      });
    expect((await admin("GET", `/accounts/key:${id}`)).body).toMatchObject({
      balanceMicros: 1 - cost,
      spentMicros: cost,
    });
    await admin("POST", `/accounts/key:${id}/credit`, { amountMicros: cost + 10 });
    expect((await chat(key)).status).toBe(200);
    await admin("PATCH", `/accounts/key:${id}`, { balanceMicros: null, budgetMicros: cost });
    expect((await chat(key)).status).toBe(402);
    await admin("PATCH", `/accounts/key:${id}`, { budgetMicros: null });
    expect((await chat(key)).status).toBe(200);
    const shown = (await admin("GET", `/keys/${id}`)).body;
    await expect.poll(async () => (await admin("GET", `/keys/${id}`)).body["lastUsedAt"], patient).not.toBeNull();
    expect(shown["name"]).toBe("payer");
  });

  it("is found by the id that the answer's headers told", async () => {
    const { id, key } = await newKey();
    const traced = (await chat(key)).headers.get("trace-id");
    const found = async (): Promise<unknown> => {
      const { body } = await admin("GET", "/ledger?limit=20");
      return (body["data"] as { request: string }[]).find(({ request }) => request === traced);
    };
    await expect
      .poll(found, patient)
      .toMatchObject({ keyId: id, model: "MiniMax-M3", outcome: "stop", engine: "default" });
    expect((await admin("GET", "/ledger?limit=0")).status).toBe(400);
  });

  it("is half as much again for priority", async () => {
    const costs: number[] = [];
    for (const service_tier of ["standard", "priority"]) {
      const { id, key } = await newKey();
      const body = JSON.stringify({ model: "MiniMax-M3", service_tier, messages: [{ role: "user", content: "hi" }] });
      expect((await server.call("/v1/chat/completions", { method: "POST", key, body })).status).toBe(200);
      await expect.poll(() => spent(id), patient).toMatchObject({ requests: 1 });
      const row = await spent(id);
      const exact = (row?.input ?? 0) * 0.3 + (row?.output ?? 0) * 1.2;
      costs.push((row?.costMicros ?? 0) / exact);
    }
    expect(costs[0]).toBeCloseTo(1, 1);
    expect(costs[1]).toBeCloseTo(1.5, 1);
  });

  it("of a stream that its reader left is that of what was said until then", async () => {
    const engines = { s: { kind: "sim", decodeTokensPerSecond: 100 } };
    const paced = await startServer({ adminKeys: [adminKey], engines });
    try {
      const aborter = new AbortController();
      const body = JSON.stringify({
        model: "MiniMax-M3",
        stream: true,
        messages: [
          { role: "user", content: "Repeat after me: one two three four five six seven eight nine ten eleven twelve" },
        ],
      });
      const answer = await paced.call("/v1/chat/completions", { method: "POST", body, signal: aborter.signal });
      const reader = answer.body?.getReader();
      let text = "";
      while (text.length < 400) text += new TextDecoder().decode((await reader?.read())?.value);
      aborter.abort();
      const report = async (): Promise<Record<string, number> | undefined> => {
        const response = await paced.call("/admin/api/usage?by=model", { key: adminKey });
        return ((await response.json()) as { data: Record<string, number>[] }).data[0];
      };
      await expect.poll(report, patient).toMatchObject({ requests: 1, canceled: 1, failed: 0 });
      const row = await report();
      const { input = 0, output = 0, costMicros } = row ?? {};
      expect(output).toBeGreaterThan(2);
      expect(output).toBeLessThan(60);
      expect(costMicros).toBe(Math.ceil(input * 0.3 + output * 1.2));
    } finally {
      await paced.stop();
    }
  });

  it("is reported by model and day, as JSON and as CSV", async () => {
    const { body } = await admin("GET", "/usage?by=model&model=MiniMax-M3");
    expect((body as unknown as Report).data).toMatchObject([{ group: "MiniMax-M3" }]);
    const csv = await server.call("/admin/api/usage?by=day&format=csv", { key: adminKey });
    expect(csv.headers.get("content-type")).toContain("text/csv");
    expect(await csv.text()).toMatch(/^group,name,requests,.*\r\n\d{4}-\d\d-\d\d,/);
    const sums = { requests: 0, failed: 0, canceled: 0, input: 0, cached: 0, output: 0, reasoning: 0, costMicros: 0 };
    expect((await admin("GET", "/usage?by=day&from=2999-01-01")).body).toEqual({ by: "day", data: [], total: sums });
  });

  it("is held to budgets of a day, a week, a month and in total, and 402 says whose, how much and until when", async () => {
    const { body: team } = await admin("POST", "/organisations", { name: "with a budget" });
    const { id, key } = await newKey({ name: "with budgets", organisation: team["id"] });
    const account = `/accounts/key:${id}`;
    expect((await chat(key)).status).toBe(200);
    await expect.poll(async () => (await admin("GET", account)).body["spentMicros"], patient).toBeGreaterThan(0);
    const cost = Number((await admin("GET", account)).body["spentMicros"]);
    const tomorrow = new Date(Math.ceil(Date.now() / 86_400_000) * 86_400_000).toISOString();
    for (const period of ["day", "week", "month", "total"]) {
      const { body } = await admin("PATCH", account, { budgets: { [period]: cost } });
      expect(body["budgets"]).toMatchObject([
        {
          period,
          budgetMicros: cost,
          spentMicros: cost,
          leftMicros: 0,
          from: "account",
          ...(period === "day" && { resetsAt: tomorrow }),
        },
      ]);
      const refused = await chat(key);
      const words = message((await refused.json()) as Record<string, unknown>);
      expect([refused.status, words]).toEqual([402, expect.stringContaining("of this key is spent (0.0")]);
      expect(words).toContain(period === "total" ? "does not begin anew" : "begins anew at ");
      await admin("PATCH", account, { budgets: { [period]: null } });
    }
    expect((await chat(key)).status).toBe(200);
    const before = (await admin("PATCH", `/accounts/organisation:${String(team["id"])}`, { budgets: { week: 1 } }))
      .body;
    expect(before).toMatchObject({ name: "with a budget", budgetMicros: null });
    expect(await (await chat(key)).text()).toContain("budget of a week of the organisation of this key is spent");
    for (const budgets of [{ year: 1 }, { day: -1 }, { day: 0.5 }, 5])
      expect([(await admin("PATCH", account, { budgets })).status, budgets]).toEqual([400, budgets]);
  });

  it("shows the budgets of the configuration", async () => {
    const held = await startServer({ engine: "sim", adminKeys: [adminKey], budgets: { key: { day: 2, month: 20 } } });
    try {
      const list = await held.call("/admin/api/accounts", { key: adminKey });
      const day = { period: "day", budgetMicros: 2_000_000, from: "settings", leftMicros: 2_000_000 };
      expect(await list.json()).toMatchObject({
        data: [{ name: "static key 1", balanceMicros: null, budgetMicros: null, budgets: [day, { period: "month" }] }],
      });
    } finally {
      await held.stop();
    }
  });

  it("is reported by two groups at once, under the names that deleted keys and organisations had", async () => {
    const { body: team } = await admin("POST", "/organisations", { name: "left, with a comma" });
    const made = await newKey({ name: "of one who left", organisation: team["id"], owner: "anna", tags: ["a", "b"] });
    const answer = await chat(made.key, "MiniMax-M2.7");
    const request = String(answer.headers.get("trace-id"));
    await answer.text();
    const report = async (query: string): Promise<Record<string, unknown>> =>
      (await admin("GET", `/usage?${query}&key=${made.id}`)).body;
    await expect.poll(async () => (await report("by=day"))["data"], patient).toHaveLength(1);
    await admin("DELETE", `/keys/${made.id}`);
    await admin("DELETE", `/organisations/${String(team["id"])}`);
    const line = { requests: 1, failed: 0 };
    expect(await report("by=organisation,model")).toMatchObject({
      by: "organisation,model",
      data: [
        {
          group: team["id"],
          name: "left, with a comma",
          secondGroup: "MiniMax-M2.7",
          secondName: "MiniMax-M2.7",
          ...line,
        },
      ],
      total: line,
    });
    expect(await report("by=tag,owner")).toMatchObject({
      data: [{ group: "a", secondGroup: "anna" }, { group: "b" }],
      total: { requests: 1 },
    });
    const csv = await server.call(`/admin/api/usage?by=organisation,key&format=csv&key=${made.id}`, { key: adminKey });
    expect((await csv.text()).split("\r\n").slice(0, 2)).toEqual([
      "group,name,secondGroup,secondName,requests,failed,canceled,input,cached,output,reasoning,costMicros",
      expect.stringContaining(`${String(team["id"])},"left, with a comma",${made.id},of one who left,1,0,0,`),
    ]);
    const named = { request, keyId: made.id, keyName: "of one who left", organisationName: "left, with a comma" };
    expect((await admin("GET", `/ledger/${request}`)).body).toMatchObject({ ...named, outcome: "stop" });
    expect((await admin("GET", `/ledger?key=${made.id}&model=MiniMax-M2.7&outcome=stop`)).body).toMatchObject({
      data: [named],
      next: null,
    });
    expect((await admin("GET", `/ledger?key=${made.id}&outcome=upstream`)).body).toEqual({ data: [], next: null });
    expect((await admin("GET", "/ledger/nothing")).status).toBe(404);
  });

  it("is listed page by page", async () => {
    const { id, key } = await newKey({ name: "of many pages" });
    for (let times = 0; times < 3; times += 1) await (await chat(key)).text();
    const page = async (more = ""): Promise<{ data: { request: string }[]; next: string | null }> =>
      (await admin("GET", `/ledger?key=${id}&limit=2${more}`)).body as never;
    await expect.poll(async () => (await page()).next, patient).not.toBeNull();
    const first = await page();
    const second = await page(`&after=${String(first.next)}`);
    expect([first.data.length, second.data.length, second.next]).toEqual([2, 1, null]);
    expect(new Set([...first.data, ...second.data].map(({ request }) => request)).size).toBe(3);
  });

  it.each([
    ["/usage?by=colour", "by"],
    ["/usage?by=key,key", "by"],
    ["/usage?by=key,", "by"],
    ["/usage?by=key,model,day", "by"],
    ["/usage?from=yesterday", "from"],
    ["/usage?color=red", "color"],
    ["/ledger?after=1", "after"],
    ["/ledger?limit=1001", "limit"],
    ["/ledger?limit=x", "limit"],
  ])("answers 400 to %s, naming the field", async (path, field) => {
    const { status, body } = await admin("GET", path);
    expect([status, message(body)]).toEqual([400, expect.stringContaining(field)]);
  });
});

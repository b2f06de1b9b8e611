/** The audit log over HTTP and on the command line: who changed what. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { Workplace } from "../cli/command.ts";
import { startServer, type Running } from "./start.ts";

const adminKeys = ["admin-key-one-0123456789", "admin-key-two-0123456789"];

let parley: Running;
beforeAll(async () => {
  parley = await startServer({ engine: "sim", adminKeys });
});
afterAll(() => parley.stop());

async function admin(key: string | undefined, path: string, init: { method?: string; body?: object } = {}) {
  const { method = "GET", body } = init;
  const response = await parley.call(`/admin/api/${path}`, {
    method,
    key: key ?? null,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

interface Row {
  actor: string;
  action: string;
  target: string;
  change: Record<string, unknown>;
}

async function log(query = ""): Promise<{ data: Row[]; next: string | null }> {
  const { status, body } = await admin(adminKeys[0], `audit${query}`);
  expect(status).toBe(200);
  return body as unknown as { data: Row[]; next: string | null };
}

it("names the admin key of each change, also of those at one time, and is empty of secrets", async () => {
  const [one, two] = adminKeys;
  const made = await Promise.all(
    Array.from({ length: 10 }, (_, count) =>
      admin(count % 2 === 0 ? one : two, "keys", {
        method: "POST",
        body: { name: `k${count}`, owner: `of ${count % 2}` },
      }),
    ),
  );
  const { data } = await log();
  expect(data).toHaveLength(10);
  const byOwner = Map.groupBy(data, ({ change }) => change["owner"]);
  const actors = [...byOwner.values()].map((rows) => new Set(rows.map(({ actor }) => actor)));
  expect(actors.map(({ size }) => size)).toEqual([1, 1]);
  expect(new Set(data.map(({ actor }) => actor)).size).toBe(2);
  for (const { actor, action } of data)
    expect([actor, action]).toEqual([expect.stringMatching(/^admin-[0-9a-f]{16}$/), "key.create"]);
  const text = JSON.stringify(data);
  for (const secret of [...adminKeys, ...made.map(({ body }) => String(body["key"]))])
    expect(text).not.toContain(secret);
});

it("has what was changed, and not what was read or refused", async () => {
  const { body } = await admin(adminKeys[0], "keys", { method: "POST", body: { name: "changed" } });
  const path = `keys/${String(body["id"])}`;
  await admin(adminKeys[0], path);
  expect((await admin(adminKeys[0], path, { method: "PATCH", body: { name: 5 } })).status).toBe(400);
  expect((await admin("admin-key-wrong-0123456789", path, { method: "DELETE" })).status).toBe(401);
  await admin(adminKeys[0], path, { method: "PATCH", body: { limits: { streams: 2 } } });
  await admin(adminKeys[0], `${path}/rotate`, { method: "POST" });
  await admin(adminKeys[0], `accounts/key:${String(body["id"])}/credit`, { method: "POST", body: { amountMicros: 7 } });
  await admin(adminKeys[0], path, { method: "DELETE" });
  const target = `?target=key:${String(body["id"])}`;
  const { data, next } = await log(target);
  expect(next).toBeNull();
  const actions = data.map(({ action }) => action);
  expect(actions).toEqual(["key.delete", "account.credit", "key.rotate", "key.change", "key.create"]);
  expect(data.find(({ action }) => action === "key.change")?.change).toEqual({ limits: { streams: 2 } });
  const first = await log(`${target}&limit=2`);
  expect(first.data).toEqual(data.slice(0, 2));
  expect((await log(`${target}&limit=4&after=${String(first.next)}`)).data).toEqual(data.slice(2));
});

it.each([
  ["?limit=0", "limit"],
  ["?after=yesterday", "after"],
  ["?sort=up", "sort"],
])("refuses %s", async (query, field) => {
  const { status, body } = await admin(adminKeys[0], `audit${query}`);
  expect(status).toBe(400);
  expect(JSON.stringify(body)).toContain(field);
});

it("needs an admin key", async () => {
  expect((await admin(undefined, "audit")).status).toBe(401);
});

it("is shown on the command line, whose user it names", async () => {
  const place = new Workplace();
  try {
    await place.run(["keys", "create", "--name", "ci"]);
    const { code, stdout } = await place.run(["audit", "--json"]);
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      {
        data: [expect.objectContaining({ actor: expect.stringMatching(/^cli:.+@.+$/), action: "key.create" })],
        next: null,
      },
    ]);
    const { stdout: table } = await place.run(["audit", "--limit", "1"]);
    expect(table).toMatch(/^at +actor +action +target +change\n.*key\.create.*"name":"ci"/);
  } finally {
    await place.stop();
  }
}, 30_000);

/** How much room stored responses take, and how much of it a key may have. */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, testKey, type Running } from "./start.ts";

const otherKey = "sk-other-0123456789";
let server: Running;
beforeAll(async () => {
  server = await startServer({
    engine: "sim",
    apiKeys: [testKey, otherKey],
    responses: { quotaCount: 2, quotaBytes: 4_000_000 },
  });
});
afterAll(() => server.stop());

const create = (body: object, key: string = testKey): Promise<Response> =>
  server.call("/v1/responses", {
    method: "POST",
    key,
    body: JSON.stringify({ model: "MiniMax-M3", store: true, ...body }),
  });

const remove = (id: string, key: string = testKey): Promise<Response> =>
  server.call(`/v1/responses/${id}`, { method: "DELETE", key });

async function idOf(answer: Response): Promise<string> {
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { id: string }).id;
}

describe("the quota of a key", () => {
  it("refuses one more response by its number, names itself, and is free again after a deletion", async () => {
    const first = await idOf(await create({ input: "hi" }));
    const second = await idOf(await create({ input: "hi", background: true }));
    for (const background of [false, true]) {
      const refused = await create({ input: "hi", background });
      const { error } = (await refused.json()) as { error: { message: string } };
      expect(refused.status).toBe(429);
      expect(error.message).toMatch(/stored responses of this key may be 2 and 4000000 bytes together.*\(2056\)$/);
    }
    await idOf(await create({ input: "hi", store: false }));
    const others = await idOf(await create({ input: "hi" }, otherKey));
    await remove(first);
    await remove(await idOf(await create({ input: "hi" })));
    await remove(second);
    await remove(others, otherKey);
  });

  it("counts what left `store` out, which is never refused and gives way to what is stored", async () => {
    const omitted: string[] = [];
    for (const input of ["one", "two", "three"]) omitted.push(await idOf(await create({ input, store: undefined })));
    const stored = [await idOf(await create({ input: "hi" })), await idOf(await create({ input: "hi" }))];
    expect((await create({ input: "hi" })).status).toBe(429);
    // in memory they are still known
    for (const previous_response_id of [...omitted, ...stored]) {
      await idOf(await create({ input: "hi", store: undefined, previous_response_id }));
    }
    for (const id of stored) await remove(id);
  });

  it("refuses one more response by their bytes", async () => {
    const large = await idOf(await create({ input: "x".repeat(2_500_000) }));
    expect((await create({ input: "hi" })).status).toBe(429);
    await remove(large);
    await remove(await idOf(await create({ input: "hi" })));
  });
});

describe("a stored response", () => {
  const tools = [{ type: "function", name: "f", description: "t".repeat(300_000), parameters: { type: "object" } }];
  const body = { tools, instructions: "i".repeat(300_000), input: "x".repeat(100_000), max_output_tokens: 20 };

  it("takes at most about twice its request", async () => {
    const id = await idOf(await create(body));
    const database = new DatabaseSync(join(server.data, "parley.db"), { readOnly: true });
    try {
      const [usage] = database.prepare("select records, bytes from response_usage where records > 0").all();
      expect(usage?.["records"]).toBe(1);
      expect(Number(usage?.["bytes"])).toBeLessThan(2 * JSON.stringify(body).length);
    } finally {
      database.close();
    }
    await remove(id);
  });

  it("is replayed byte for byte", async () => {
    const live = await (await create({ ...body, stream: true })).text();
    const id = /"id":"([0-9a-f]+)"/.exec(live)?.[1] ?? "";
    const replayed = await (await server.call(`/v1/responses/${id}?stream=true`)).text();
    expect(live.length).toBeGreaterThan(1_800_000);
    expect(replayed === live).toBe(true);
    await remove(id);
  });
});

/** Webhooks of a whole server: a budget that is nearly spent, and a replica that is down. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startServer } from "./start.ts";

const patient = { timeout: 10_000, interval: 20 };
const received: { type: string; data: Record<string, unknown> }[] = [];
const receiver = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8").on("data", (text: string) => (body += text));
  request.on("end", () => {
    received.push(JSON.parse(body) as (typeof received)[number]);
    response.end();
  });
});
beforeAll(() => new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve)));
afterAll(() => new Promise((resolve) => receiver.close(resolve)));

it("tells of a budget that is spent and of a replica that is down, and no request waits for it", async () => {
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  const server = await startServer({
    engines: { sim: { kind: "sim" }, gone: { kind: "upstream", url: "http://127.0.0.1:9/v1" } },
    models: { "MiniMax-M3": { engine: "sim" }, "MiniMax-M2.7": { engine: "gone" } },
    webhooks: [{ url, allow: ["127.0.0.1"] }],
    budgets: { key: { day: 0.000001 } },
  });
  try {
    const ask = (model: string): Promise<Response> =>
      server.call("/v1/chat/completions", {
        method: "POST",
        body: JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] }),
      });
    for (let times = 0; times < 4; times += 1) expect((await ask("MiniMax-M2.7")).status).toBe(502);
    expect((await ask("MiniMax-M3")).status).toBe(200);
    await expect.poll(() => received.map(({ type }) => type).toSorted(), patient).toEqual(["budget", "replica-down"]);
    const data = Object.fromEntries(received.map((one) => [one.type, one.data]));
    expect(data["budget"]).toMatchObject({ period: "day", percent: 100, budgetMicros: 1 });
    expect(data["replica-down"]).toMatchObject({ replica: "127.0.0.1:9", reason: "ECONNREFUSED" });
    expect((await ask("MiniMax-M3")).status).toBe(402);
  } finally {
    await server.stop();
  }
});

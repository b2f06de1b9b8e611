import { afterAll, beforeAll, expect, it } from "vitest";
import { startServer, testKey, type Running } from "./start.ts";

// Two simulators, each behind a Parley of its own, as replicas of one configured engine.
let backs: Running[] = [];
let front: Running;
beforeAll(async () => {
  backs = [await startServer({ engine: "sim" }), await startServer({ engine: "sim" })];
  const url = backs.map((back) => `${back.url}/v1`);
  front = await startServer({ engines: { backs: { kind: "upstream", url, dialect: "parley", key: testKey } } });
}, 30_000);
afterAll(async () => {
  for (const server of [front, ...backs]) await server.stop();
});

it("a conversation stays with its replica, and headers and metrics say so", async () => {
  const long = "All the rivers run to the sea, and yet the sea is never full. ".repeat(100);
  const routes: (string | null)[] = [];
  for (let round = 0; round < 3; round++) {
    const body = JSON.stringify({ model: "MiniMax-M3", messages: [{ role: "user", content: `${long} Say: hi` }] });
    const response = await front.call("/v1/chat/completions", { method: "POST", body });
    expect(response.status).toBe(200);
    await response.text();
    routes.push(response.headers.get("x-parley-route"));
  }
  expect(new Set(routes).size).toBe(1);
  expect(routes[0]).toMatch(/^engine=backs; replica=127\.0\.0\.1:\d+; reason=affinity; attempt=1$/);
  const replica = /replica=(\S+);/.exec(routes[0] ?? "")?.[1] ?? "";
  const text = await (await front.call("/metrics")).text();
  const read = (direction: string): number =>
    Number(
      text
        .split(`parley_replica_tokens_total{engine="backs",replica="${replica}",direction="${direction}"} `)[1]
        ?.split("\n")[0],
    );
  expect(read("cached")).toBeGreaterThan(0);
  expect(read("cached")).toBeLessThan(read("input"));
  expect(text.match(/^parley_replica_up\{engine="backs",replica="[^"]+"\} 1$/gm)).toHaveLength(2);
  expect(text.match(/^parley_replica_running\{engine="backs",replica="[^"]+"\} 0$/gm)).toHaveLength(2);
  expect(text).toContain(`parley_routes_total{replica="${replica}",reason="affinity"} 3`);
});

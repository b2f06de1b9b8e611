import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { LogRecord } from "../telemetry/record.ts";
import { startServer, type Running } from "./start.ts";

/** What stands in the URL of an upstream is sent to it and shown to nobody. */
const secrets = ["us3r", "passw0rd", "t0ken", "h1dden"];

let upstream: Server;
let server: Running;
const record = new LogRecord();
const asked: Pick<IncomingMessage, "url" | "headers">[] = [];
beforeAll(async () => {
  upstream = createServer((request, response) => {
    if (request.method === "POST") asked.push({ url: request.url, headers: request.headers });
    response.writeHead(500, { "content-type": "application/json" }).end('{"error":{"message":"broken"}}');
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const place = `us3r:passw0rd@127.0.0.1:${(upstream.address() as AddressInfo).port}/h1dden/v1?key=t0ken`;
  const url = [`http://${place}`, "http://us3r:passw0rd@127.0.0.1:9/h1dden/v1?key=t0ken"];
  server = await startServer({ engines: { e: { kind: "upstream", url } }, log: "debug" }, { log: record.log });
});
afterAll(async () => {
  await server.stop();
  upstream.close();
});

it("is in no answer, header, metric or line of the log", async () => {
  const shown: string[] = [];
  for (const [path, body] of [
    ["/v1/chat/completions", { messages: [{ role: "user", content: "hi" }] }],
    ["/v1/chat/completions", { messages: [{ role: "user", content: "hi" }], stream: true }],
    ["/v1/responses", { input: "hi" }],
    ["/v1/responses/input_tokens", { input: "hi" }],
  ] as const) {
    const answer = await server.call(path, { method: "POST", body: JSON.stringify({ model: "MiniMax-M3", ...body }) });
    shown.push(JSON.stringify([...answer.headers]), await answer.text());
  }
  for (const path of ["/metrics", "/readyz", "/v1/models"]) shown.push(await (await server.call(path)).text());
  shown.push(record.text());
  expect(shown.join("\n")).toContain("127.0.0.1:9");
  for (const secret of secrets) expect(shown.join("\n")).not.toContain(secret);
  expect(asked[0]?.url).toBe("/h1dden/v1/chat/completions?key=t0ken");
  expect(asked[0]?.headers.authorization).toBe(`Basic ${Buffer.from("us3r:passw0rd").toString("base64")}`);
});

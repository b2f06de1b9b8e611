/** Spellings of paths: what HTTP takes the WebSocket takes, and the other way round. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { requestPath } from "../../src/http/path.ts";
import { startServer, testKey, type Running } from "../e2e/start.ts";

let server: Running;
beforeAll(async () => {
  server = await startServer({ engine: "sim" });
});
afterAll(() => server.stop());

const body = JSON.stringify({ model: "MiniMax-M3", messages: [{ role: "user", content: "hi" }], input: "hi" });

describe("a path with slashes too many", () => {
  it.each([
    ["POST", "/v1//chat/completions"],
    ["POST", "/v1/chat/completions//"],
    ["POST", "//v1/responses"],
    ["POST", "/v1//responses/input_tokens"],
    ["GET", "/v1//models"],
    ["GET", "/v1/models//MiniMax-M3/"],
    ["GET", "//v1///models///?a=//b"],
    ["GET", "/v1//files//list"],
    ["GET", "//healthz/"],
  ])("%s %s: 200", async (method, path) => {
    const response = await server.call(path, { method, ...(method === "POST" && { body }) });
    expect([response.status, await response.text()]).toEqual([200, expect.not.stringContaining('"error":{')]);
  });

  it("still has its methods", async () => {
    const response = await server.call("/v1//chat/completions/", { method: "PUT", body });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it.each(["//elsewhere.example/v1/models", "/v1//nothing", "/v1/chat//", "//"])("%s: 404", async (path) => {
    expect((await server.call(path)).status).toBe(404);
  });
});

describe("the path of a WebSocket", () => {
  const open = (path: string): Promise<number> => {
    const headers = { authorization: `Bearer ${testKey}` };
    const socket = new WebSocket(`${server.url.replace("http", "ws")}${path}`, { headers });
    return new Promise((resolve) => {
      socket.on("open", () => (resolve(101), socket.terminate()));
      socket.on("unexpected-response", (_request, response) => (resolve(response.statusCode ?? 0), socket.terminate()));
      socket.on("error", () => undefined);
    });
  };
  it.each([
    ["/v1/responses", 101],
    ["/v1/responses/", 101],
    ["/v1//responses", 101],
    ["//v1/responses//?model=MiniMax-M3", 101],
    ["/v1/%72esponses", 101],
    ["/v1/responses/x", 404],
    ["/V1/responses", 404],
    ["/v1/responses%2F", 404],
    ["/v1/%ff", 404],
  ])("%s: %i", async (path, status) => {
    expect(await open(path)).toBe(status);
  });
});

it.each([
  ["", ""],
  ["/", "/"],
  ["//", "/"],
  ["*", "*"],
  ["/a//b/?c=//d", "/a/b"],
  ["/a/#b", "/a"],
  ["http://x:1//a/", "/a"],
  ["https://x?a", ""],
  ["/%61/%2F/%e4%bd%a0", "/a/%2F/你"],
  ["/%", "/%"],
])("requestPath(%j) is %j", (target, path) => {
  expect(requestPath(target)).toBe(path);
});

/** What browsers are told: which pages may ask, with which headers, and what their scripts may read. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { originCheck } from "../../src/http/cors.ts";
import { startServer, testKey, type Running } from "../e2e/start.ts";

const adminKey = "admin-0123456789abcdef";
const page = "http://localhost:3000";
let server: Running;
let limited: Running;
let closed: Running;
beforeAll(async () => {
  server = await startServer({ engine: "sim", adminKeys: [adminKey] });
  limited = await startServer({
    engine: "sim",
    cors: { origins: ["https://App.example.com:443"] },
    limits: { key: { requestsPerMinute: 1 } },
  });
  closed = await startServer({ engine: "sim", cors: { origins: [] } });
});
afterAll(() => Promise.all([server.stop(), limited.stop(), closed.stop()]));

const chat = "/v1/chat/completions";
const ask = (more: object = {}): string =>
  JSON.stringify({ model: "MiniMax-M3", messages: [{ role: "user", content: "hi" }], input: "hi", ...more });
const preflight = (path: string, origin = page, on = server): Promise<Response> =>
  on.call(path, {
    method: "OPTIONS",
    key: null,
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type,x-stainless-os",
    },
  });
const cors = ({ headers }: Response): Record<string, string> =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith("access-control-") || name === "vary"));
const exposed = "access-control-expose-headers";
const origin = "access-control-allow-origin";

describe("a preflight", () => {
  it.each([chat, "/v1/responses", "/v1//models/", "/v1/files/upload", "/v1/responses/x", "/chat/completions"])(
    "of %s is answered without a key",
    async (path) => {
      const response = await preflight(path);
      expect([response.status, await response.text()]).toEqual([204, ""]);
      expect(cors(response)).toMatchObject({
        vary: "Origin",
        [origin]: page,
        "access-control-allow-headers": "authorization,content-type,x-stainless-os",
        "access-control-allow-methods": expect.stringMatching(/GET.*POST.*DELETE/),
        "access-control-max-age": expect.stringMatching(/^\d+$/),
      });
      expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    },
  );

  it("of a page elsewhere is refused, and says which setting allows it", async () => {
    const response = await preflight(chat, "https://elsewhere.example");
    expect([response.status, response.headers.get(origin)]).toEqual([403, null]);
    expect(await response.text()).toContain("cors.origins");
  });

  it.each([
    ["/admin/api/keys", 405],
    ["//admin//api/keys", 405],
    ["/%61dmin/api/keys", 405],
    ["/admin/api/nothing", 404],
    ["/metrics", 405],
    ["/metrics/", 405],
  ])("of %s gets what every OPTIONS gets there", async (path, status) => {
    const response = await preflight(path);
    expect([response.status, cors(response)]).toEqual([status, {}]);
  });

  it.each([
    ["no origin", { "access-control-request-method": "POST" }],
    ["no method", { origin: page }],
  ])("with %s is none: 405 with Allow", async (_name, headers) => {
    const response = await server.call(chat, { method: "OPTIONS", key: null, headers });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it("is refused where no page is allowed", async () => {
    const response = await preflight(chat, page, closed);
    expect([response.status, cors(response)]).toEqual([403, { vary: "Origin" }]);
  });
});

describe("an answer to a page", () => {
  const headers = { origin: page };
  const names = [
    "trace-id",
    "x-request-id",
    "request-id",
    "retry-after",
    "x-parley-route",
    "server-timing",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
  ];
  it.each<[string, string, Parameters<Running["call"]>[1], number]>([
    ["JSON", chat, { method: "POST", body: ask() }, 200],
    ["a stream", chat, { method: "POST", body: ask({ stream: true }) }, 200],
    ["a response", "/v1/responses", { method: "POST", body: ask() }, 200],
    ["a stream of a response", "/v1/responses", { method: "POST", body: ask({ stream: true }) }, 200],
    ["a list", "/v1/models", {}, 200],
    ["files", "/v1/files/list", {}, 200],
    ["no key", chat, { method: "POST", body: ask(), key: null }, 401],
    ["a mistake", chat, { method: "POST", body: "{" }, 400],
    ["a mistake in a stream", "/v1/responses", { method: "POST", body: ask({ stream: true, model: "x" }) }, 400],
    ["an unknown path", "/v1/nothing", {}, 404],
    ["a forgotten /v1", "/chat/completions", { method: "POST", body: ask() }, 404],
    ["a wrong method", chat, { method: "DELETE" }, 405],
    ["a path that is no text", "/v1/responses/%ff", {}, 400],
    ["a long id", `/v1/responses/${"a".repeat(600)}`, {}, 404],
  ])("of %s may be read by it", async (_name, path, init, status) => {
    const response = await server.call(path, { ...init, headers });
    await response.text();
    expect([response.status, response.headers.get(origin), response.headers.get("vary")]).toEqual([
      status,
      page,
      "Origin",
    ]);
    expect(response.headers.get(exposed)?.split(", ").toSorted()).toEqual(names.toSorted());
  });

  it("over its limit may be read by it", async () => {
    const asked = { method: "POST", body: ask(), headers: { origin: "https://app.example.com" } };
    await (await limited.call(chat, asked)).text();
    const response = await limited.call(chat, asked);
    expect([response.status, response.headers.get(origin)]).toEqual([429, "https://app.example.com"]);
    expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
    expect((await limited.call("/v1/models", { headers })).headers.get(origin)).toBeNull();
  });

  it("elsewhere may not, but is kept apart by caches", async () => {
    const elsewhere = await server.call("/v1/models", { headers: { origin: "https://elsewhere.example" } });
    expect(cors(elsewhere)).toEqual({ vary: "Origin" });
    expect(cors(await server.call("/v1/models"))).toEqual({ vary: "Origin" });
  });

  it.each([
    ["/admin/api/keys", adminKey, 200],
    ["/%61dmin/api/keys", adminKey, 200],
    ["/admin/api/keys", testKey, 401],
    ["/admin/api/nothing", adminKey, 404],
    ["/metrics", null, 200],
  ])("of %s for the key %s may never", async (path, key, status) => {
    const response = await server.call(path, { key, headers });
    expect([response.status, cors(response)]).toEqual([status, {}]);
  });
});

describe("the list of origins", () => {
  it.each<[string, string[], boolean]>([
    ["http://localhost", ["loopback"], true],
    ["https://localhost:8443", ["loopback"], true],
    ["http://127.0.0.1:5173", ["loopback"], true],
    ["http://[::1]:3000", ["loopback"], true],
    ["http://localhost.evil.example", ["loopback"], false],
    ["http://127.0.0.1.evil.example", ["loopback"], false],
    ["http://evil.example/localhost", ["loopback"], false],
    ["http://localhost:3000@evil.example", ["loopback"], false],
    ["file://localhost", ["loopback"], false],
    ["null", ["loopback"], false],
    ["null", ["null"], true],
    ["https://elsewhere.example", ["*"], true],
    ["https://app.example.com", ["https://app.example.com"], true],
    ["http://app.example.com", ["https://app.example.com"], false],
    ["https://app.example.com:8443", ["https://app.example.com"], false],
    ["http://localhost", ["https://app.example.com"], false],
  ])("%s of %j: %s", (one, list, allowed) => {
    expect(originCheck(list)(one)).toBe(allowed);
  });
});

describe("a WebSocket", () => {
  const open = async (from: string | undefined): Promise<number> => {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/v1/responses`, {
      headers: { authorization: `Bearer ${testKey}`, ...(from !== undefined && { origin: from }) },
    });
    return new Promise((resolve) => {
      socket.on("open", () => (resolve(101), socket.terminate()));
      socket.on("unexpected-response", (_request, response) => (resolve(response.statusCode ?? 0), socket.terminate()));
      socket.on("error", () => undefined);
    });
  };
  it("is for the same pages, and for programs that name no page or the server itself", async () => {
    expect(await open(undefined)).toBe(101);
    expect(await open(page)).toBe(101);
    expect(await open(server.url)).toBe(101);
    expect(await open("https://elsewhere.example")).toBe(403);
    expect(await open("null")).toBe(403);
  });
});

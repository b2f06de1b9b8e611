import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Connections } from "../../src/http/connection/connections.ts";
import { connectionSettings, timeoutSettings } from "../../src/http/connection/settings.ts";
import { createServer } from "../../src/http/server.ts";
import { Arrivals } from "../../src/lib/arrivals.ts";
import { systemIds } from "../../src/model/id.ts";
import { silentLog } from "../../src/telemetry/log.ts";

let server: ReturnType<typeof createServer>;
beforeEach(() => {
  const [timeouts, limits] = [timeoutSettings.parse({}), connectionSettings.parse({})];
  const connections = new Connections({ timeouts, limits, trustedProxies: [], arrivals: new Arrivals() });
  server = createServer({ ids: systemIds, log: silentLog, connections, allowsOrigin: () => false });
});
afterEach(() => server.close());

/** A route that fails as the framework or one of its plugins does. */
function failing(status: number | undefined, message: string): void {
  server.get("/fails", () => {
    throw Object.assign(new Error(message), status === undefined ? {} : { statusCode: status });
  });
}

describe("what the framework refuses before a route", () => {
  it("an address that cannot be decoded is the caller's mistake, with a trace id", async () => {
    const answer = await server.inject("/%zz");
    expect(answer.statusCode).toBe(400);
    expect(answer.headers["trace-id"]).toBe(answer.json().request_id);
    expect(answer.json()).toMatchObject({ type: "error", error: { type: "bad_request_error" } });
  });

  it("an id that is too long is not found", async () => {
    server.get("/v1/models/:id", () => ({}));
    expect((await server.inject(`/v1/models/${"x".repeat(512)}`)).statusCode).toBe(200);
    const answer = await server.inject(`/v1/models/${"x".repeat(513)}`);
    expect(answer.statusCode).toBe(404);
    expect(answer.body).toContain("the path holds an id too long");
  });
});

describe("an error that a plugin throws", () => {
  it("413 is a body that is too large", async () => {
    failing(413, "request file too large");
    const answer = await server.inject("/fails");
    expect(answer.statusCode).toBe(413);
    expect(answer.body).toContain("request file too large");
  });

  it.each([400, 406, 415])("%i is the caller's mistake", async (status) => {
    failing(status, "not multipart");
    const answer = await server.inject("/fails");
    expect(answer.statusCode).toBe(400);
    expect(answer.body).toContain("not multipart");
  });

  it.each([500, undefined])("%s is ours, and its message stays inside", async (status) => {
    failing(status, "secret detail");
    const answer = await server.inject("/fails");
    expect(answer.statusCode).toBe(500);
    expect(answer.body).not.toContain("secret detail");
  });
});

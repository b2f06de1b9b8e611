import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { likelyBases } from "../../../src/engine/upstream/address-check.ts";
import { upstreamEngine } from "../../../src/engine/upstream/engine.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import { LogRecord } from "../../telemetry/record.ts";
import { doneFrame, fakeServer, fold, frame, requestOf, sse, usageFrame, user, type FakeServer } from "./fake.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A server with its API at `base`, which answers everything else with `elsewhere`. */
async function api(base: string, elsewhere: (response: ServerResponse) => void): Promise<FakeServer> {
  const server = await fakeServer(({ path }, response) => {
    if (path === `${base}/models`) {
      response.writeHead(200, { "content-type": "application/json" });
      return void response.end(JSON.stringify({ object: "list", data: [{ id: "MiniMax-M3" }] }));
    }
    if (path !== `${base}/chat/completions`) return elsewhere(response);
    sse(response).end(frame({ content: "hi" }) + frame({}, "stop") + usageFrame(1, 1) + doneFrame);
  });
  ends.push(() => server.close());
  return server;
}

const notFound = (response: ServerResponse): void =>
  void response.writeHead(404, { "content-type": "application/json" }).end('{"detail":"Not Found"}');
const webPage = (response: ServerResponse): void =>
  void response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Welcome</title>");

function open(url: string): { engine: Engine; log: LogRecord } {
  const log = new LogRecord();
  const engine = upstreamEngine({ url, dialect: "auto", replicas: { probeMs: 0, attempts: 1 }, log: log.log });
  ends.push(() => engine.close());
  return { engine, log };
}

const ask = (engine: Engine) =>
  fold(engine.generate(requestOf({ items: [user("a secret prompt")] }), new AbortController().signal));
const message = "the base URL of an upstream is wrong";

describe("a base URL that is wrong", () => {
  const unknown = "the upstream does not know the model or the address configured for it";
  const isPage = "the upstream answered with a web page, not as an API";
  it.each([
    { what: "without /v1", base: "/v1", path: "/api", elsewhere: notFound, reason: unknown },
    { what: "with /v1 twice", base: "/v1", path: "/v1/v1", elsewhere: notFound, reason: unknown },
    { what: "of a web page", base: "/v1", path: "/ui", elsewhere: webPage, reason: isPage },
    { what: "below a gateway's page", base: "/openai/v1", path: "/openai", elsewhere: webPage, reason: isPage },
  ])("$what is in the log with what to write instead", async ({ base, path, elsewhere, reason }) => {
    const server = await api(base, elsewhere);
    const { engine, log } = open(`${server.origin}${path}`);
    await expect(ask(engine)).rejects.toMatchObject({ kind: "upstream" });
    await expect(ask(engine)).rejects.toMatchObject({ kind: "upstream" });
    await expect.poll(() => log.of(message).length).toBe(1);
    expect(log.of(message)).toMatchObject([
      {
        level: 40,
        asked: `POST ${server.origin}${path}/chat/completions`,
        reason,
        hint: `set url to ${server.origin}${base}`,
      },
    ]);
    expect(log.text()).not.toContain("secret");
  });

  it("says where it looked when nothing there is an API", async () => {
    const server = await api("/nowhere-near", notFound);
    const { engine, log } = open(`${server.origin}/v1`);
    await expect(ask(engine)).rejects.toMatchObject({ kind: "upstream" });
    await expect
      .poll(() => log.of(message)[0]?.["hint"])
      .toContain(`found at ${server.origin}: check host, port and path`);
  });

  it("is not what a model is that the server does not have", async () => {
    const server = await fakeServer(({ path }, response) => {
      if (path !== "/v1/models") return notFound(response);
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ data: [{ id: "a" }, { id: "b" }] }));
    });
    ends.push(() => server.close());
    const { engine, log } = open(`${server.origin}/v1`);
    await expect(ask(engine)).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(log.of(message)).toEqual([]);
  });
});

it.each([
  ["/v1", []],
  ["/api", ["/api/v1", "/v1"]],
  ["/v1/v1", ["/v1"]],
  ["/v1/chat", ["/v1/chat/v1", "/v1"]],
  ["/a/b", ["/a/b/v1", "/a/v1", "/a", "/v1"]],
])("the places looked at for %s are %j", (path, places) => {
  expect(likelyBases(path)).toEqual(places);
});

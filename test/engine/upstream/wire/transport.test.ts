import { createServer, request as httpRequest, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as zlib from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Engine } from "../../../../src/engine/engine.ts";
import type { UpstreamOptions } from "../../../../src/engine/upstream/engine.ts";
import { upstreamSettings } from "../../../../src/engine/upstream/settings.ts";
import { UpstreamClient } from "../../../../src/engine/upstream/wire/client.ts";
import { Secret } from "../../../../src/lib/secret.ts";
import { TimeSlices } from "../../../../src/lib/time-slices.ts";
import {
  doneFrame,
  fakeServer,
  fold,
  frame,
  requestOf,
  sse,
  startEngine,
  type FakeServer,
  type Handler,
} from "../fake.ts";
import { closeLater } from "../../../support/close-later.ts";

const never = new AbortController().signal;
const answer = frame({ content: "fine" }, "stop") + doneFrame;

function start(
  handler: Handler,
  options: (server: FakeServer) => Partial<UpstreamOptions> = () => ({}),
): ReturnType<typeof startEngine> {
  return startEngine(handler, (server) => ({ replicas: { probeMs: 0 }, ...options(server) }));
}

async function ask(engine: Engine): Promise<string> {
  const { transcript } = await fold(engine.generate(requestOf(), never));
  return transcript.text();
}

describe("an answer whose content type is another one", () => {
  const whole = JSON.stringify({ choices: [{ message: { content: "fine" }, finish_reason: "stop" }] });
  it.each([
    ["a stream as JSON", "application/json", answer],
    ["a stream without a type", undefined, answer],
    ["a stream as text, behind a comment", "text/plain", `: ping\n\n${answer}`],
    ["JSON as a stream", "text/event-stream", whole],
    ["JSON without a type, behind white space", undefined, `\n  ${whole}\n`],
    ["JSON with a byte order mark", "application/json", `\ufeff${whole}`],
    ["a stream with a byte order mark, as JSON", "application/json", `\ufeff${answer}`],
  ])("%s is read, at once and byte by byte", async (_, type, body) => {
    const { engine } = await start((_request, response) => {
      response.writeHead(200, type === undefined ? {} : { "content-type": type });
      const bytes = Buffer.from(body);
      for (let at = 0; at < 16; at++) response.write(bytes.subarray(at, at + 1));
      response.end(bytes.subarray(16));
    });
    expect(await ask(engine)).toBe("fine");
  });

  it("an error of the server in JSON keeps its kind", async () => {
    const { engine } = await start((_, response) => {
      const body = { error: { type: "rate_limit_error", code: "rate_limit_exceeded", message: "slow" } };
      response.writeHead(200, { "content-type": "text/event-stream" }).end(JSON.stringify(body));
    });
    await expect(ask(engine)).rejects.toMatchObject({ kind: "rate-limit" });
  });
});

describe("a compressed answer", () => {
  const codings: [string, (text: string) => Buffer][] = [
    ["gzip", zlib.gzipSync],
    ["x-gzip", zlib.gzipSync],
    ["GZIP", zlib.gzipSync],
    ["deflate", zlib.deflateSync],
    ["deflate", zlib.deflateRawSync],
    ["br", zlib.brotliCompressSync],
    ["zstd", zlib.zstdCompressSync],
    ["deflate, gzip", (text) => zlib.gzipSync(zlib.deflateSync(text))],
    ["identity", (text) => Buffer.from(text)],
  ];
  const send = (response: ServerResponse, [status, type, coding, body]: [number, string, string, Buffer]): void => {
    response.writeHead(status, { "content-type": type, "content-encoding": coding }).end(body);
  };

  it.each(codings)("%s is read: stream, JSON and error", async (coding, pack) => {
    const bodies: [number, string, string][] = [
      [200, "text/event-stream", answer],
      [200, "application/json", JSON.stringify({ choices: [{ message: { content: "fine" }, finish_reason: "stop" }] })],
      [400, "application/json", JSON.stringify({ error: { message: "the prompt is too long" } })],
    ];
    const { engine } = await start((_, response) => {
      const [status, type, body] = bodies.shift() ?? [500, "", ""];
      send(response, [status, type, coding, pack(body)]);
    });
    expect(await ask(engine)).toBe("fine");
    expect(await ask(engine)).toBe("fine");
    await expect(ask(engine)).rejects.toMatchObject({ kind: "context", message: "the prompt is too long" });
  });

  it("is told as it comes", async () => {
    const { engine } = await start((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" });
      const gzip = zlib.createGzip();
      gzip.pipe(response);
      gzip.write(frame({ content: "fi" }));
      gzip.flush();
    });
    const controller = new AbortController();
    for await (const batch of engine.generate(requestOf(), controller.signal)) {
      if (JSON.stringify(batch).includes("fi")) controller.abort();
    }
    expect(controller.signal.aborted).toBe(true);
  });

  it.each([
    ["lzma", Buffer.from(answer), "compressed its answer as 'lzma'"],
    ["gzip", Buffer.from(answer), "cannot be decompressed"],
    ["gzip, gzip, gzip, gzip, gzip", Buffer.from(answer), "more than once or twice"],
  ])("that is no %s is an error of the upstream", async (coding, body, words) => {
    const { engine } = await start((_, response) => send(response, [200, "text/event-stream", coding, body]));
    await expect(ask(engine)).rejects.toMatchObject({ kind: "upstream", message: expect.stringContaining(words) });
  });

  const opened = (client: UpstreamClient): Promise<unknown> => client.open({ path: "x", body: {}, signal: never });
  const asked = (client: UpstreamClient): Promise<unknown> => client.ask("x", undefined, never);
  it.each([
    ["an answer", 200, "lzma", opened],
    ["a refusal", 500, "lzma", opened],
    ["a refusal that is no gzip", 500, "gzip", opened],
    ["a question", 200, "lzma", asked],
    ["a question that is no gzip", 200, "gzip", asked],
    ["a refused question", 500, "lzma", asked],
  ])("that cannot be decoded and has no end keeps no connection: %s", async (_, status, coding, request) => {
    const server = await fakeServer((_request, response) => {
      response.writeHead(status, { "content-encoding": coding }).write(Buffer.alloc(256 * 1024, 1));
    });
    const client = new UpstreamClient({ url: server.url, connections: 1 });
    closeLater(client, server);
    await expect(request(client)).rejects.toThrow();
    await server.gone;
  });
});

describe("one URL", () => {
  it.each([503, 502, 500])("is asked once more after a %d", async (status) => {
    let times = 0;
    const { engine } = await start((_, response) => {
      times += 1;
      if (times === 1) response.writeHead(status).end();
      else sse(response).end(answer);
    });
    expect(await ask(engine)).toBe("fine");
    expect(engine.members?.()).toEqual([{ name: new URL(engine.address ?? "").host, up: true, running: 0 }]);
  });

  it("is left alone where it asks for it", async () => {
    const { engine, server } = await start((_, response) => void response.writeHead(503, { "retry-after": "7" }).end());
    await expect(ask(engine)).rejects.toMatchObject({ kind: "overloaded", retryAfter: 7 });
    expect(server.asked).toHaveLength(1);
  });

  it("does not show itself in the answer", async () => {
    const { engine } = await start((_, response) => void sse(response).end(answer));
    const { events } = await fold(engine.generate(requestOf(), never));
    expect(events[0]).toEqual({ type: "begin" });
  });
});

describe("what a base URL carries", () => {
  it("is sent with every call, and shown nowhere", async () => {
    const { engine, server } = await start(
      ({ path }, response) =>
        void (path.includes("completions") ? sse(response).end(answer) : response.end('{"data":[]}')),
      ({ origin }) => ({
        url: `${origin.replace("//", "//me:p%40ss@")}/base?api-version=1`,
        headers: { "X-Team": new Secret("blue") },
        dialect: "auto",
      }),
    );
    expect(await ask(engine)).toBe("fine");
    expect(new Set(server.asked.map(({ path }) => path.split("?")[1]))).toEqual(new Set(["api-version=1"]));
    const { headers = {}, path } = server.asked.at(-1) ?? { path: "" };
    expect(path).toBe("/base/chat/completions?api-version=1");
    expect(headers["authorization"]).toBe(`Basic ${Buffer.from("me:p@ss").toString("base64")}`);
    expect(headers["x-team"]).toBe("blue");
    expect(engine.address).toBe(`${server.origin}/base`);
  });

  it.each([
    [{ url: "http://h/v1/chat/completions" }, "without /chat/completions, which Parley adds: it ends in /v1"],
    [{ url: ["http://h/v1", "http://h/api/completions/"] }, "it ends in /api"],
    [{ url: "http://h/v1", headers: { "a b": "1" } }, "Invalid key in record"],
    [{ url: "http://h/v1", headers: { Host: "x" } }, "Invalid key in record"],
    [{ url: "http://h/v1", headers: { a: "1\r\nb: 2" } }, "one line"],
    [{ url: "http://a:b@h/v1", key: "k" }, "more than one of key"],
    [{ url: "http://h/v1", headers: { Authorization: "x" }, key: "k" }, "more than one of key"],
  ])("%j is refused", (settings, words) => {
    const parsed = upstreamSettings.safeParse({ kind: "upstream", ...settings });
    expect(JSON.stringify(parsed.error?.issues)).toContain(words);
  });
});

describe("a redirect", () => {
  it.each([307, 308])("%d is followed on the same server", async (status) => {
    const { engine, server } = await start(({ path }, response) => {
      if (path === "/v1/chat/completions") response.writeHead(status, { location: "/v2/chat?x=1" }).end();
      else sse(response).end(answer);
    });
    expect(await ask(engine)).toBe("fine");
    expect(server.asked[1]).toMatchObject({ path: "/v2/chat?x=1", body: server.asked[0]?.body });
  });

  it.each([
    [307, "http://127.0.0.1:9/v1"],
    [308, "//other.example/v1"],
    [301, "/v2"],
    [307, ""],
    [307, "/v1/chat/completions"],
  ])("%d to %s is refused in words", async (status, location) => {
    const { engine } = await start(
      (_, response) => void response.writeHead(status, location === "" ? {} : { location }).end(),
      () => ({ key: new Secret("k"), replicas: { attempts: 1, probeMs: 0 } }),
    );
    const message = `the upstream answered ${status}: its address is another one`;
    await expect(ask(engine)).rejects.toMatchObject({ kind: "upstream", message });
  });
});

describe("a proxy", () => {
  /** An HTTP proxy that forwards plain requests; `seen` are the addresses it was asked for. */
  async function proxyServer(): Promise<{ url: string; seen: string[]; credentials: (string | undefined)[] }> {
    const seen: string[] = [];
    const credentials: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.url ?? "");
      credentials.push(request.headers["proxy-authorization"]);
      const { "proxy-authorization": _own, ...headers } = request.headers;
      const forwarded = httpRequest(request.url ?? "", { method: request.method, headers }, (answered) => {
        response.writeHead(answered.statusCode ?? 502, answered.headers);
        answered.pipe(response);
      });
      request.pipe(forwarded);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closeLater({
      close: async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    });
    const { port } = server.address() as AddressInfo;
    return { url: `http://user:word@127.0.0.1:${port}`, seen, credentials };
  }

  it("carries every call of its engine, with its own credentials", async () => {
    const proxy = await proxyServer();
    const { engine, server } = await start(
      (_, response) => void sse(response).end(answer),
      () => ({ proxy: new Secret(proxy.url) }),
    );
    expect(await ask(engine)).toBe("fine");
    expect(await ask(engine)).toBe("fine");
    const asked = `${server.url}/chat/completions`;
    expect(proxy.seen).toEqual([asked, asked]);
    expect(proxy.credentials).toEqual(Array(2).fill(`Basic ${btoa("user:word")}`));
  });

  it("that is away is a failure of the upstream that names no credentials", async () => {
    const { engine } = await start(
      (_, response) => void sse(response).end(answer),
      () => ({ proxy: new Secret("http://user:word@127.0.0.1:9") }),
    );
    const failed = await ask(engine).catch((error: unknown) => error);
    expect(failed).toMatchObject({ kind: "upstream" });
    expect(String((failed as Error).message)).not.toContain("word");
  });

  it.each(["localhost:3128", "socks5://127.0.0.1:1080"])("that is no HTTP proxy is refused: %s", (proxy) => {
    const read = upstreamSettings.safeParse({ kind: "upstream", url: "http://127.0.0.1/v1", proxy });
    expect(read.error?.issues[0]).toMatchObject({ path: ["proxy"] });
  });
});

it("what has arrived of an answer is read a little at a time, and others have a turn before more of it is", async () => {
  const words = frame({ content: "a " }).repeat(200);
  /** Characters of text before each pause and after the last. */
  const parts = [0];
  class CountedSlices extends TimeSlices {
    override pause(): Promise<void> {
      parts.push(0);
      return super.pause();
    }
  }
  const { engine } = await start(
    (_, response) => {
      sse(response);
      for (let time = 0; time < 60; time += 1) response.write(words);
      response.end(frame({}, "stop") + doneFrame);
    },
    () => ({ slices: new CountedSlices() }),
  );
  for await (const batch of engine.generate(requestOf(), never)) {
    for (const event of batch) {
      if (event.type === "text-delta") parts[parts.length - 1] = (parts.at(-1) ?? 0) + event.text.length;
    }
  }
  expect(parts.reduce((sum, one) => sum + one, 0)).toBe(24_000);
  // what makes a pause due, and one read of 64 kB
  expect(Math.max(...parts)).toBeLessThan(((16 + 64) * 1024 * 400) / words.length);
});

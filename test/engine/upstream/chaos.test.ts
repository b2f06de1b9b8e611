import { createServer, type AddressInfo, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { upstreamEngine, type UpstreamOptions } from "../../../src/engine/upstream/engine.ts";
import {
  doneFrame,
  fakeServer,
  fold,
  frame,
  requestOf,
  sse,
  usageFrame,
  type FakeServer,
  type Handler,
} from "./fake.ts";
import { closeLater } from "../../support/close-later.ts";

/** Long enough that errors which come by themselves do not look like a silent upstream on a busy machine. */
const timeouts = { connect: 5_000, firstByte: 10_000, idle: 10_000, total: 15_000, grace: 100 };
/** For upstreams that only a deadline ends. */
const hasty = { timeouts: { connect: 300, firstByte: 250, idle: 250, total: 900, grace: 100 } };
const good = frame({ content: "a" }) + frame({ content: "b" }) + frame({}, "stop") + usageFrame(1, 2) + doneFrame;

interface Outcome {
  how: "answer" | "thrown" | "finish";
  text: string;
  error: string;
}

/** Runs one request; an outcome is an answer, an error before the first batch, or one in the finish event. */
async function outcome(url: string, options: Partial<UpstreamOptions> = {}): Promise<Outcome> {
  const engine = upstreamEngine({ url, timeouts, ...options });
  closeLater(engine);
  const done = (how: Outcome["how"], text: string, error: string): Outcome => ({ how, text, error });
  try {
    const { transcript } = await fold(engine.generate(requestOf(), new AbortController().signal));
    const { error } = transcript.finish ?? {};
    return done(
      error === undefined ? "answer" : "finish",
      transcript.text(),
      error === undefined ? "" : `${error.kind}: ${error.message}`,
    );
  } catch (thrown) {
    const { kind, message } = thrown as { kind?: string; message: string };
    return done("thrown", "", `${kind}: ${message}`);
  } finally {
    expect(engine.load().running).toBe(0);
  }
}

async function faulty(handler: Handler): Promise<FakeServer> {
  const server = await fakeServer(handler);
  closeLater(server);
  return server;
}

/** A server that answers a request with bytes of one's own. */
async function rawServer(answer: (socket: Socket, ordinal: number) => void): Promise<string> {
  let ordinal = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", () => answer(socket, ordinal++));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closeLater({
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";

describe("a faulty upstream", () => {
  it("that is not there is an error", async () => {
    const server = await fakeServer(() => {});
    await server.close();
    const found = await outcome(server.url);
    expect(found).toMatchObject({ how: "thrown", error: "upstream: the upstream refused the connection" });
  });

  it("that resets before an answer is asked once more, then an error", async () => {
    let times = 0;
    const server = await faulty((_, response) => {
      times += 1;
      response.destroy();
    });
    expect(await outcome(server.url)).toMatchObject({
      how: "thrown",
      error: "upstream: the upstream broke the connection",
    });
    // the engine asks once more, and so does each time its client, as the connection may have been an old one
    expect(times).toBe(4);
  });

  it("that closed an idle connection is asked on a new one", async () => {
    const server = await faulty((_, response, request) => {
      sse(response).end(good);
      response.on("finish", () => setTimeout(() => request.socket.destroy(), 5));
    });
    const engine = upstreamEngine({ url: server.url, timeouts });
    closeLater(engine);
    for (let i = 0; i < 5; i++) {
      const { transcript } = await fold(engine.generate(requestOf(), new AbortController().signal));
      expect(transcript.text()).toBe("ab");
      await new Promise((resolve) => setTimeout(resolve, i * 2));
    }
  });

  it("that resets in mid-stream ends with an error after what was said", async () => {
    const server = await faulty((_, response) => {
      sse(response).write(frame({ content: "a" }));
      setTimeout(() => response.destroy(), 20);
    });
    expect(await outcome(server.url)).toMatchObject({
      how: "finish",
      text: "a",
      error: "upstream: the upstream broke the connection",
    });
  });

  it("that ends without a finish reason ends with an error", async () => {
    const server = await faulty((_, response) => {
      sse(response).write(frame({ content: "a" }));
      setTimeout(() => response.end(), 20);
    });
    expect(await outcome(server.url)).toMatchObject({
      how: "finish",
      text: "a",
      error: "upstream: the upstream's answer broke off",
    });
  });

  it("that ends in half an event ends with an error", async () => {
    const server = await faulty((_, response) => {
      sse(response).write(frame({ content: "a" }));
      setTimeout(() => response.end(frame({ content: "bcd" }).slice(0, 40)), 20);
    });
    expect(await outcome(server.url)).toMatchObject({
      how: "finish",
      text: "a",
      error: "upstream: the upstream sent a broken event",
    });
  });

  it("that never answers is a timeout", async () => {
    const server = await faulty(() => {});
    const found = await outcome(server.url, hasty);
    expect(found).toMatchObject({ how: "thrown", error: "timeout: the upstream did not begin to answer in time" });
  });

  it("that sends headers and nothing else is a timeout", async () => {
    const server = await faulty((_, response) => sse(response).flushHeaders());
    expect(await outcome(server.url, hasty)).toMatchObject({
      how: "thrown",
      error: "timeout: the upstream did not begin to answer in time",
    });
  });

  it("that falls silent ends with a timeout", async () => {
    const server = await faulty((_, response) => {
      sse(response).write(frame({ content: "a" }));
    });
    const found = await outcome(server.url, hasty);
    expect(found).toMatchObject({ how: "finish", text: "a", error: "timeout: the upstream fell silent" });
    await server.gone;
  });

  it("that trickles for ever ends at the total deadline", async () => {
    const server = await faulty((_, response) => {
      sse(response);
      const timer = setInterval(() => response.write(frame({ content: "." })), 50);
      response.on("close", () => clearInterval(timer));
    });
    const found = await outcome(server.url, hasty);
    expect(found).toMatchObject({ how: "finish", error: "timeout: the upstream did not finish in time" });
    expect(found.text).toMatch(/^\.{5,}$/);
  });

  it("that trickles single bytes gives the whole answer", async () => {
    const server = await faulty(async (_, response) => {
      sse(response);
      for (const byte of Buffer.from(frame({ content: "é👋" }) + frame({}, "stop") + doneFrame)) {
        response.write(Buffer.of(byte));
        if (byte === 0x99) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      response.end();
    });
    expect(await outcome(server.url)).toMatchObject({ how: "answer", text: "é👋" });
  });

  it("that stays open after its finish reason gives the whole answer", async () => {
    const fired: string[] = [];
    const server = await faulty((_, response) => {
      sse(response).write(frame({ content: "a" }) + frame({}, "stop"));
    });
    const found = await outcome(server.url, { onRepair: (rule) => fired.push(rule) });
    expect(found).toMatchObject({ how: "answer", text: "a" });
    expect(fired).toContain("finish-late");
    await server.gone;
  });

  it("that sends comments for ever after its finish reason gives the whole answer", async () => {
    const server = await faulty((_, response) => {
      sse(response).write(frame({ content: "a" }) + frame({}, "stop"));
      const timer = setInterval(() => response.write(": still here\n\n"), 20);
      response.on("close", () => clearInterval(timer));
    });
    expect(await outcome(server.url)).toMatchObject({ how: "answer", text: "a" });
    await server.gone;
  });

  it.each([
    [500, "upstream: the upstream answered 500"],
    [503, "overloaded: the upstream answered 503"],
    [400, "invalid: no such tool"],
  ])("that answers %i and does not end its body has answered", async (status, error) => {
    const server = await faulty((_, response) => {
      response.writeHead(status, { "content-type": "text/plain" }).write("no such tool");
      const timer = setInterval(() => response.write(" "), 20);
      response.on("close", () => clearInterval(timer));
    });
    const options = { timeouts, replicas: { attempts: 1 } };
    expect(await outcome(server.url, options)).toMatchObject({ how: "thrown", error });
    await server.gone;
  });

  it("that resets after its finish reason gives the whole answer", async () => {
    const server = await faulty((_, response) => {
      sse(response).write(frame({ content: "a" }) + frame({}, "stop"));
      setTimeout(() => response.destroy(), 20);
    });
    expect(await outcome(server.url)).toMatchObject({ how: "answer", text: "a" });
  });

  it.each([
    [
      "reports an error",
      'data: {"error":{"message":"busy","code":503}}\n\n',
      "thrown",
      "overloaded: the upstream answered 503",
    ],
    ["sends a broken event", 'data: {"choices":[{\n\n', "thrown", "upstream: the upstream sent a broken event"],
    [
      "writes a call that cannot be read",
      frame({ content: "a" }) +
        frame({ tool_calls: [{ index: 0, id: "1", function: { name: "f", arguments: "{]" } }] }),
      "thrown",
      "upstream: the model wrote arguments for 'f' that are not valid JSON",
    ],
  ])("that %s and stays open is cut off", async (_, text, how, error) => {
    const server = await faulty((_asked, response) => {
      sse(response).write(text);
    });
    expect(await outcome(server.url)).toMatchObject({ how, error });
    await server.gone;
  });

  it.each(["end", "destroy"] as const)("that reports an error and goes (%s) harms nobody", async (go) => {
    const server = await faulty((_, response) => {
      sse(response).write('data: {"error":{"message":"busy","code":503}}\n\n');
      if (go === "end") response.end();
      else setImmediate(() => response.destroy());
    });
    const errors = await Promise.all(Array.from({ length: 20 }, async () => (await outcome(server.url)).error));
    expect(new Set(errors)).toEqual(new Set(["overloaded: the upstream answered 503"]));
  });

  it.each(["write", "end"] as const)("that explains its refusal at length (%s) is cut off", async (go) => {
    const server = await faulty((_, response) => {
      response.writeHead(400)[go](`{"error":{"message":"${"x".repeat(300_000)}`);
    });
    const found = await outcome(server.url);
    expect(found).toMatchObject({ how: "thrown" });
    expect(found.error.length).toBeLessThan(600);
  });

  it("that sends garbage is an error", async () => {
    const server = await faulty((_, response) => {
      sse(response).end(Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 131) % 256)));
    });
    expect(await outcome(server.url)).toMatchObject({
      how: "thrown",
      error: "upstream: the upstream's answer broke off",
    });
  });

  it("that is not HTTP is an error", async () => {
    const url = await rawServer((socket) => socket.end("220 smtp.example ready\r\n"));
    expect(await outcome(url)).toMatchObject({ how: "thrown", error: "upstream: the upstream broke the connection" });
  });

  it("that announces more bytes than it sends ends with an error", async () => {
    const url = await rawServer((socket) => {
      socket.write(`${head}content-length: 5000\r\n\r\n${frame({ content: "a" })}`);
      setTimeout(() => socket.end(), 30);
    });
    expect(await outcome(url)).toMatchObject({ how: "finish", text: "a" });
  });

  it("that announces fewer bytes than it sends ends with an error", async () => {
    const url = await rawServer((socket) =>
      socket.write(`${head}content-length: ${frame({ content: "a" }).length}\r\n\r\n${good}`),
    );
    const found = await outcome(url);
    expect(found.how).not.toBe("answer");
    expect(found.error).toMatch(/^upstream: /);
  });

  it("that breaks its chunks ends with an error", async () => {
    const url = await rawServer((socket) => {
      const piece = frame({ content: "a" });
      socket.write(`${head}transfer-encoding: chunked\r\n\r\n${piece.length.toString(16)}\r\n${piece}\r\n`);
      setTimeout(() => socket.write("nonsense\r\n"), 30);
    });
    expect(await outcome(url)).toMatchObject({
      how: "finish",
      text: "a",
      error: "upstream: the upstream broke the connection",
    });
  });

  it.each([429, 500, 502, 503])("that answers %i without an end is an error in time", async (status) => {
    const server = await faulty((_, response) => {
      response.writeHead(status, { "content-length": 1_000 }).write('{"error":');
    });
    expect(await outcome(server.url, hasty)).toMatchObject({ how: "thrown" });
  });

  it("that sends JSON without an end is a timeout", async () => {
    const server = await faulty((_, response) => {
      response.writeHead(200, { "content-type": "application/json" }).write('{"choices":');
    });
    expect(await outcome(server.url, hasty)).toMatchObject({
      how: "thrown",
      error: "timeout: the upstream fell silent",
    });
  });

  it("that sends JSON that is none is an error", async () => {
    const server = await faulty((_, response) => {
      response.writeHead(200, { "content-type": "application/json" }).end("[]");
    });
    expect(await outcome(server.url)).toMatchObject({
      how: "thrown",
      error: "upstream: the upstream sent an answer of another form",
    });
  });

  it("that calls its stream something else is read all the same", async () => {
    const server = await faulty((_, response) => {
      response.writeHead(200, { "content-type": "text/plain" }).end(good);
    });
    expect(await outcome(server.url)).toMatchObject({ how: "answer", text: "ab" });
  });

  it("that cannot be resolved is an error", async () => {
    expect(await outcome("http://no-such-host.invalid/v1")).toMatchObject({ how: "thrown" });
  });
});

import { createServer, type AddressInfo, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { upstreamEngine } from "../../../src/engine/upstream/engine.ts";
import { doneFrame, fold, frame, requestOf, usageFrame } from "./fake.ts";

/** Milliseconds. An upstream that does nothing ends by these, everything else at once. */
const timeouts = { connect: 400, firstByte: 700, idle: 700, total: 2_500, grace: 300 };
/** What a busy machine adds. */
const slackMs = 1_500;

type Play = (socket: Socket) => void;

const streamHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
const open = `${streamHead}\r\n`;
const said = frame({ content: "a" });
const good = said + frame({}, "stop") + usageFrame(1, 2) + doneFrame;

const send =
  (...texts: (string | Buffer)[]): Play =>
  (socket) => {
    for (const text of texts) socket.write(text);
  };
const sendAndEnd =
  (...texts: (string | Buffer)[]): Play =>
  (socket) => {
    send(...texts)(socket);
    socket.end();
  };
const sendAndReset =
  (...texts: string[]): Play =>
  (socket) => {
    send(...texts)(socket);
    setTimeout(() => socket.resetAndDestroy(), 30);
  };
/** Sends the first text, and then the second one for ever, as fast as it is taken or each so many milliseconds. */
const endless =
  (first: string, again: string | Buffer, everyMs = 0): Play =>
  (socket) => {
    socket.write(first);
    if (everyMs > 0) {
      const timer = setInterval(() => socket.write(again), everyMs);
      socket.on("close", () => clearInterval(timer));
      return;
    }
    const fill = (): void => {
      while (!socket.destroyed && socket.write(again));
    };
    socket.on("drain", fill);
    fill();
  };
const status = (line: string, body = ""): Play =>
  sendAndEnd(`HTTP/1.1 ${line}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

/** What the upstream does; the error, `""` for a whole answer; which deadline ends it. */
const faults: readonly (readonly [string, Play, string, keyof typeof timeouts | "now"])[] = [
  ["closes at once", (socket) => socket.end(), "broke the connection", "now"],
  ["resets at once", (socket) => socket.resetAndDestroy(), "broke the connection", "now"],
  ["is silent before its headers", () => {}, "did not begin to answer in time", "firstByte"],
  ["is silent behind its headers", send(open), "did not begin to answer in time", "firstByte"],
  ["is silent behind its first word", send(open, said), "fell silent", "idle"],
  ["sends half a status line", send("HTTP/1.1 2"), "did not begin to answer in time", "firstByte"],
  ["ends in its status line", sendAndEnd("HTTP/1.1 2"), "broke the connection", "now"],
  [
    "sends headers without end",
    endless("HTTP/1.1 200 OK\r\n", `x: ${"y".repeat(4_000)}\r\n`),
    "broke the connection",
    "now",
  ],
  ["drips headers", endless("HTTP/1.1 200 OK\r\n", "x: y\r\n", 50), "did not begin to answer in time", "firstByte"],
  ["sends garbage", sendAndEnd(Buffer.alloc(9_000, 0xfe)), "broke the connection", "now"],
  ["speaks TLS", sendAndEnd(Buffer.from("15030300020228", "hex")), "broke the connection", "now"],
  ["is another server", sendAndEnd("SSH-2.0-OpenSSH_9\r\n"), "broke the connection", "now"],
  ["resets behind its headers", sendAndReset(open), "broke off", "now"],
  ["resets behind its first word", sendAndReset(open, said), "broke off", "now"],
  ["resets behind its finish reason", sendAndReset(open, said, frame({}, "stop")), "", "now"],
  ["ends in half a frame", sendAndEnd(open, said, frame({ content: "bcd" }).slice(0, 40)), "broken event", "now"],
  ["ends in half a character", sendAndEnd(open, said, Buffer.from([0x64, 0xe4, 0xbd])), "broke off", "now"],
  ["announces too much", sendAndEnd(`${streamHead}content-length: 5000\r\n\r\n${said}`), "broke the connection", "now"],
  ["announces too little", send(`${streamHead}content-length: ${said.length}\r\n\r\n${good}`), "broke off", "now"],
  [
    "cuts a chunk",
    sendAndEnd(`${streamHead}transfer-encoding: chunked\r\n\r\n${chunk(said)}fff\r\nda`),
    "broke the connection",
    "now",
  ],
  [
    "breaks a chunk",
    send(`${streamHead}transfer-encoding: chunked\r\n\r\n${chunk(said)}zz\r\n`),
    "broke the connection",
    "now",
  ],
  [
    "says gzip and sends none",
    sendAndEnd(`${streamHead}content-encoding: gzip\r\n\r\n${good}`),
    "cannot be decompressed",
    "now",
  ],
  [
    "cuts gzip",
    sendAndEnd(`${streamHead}content-encoding: gzip\r\n\r\n`, gzipSync(good).subarray(0, 60)),
    "broke off in a compressed body",
    "now",
  ],
  ["sends an error body without end", endless("HTTP/1.1 500 No\r\n\r\n", "x".repeat(65_536)), "answered 500", "now"],
  ["drips an error body", endless("HTTP/1.1 503 No\r\n\r\n", "x", 50), "answered 503", "grace"],
  ["is silent in an error body", send("HTTP/1.1 500 No\r\ncontent-length: 9\r\n\r\nx"), "answered 500", "grace"],
  [
    "is silent in a redirect",
    send("HTTP/1.1 301 No\r\nlocation: /b\r\ncontent-length: 9\r\n\r\nx"),
    "answered 301",
    "grace",
  ],
  ["sends nothing", status("200 OK"), "broke off", "now"],
  ["has no content", sendAndEnd("HTTP/1.1 204 No\r\n\r\n"), "answered 204", "now"],
  ["redirects to others", status("307 Go\r\nlocation: http://127.0.0.1:9/"), "answered 307", "now"],
  ["refuses the key", status("401 No", '{"error":{"message":"no"}}'), "refused the credentials", "now"],
  ["limits", status("429 No", '{"error":{"message":"no"}}'), "answered 429", "now"],
  [
    "floods with 1xx",
    endless("", "HTTP/1.1 103 Early\r\nlink: x\r\n\r\n", 20),
    "did not begin to answer in time",
    "firstByte",
  ],
  ["sends comments behind its finish reason", endless(open + said + frame({}, "stop"), ": x\n\n", 30), "", "grace"],
  ["sends comments for ever", endless(open + said, ": x\n\n", 30), "did not finish in time", "total"],
  ["sends a line without end", endless(`${open}data: `, "x".repeat(65_536)), "an event without end", "now"],
  ["sends lines without end", endless(open, `data: [${" ".repeat(60)}\n`.repeat(1_000)), "an event without end", "now"],
  [
    "sends JSON without end",
    endless("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[", "1,".repeat(32_768)),
    "has no end",
    "now",
  ],
  ["sends other events", endless(open, "data: ping\n\n".repeat(99)), "something else than answers", "now"],
  ["ends its lines with returns", sendAndEnd(open + good.replaceAll("\n", "\r")), "", "now"],
  ["begins with NUL characters", sendAndEnd(`${open}\0\0${good}`), "", "now"],
];

describe.each(["pieces", "whole"] as const)("an upstream that is asked for an answer in %s and", (delivery) => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.once("data", (bytes: Buffer) => {
      const at = Number(/^POST \/(\d+)\//.exec(bytes.toString("latin1"))?.[1]);
      faults[at]?.[1](socket);
    });
  });
  beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it.each(faults.map(([name, , error, ends], at) => [name, { at, error, ends }] as const))(
    "%s is done with in its time",
    async (_, { at, error, ends }) => {
      const { port } = server.address() as AddressInfo;
      const url = `http://127.0.0.1:${port}/${at}`;
      const engine = upstreamEngine({ url, timeouts, replicas: { attempts: 1, probeMs: 0 } });
      const begun = performance.now();
      const found = await fold(engine.generate(requestOf({ delivery }), new AbortController().signal)).then(
        ({ transcript }) => transcript.finish?.error?.message ?? transcript.text(),
        (thrown: Error) => thrown.message,
      );
      const tookMs = performance.now() - begun;
      expect(engine.load().running).toBe(0);
      await engine.close();
      expect(found).toContain(error === "" ? "a" : error);
      // one more try where nothing was said yet
      const [least, most] = ends === "now" ? [0, 0] : [timeouts[ends], 2 * timeouts[ends]];
      expect(tookMs).toBeGreaterThan(least * 0.9);
      expect(tookMs).toBeLessThan(most + slackMs);
    },
  );
});

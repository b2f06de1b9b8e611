/** The stop of a server process behind a balancer: nothing that was sent to it is lost. */
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { listens, hundredWords, Workplace, type RunningCommand } from "./command.ts";

const key = "sk-test-0123456789";

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.stop());

async function serve(
  server: Record<string, number>,
  speed?: number,
): Promise<{ command: RunningCommand; url: string }> {
  const file = join(place.data, "parley.yaml");
  const engine = { kind: "sim", ...(speed === undefined ? {} : { decodeTokensPerSecond: speed }) };
  writeFileSync(file, JSON.stringify({ port: 0, engines: { sim: engine }, server }));
  const command = place.start(["serve", "--config", file], { PARLEY_API_KEYS: key });
  return { command, url: (await command.says(listens))[1] ?? "" };
}

const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };

function chatBody(stream: boolean, text = "Say hello"): string {
  const messages = [{ role: "user", content: text }];
  return JSON.stringify({ model: "MiniMax-M3", stream, thinking: { type: "disabled" }, messages });
}

interface Answer {
  status: number;
  connection: string | undefined;
  text: string;
}

/** One request; rejects with the network's error. */
function ask(url: string, path: string, options: { agent?: Agent | false; body?: string } = {}): Promise<Answer> {
  const { agent = false, body } = options;
  return new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const sent = httpRequest(`${url}${path}`, { method, agent, headers }, (response: IncomingMessage) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, connection: response.headers.connection, text }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

interface Sending {
  stream: boolean;
  stopped: () => boolean;
  moved: () => boolean;
  load: Load;
}

interface Load {
  /** Answers, and what got none. */
  answered: number;
  lost: string[];
  /** Values of `Connection` of the answers that began after `stopped` was set. */
  lateConnections: (string | undefined)[];
}

/** Sends one request after the other until a balancer would ask another server. `stopped`: the signal was sent. */
async function sendUntilMoved(
  url: string,
  agent: Agent | false,
  { stream, stopped, moved, load }: Sending,
): Promise<void> {
  while (!moved()) {
    const late = stopped();
    try {
      const answer = await ask(url, "/v1/chat/completions", { agent, body: chatBody(stream) });
      const whole = stream ? answer.text.includes("[DONE]") : answer.text.includes('"finish_reason":"stop"');
      if (answer.status === 200 && whole) load.answered += 1;
      else load.lost.push(`${answer.status} ${answer.text.slice(0, 200)}`);
      if (late) load.lateConnections.push(answer.connection);
    } catch (error) {
      load.lost.push(String((error as { code?: string }).code ?? error));
    }
  }
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

const refused = (url: string): Promise<boolean> =>
  ask(url, "/healthz").then(
    () => false,
    () => true,
  );

function socketOf(url: string): WebSocket {
  return new WebSocket(`${url.replace("http", "ws")}/v1/responses`, {
    headers: { authorization: headers.authorization },
  });
}

/** The events of a WebSocket by their types, and the code it was closed with. */
function follow(socket: WebSocket): { types: string[]; closed: Promise<number> } {
  const types: string[] = [];
  socket.on("message", (data: Buffer) => types.push(String((JSON.parse(data.toString()) as { type: string }).type)));
  return { types, closed: new Promise((resolve) => socket.once("close", (code: number) => resolve(code))) };
}

const create = (text: string): string =>
  JSON.stringify({
    type: "response.create",
    model: "MiniMax-M3",
    input: text,
    store: false,
    reasoning: { effort: "none" },
  });

describe("SIGTERM with a delay", () => {
  it("loses no request of kept and of new connections, and says so to balancers", { timeout: 60_000 }, async () => {
    const { command, url } = await serve({ shutdownDelaySeconds: 2, drainSeconds: 20 });
    const load: Load = { answered: 0, lost: [], lateConnections: [] };
    let signaledAt = Infinity;
    const sending = {
      load,
      stopped: () => signaledAt !== Infinity,
      moved: () => performance.now() - signaledAt > 1_000,
    };
    const kept = Array.from({ length: 6 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    const senders = [
      ...kept.map((agent, index) => sendUntilMoved(url, agent, { stream: index % 2 === 0, ...sending })),
      ...Array.from({ length: 6 }, (_, index) => sendUntilMoved(url, false, { stream: index % 2 === 0, ...sending })),
    ];
    await until(() => load.answered > 50);
    expect(await ask(url, "/readyz")).toMatchObject({ status: 200 });
    command.signal("SIGTERM");
    await until(async () => (await ask(url, "/readyz")).status === 503);
    signaledAt = performance.now();
    const ready = await ask(url, "/readyz");
    expect(JSON.parse(ready.text)).toMatchObject({ status: "draining" });
    expect(ready.connection).toBe("close");
    expect((await ask(url, "/healthz")).status).toBe(200);
    // a kind of connection that begins in the delay is served like before
    const socket = socketOf(url);
    const { types, closed } = follow(socket);
    await new Promise((resolve) => socket.once("open", resolve));
    socket.send(create("Say hello"));
    await until(() => types.includes("response.completed"));
    await Promise.all(senders);
    for (const agent of kept) agent.destroy();
    expect(load.lost).toEqual([]);
    expect(load.lateConnections.length).toBeGreaterThan(20);
    expect(load.lateConnections.filter((value) => value !== "close")).toEqual([]);
    expect(await closed).toBe(1001);
    expect((await command.ended).code).toBe(0);
    expect(await refused(url)).toBe(true);
  });

  it("a second signal ends the delay and everything that runs", async () => {
    const { command, url } = await serve({ shutdownDelaySeconds: 60, drainSeconds: 60 }, 5);
    const running = ask(url, "/v1/chat/completions", { body: chatBody(false, `Repeat exactly: ${hundredWords}`) });
    await until(async () => /parley_engine_running\{engine="sim"\} 1/.test((await ask(url, "/metrics")).text));
    command.signal("SIGTERM");
    await until(async () => (await ask(url, "/readyz")).status === 503);
    // sooner it would be the signal that npm and the terminal both send
    await new Promise((resolve) => setTimeout(resolve, 400));
    command.signal("SIGINT");
    const answer = await running;
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.text)).toMatchObject({
      type: "error",
      error: { type: "server_error", message: expect.stringMatching(/the server is stopping.*\(1013\)$/) },
    });
    expect((await command.ended).code).toBe(0);
  });
});

describe("behind a closed port", () => {
  it("a request on an open connection is answered, and not in the framework's words", async () => {
    const { command, url } = await serve({ shutdownDelaySeconds: 0, drainSeconds: 20 }, 60);
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    let text = "";
    socket.setEncoding("utf8").on("data", (piece: string) => (text += piece));
    const over = new Promise((resolve) => socket.once("close", resolve));
    const send = (body: string): boolean =>
      socket.write(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: ${headers.authorization}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
    send(chatBody(true, `Repeat exactly: ${hundredWords}`));
    await until(() => text.includes("word0"));
    command.signal("SIGTERM");
    await until(() => refused(url));
    send(chatBody(false));
    await over;
    expect(text.match(/^HTTP\/1\.1 .*/gm)).toEqual(["HTTP/1.1 200 OK", "HTTP/1.1 200 OK"]);
    expect(text).toContain("[DONE]");
    expect(text.slice(text.lastIndexOf("HTTP/1.1"))).toMatch(/^connection: close\r$/im);
    expect((await command.ended).code).toBe(0);
  });

  it("a busy WebSocket finishes its turn, an idle one is closed with 1001", async () => {
    const { command, url } = await serve({ shutdownDelaySeconds: 0, drainSeconds: 20 }, 60);
    const [busy, idle] = [socketOf(url), socketOf(url)];
    const [turn, rest] = [follow(busy), follow(idle)];
    await Promise.all([busy, idle].map((socket) => new Promise((resolve) => socket.once("open", resolve))));
    busy.send(create(`Repeat exactly: ${hundredWords}`));
    await until(() => turn.types.includes("response.output_text.delta"));
    command.signal("SIGTERM");
    expect(await rest.closed).toBe(1001);
    expect(turn.types).not.toContain("response.completed");
    busy.send(create("too late"));
    expect(await turn.closed).toBe(1001);
    expect(turn.types).toContain("response.completed");
    // what comes behind it is refused in words, not dropped
    expect(turn.types).toContain("error");
    expect((await command.ended).code).toBe(0);
  });

  it("a background response goes on, and is there after the next start", { timeout: 30_000 }, async () => {
    const { command, url } = await serve({ shutdownDelaySeconds: 0, drainSeconds: 20 }, 60);
    const body = JSON.stringify({ model: "MiniMax-M3", input: `Repeat exactly: ${hundredWords}`, background: true });
    const { id } = JSON.parse((await ask(url, "/v1/responses", { body })).text) as { id: string };
    command.signal("SIGTERM");
    expect((await command.ended).code).toBe(0);
    const again = await serve({ shutdownDelaySeconds: 0 });
    const stored = JSON.parse((await ask(again.url, `/v1/responses/${id}`)).text) as { status: string };
    expect(stored.status).toBe("completed");
  });
});

/**
 * A real PostgreSQL that cannot be reached for a while, behind a forwarder that is closed and opened again: what is refused,
 * what goes on, what is caught up (docs/operations.md, "A database that cannot be used"). Skipped where none is installed.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresFolder, startPostgres, type PostgresServer } from "../store/postgres-server.ts";
import { startServer, testKey, type Running } from "./start.ts";

const programs = postgresFolder();
if (programs === undefined) console.log("skipped: PostgreSQL is not installed");

const adminKey = "an-admin-key-0123456789";
const question = { model: "MiniMax-M3", messages: [{ role: "user", content: "Say: hello" }] };

/** A port of its own in front of another one. While it is away, connections are broken off and refused. */
class Forwarder {
  readonly port: number;
  private target: number;
  private server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(server: Server, target: number) {
    this.server = server;
    this.target = target;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", this.forward);
  }

  static async to(target: number): Promise<Forwarder> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Forwarder(server, target);
  }

  async away(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  async back(target = this.target): Promise<void> {
    this.target = target;
    this.server = createServer(this.forward);
    await new Promise<void>((resolve) => this.server.listen(this.port, "127.0.0.1", resolve));
  }

  private readonly forward = (from: Socket): void => {
    const to = connect(this.target, "127.0.0.1");
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      this.sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  };
}

interface Answer {
  status: number;
  code: string | null;
  text: string;
}

describe.skipIf(programs === undefined)("a PostgreSQL that is away for a while", () => {
  let postgres: PostgresServer;
  let forwarder: Forwarder;
  let server: Running;
  let storedKey: string;

  beforeAll(async () => {
    postgres = await startPostgres(programs ?? "");
    const real = new URL(await postgres.database());
    forwarder = await Forwarder.to(Number(real.port));
    real.port = String(forwarder.port);
    server = await startServer({
      engines: {
        sim: {
          kind: "sim",
          answers: [{ when: { contains: "long" }, answer: { text: "word ".repeat(200), tokensPerSecond: 100 } }],
        },
      },
      store: { url: real.href },
      adminKeys: [adminKey],
    });
    const made = await server.call("/admin/api/keys", { method: "POST", body: '{"name":"stored"}', key: adminKey });
    storedKey = ((await made.json()) as { key: string }).key;
  });
  afterAll(async () => {
    await server.stop();
    await forwarder.away();
    await postgres.stop();
  });

  async function post(path: string, body: object, key = testKey): Promise<Answer> {
    return read(await server.call(path, { method: "POST", body: JSON.stringify(body), key }));
  }

  async function read(response: Response): Promise<Answer> {
    return { status: response.status, code: response.headers.get("retry-after"), text: await response.text() };
  }

  async function ready(status: number): Promise<void> {
    for (let tries = 0; (await server.call("/readyz")).status !== status; tries += 1) {
      if (tries > 400) throw new Error(`/readyz does not become ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  async function booked(): Promise<number> {
    const answer = await server.call("/admin/api/usage?by=model", { key: adminKey });
    return ((await answer.json()) as { total: { requests: number } }).total.requests;
  }

  it("refuses what it cannot know, goes on with the rest, and catches up", async () => {
    const kept = await post("/v1/responses", { model: "MiniMax-M3", input: "Say: kept", store: true });
    const { id } = JSON.parse(kept.text) as { id: string };
    expect(await post("/v1/chat/completions", question, storedKey)).toMatchObject({ status: 200 });
    const long = post("/v1/chat/completions", {
      ...question,
      messages: [{ role: "user", content: "long" }],
      stream: true,
    });
    await new Promise((resolve) => setTimeout(resolve, 300));

    await forwarder.away();
    await ready(503);
    expect(await read(await server.call("/healthz"))).toMatchObject({ status: 200 });
    const refused = { status: 503, code: "5", text: expect.stringContaining("1013") as string };
    expect(await post("/v1/chat/completions", question, storedKey)).toMatchObject(refused);
    expect(await post("/v1/chat/completions", question, "sk-unknown-0123456789")).toMatchObject(refused);
    expect(await post("/v1/responses", { model: "MiniMax-M3", input: "a", store: true })).toMatchObject({
      status: 503,
    });
    expect(await read(await server.call(`/v1/responses/${id}`))).toMatchObject({ status: 503 });
    expect(await read(await server.call("/admin/api/keys", { key: adminKey }))).toMatchObject({ status: 503 });
    // a key of the settings as well: it may have a balance
    expect(await post("/v1/chat/completions", question)).toMatchObject(refused);
    const stream = await long;
    expect(stream.status).toBe(200);
    expect(stream.text.trimEnd().endsWith("data: [DONE]")).toBe(true);

    await forwarder.back();
    await ready(200);
    expect(await post("/v1/chat/completions", question, storedKey)).toMatchObject({ status: 200 });
    expect(await read(await server.call(`/v1/responses/${id}`))).toMatchObject({ status: 200 });
    // two answers before, the stream that ended meanwhile, and one answer after
    for (let tries = 0; (await booked()) < 4; tries += 1) {
      if (tries > 200) throw new Error(`${await booked()} rows are booked, not 4`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await booked()).toBe(4);
  }, 40_000);
});

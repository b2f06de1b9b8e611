/** The port that a process has for the others on its store. */
import { createServer, request, type Server } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createNetServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { staticKeyId, keyHash } from "../../../src/policy/authenticate.ts";
import { credentialHeader, encodeKeyId, keyHeader, peerCredential } from "../../../src/service/peer/credential.ts";
import { openSqlite } from "../../../src/store/sqlite.ts";
import { startServer, testKey, type Running } from "../../e2e/start.ts";

const model = "MiniMax-M3";
let data = "";
let owner: Running;
const ends: (() => unknown)[] = [];

const settings = () => ({
  engines: { sim: { kind: "sim", decodeTokensPerSecond: 5, tokensPerBatch: 1 } },
  data,
  // a stream begins with its first comment line
  server: { peer: { host: "127.0.0.1" }, heartbeatSeconds: 0.1 },
});

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "parley-peer-"));
  owner = await startServer(settings());
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await owner.app.close(0);
  await rm(data, { recursive: true, force: true });
});

/** A background response that runs at the owner, and where the owner is reached. */
async function begun(): Promise<{ id: string; self: string; url: string; hash: (text: string) => string }> {
  const input = "Repeat exactly: a b c d e f g h i j k l m n o p q r s t u v w x y z";
  const { id } = await owner.openai.responses.create({ model, input, background: true, store: true });
  const database = openSqlite(data);
  const [row] = await database.all("select id, url from holder");
  const [secret] = await database.all("select value from setting where name = 'key-secret'");
  await database.close();
  const hash = keyHash(String(secret?.["value"]));
  return { id, self: String(row?.["id"]), url: String(row?.["url"]), hash };
}

async function call(url: string, path: string, headers: Record<string, string>, method = "GET") {
  const sent = request(new URL(url), { path, method, headers, agent: false });
  sent.end();
  const [answer] = (await once(sent, "response")) as [import("node:http").IncomingMessage];
  let text = "";
  for await (const chunk of answer) text += String(chunk);
  return { status: answer.statusCode, text };
}

/** What its process registered is changed, as where its machine is gone. */
async function register(url: string): Promise<void> {
  const database = openSqlite(data);
  await database.run("update holder set url = ?", [url]);
  await database.close();
}

async function otherServer(): Promise<Running> {
  const other = await startServer(settings());
  ends.push(() => other.app.close(0));
  return other;
}

describe("requests with and without the credential of a process", () => {
  it("are told apart: one for this request of this key at this process is answered, any other is refused", async () => {
    const { id, self, url, hash } = await begun();
    const keyId = staticKeyId(hash(testKey));
    const path = `/v1/responses/${id}`;
    const asked = { to: self, keyId, method: "GET", path };
    const shown = (credential: string, key = keyId): Record<string, string> => ({
      [credentialHeader]: credential,
      [keyHeader]: encodeKeyId(key),
    });
    const good = shown(peerCredential(asked, hash));
    expect(await call(url, path, good)).toMatchObject({ status: 200, text: expect.stringContaining(id) });
    const forged: [string, Record<string, string>, string?][] = [
      [path, {}],
      [path, { authorization: `Bearer ${testKey}` }],
      [path, shown("")],
      [path, shown("0".repeat(64))],
      [path, shown(peerCredential(asked, keyHash("another secret")))],
      [path, shown(hash(testKey))],
      [path, shown(peerCredential(asked, hash), "another")],
      [path, shown(peerCredential({ ...asked, to: "another" }, hash))],
      [path, good, "DELETE"],
      [`${path}?stream=true`, good],
      [`${path}/cancel`, good, "POST"],
    ];
    for (const [where, headers, method] of forged) {
      const answer = await call(url, where, headers, method);
      expect([where, answer.status]).toEqual([where, 401]);
      expect(answer.text).not.toContain(id);
    }
    const others = shown(peerCredential({ ...asked, keyId: "another" }, hash), "another");
    expect(await call(url, path, others)).toMatchObject({ status: 404 });
  });

  it("open nothing else: neither other routes there, nor anything at the public port", async () => {
    const { id, self, url, hash } = await begun();
    const keyId = staticKeyId(hash(testKey));
    const good = (method: string, path: string): Record<string, string> => ({
      [credentialHeader]: peerCredential({ to: self, keyId, method, path }, hash),
      [keyHeader]: encodeKeyId(keyId),
    });
    const elsewhere = ["/metrics", "/v1/models", "/v1/chat/completions", "/admin/keys", "/healthz"];
    for (const path of elsewhere) expect((await call(url, path, good("GET", path))).status).toBe(404);
    const create = await call(url, "/v1/responses", good("POST", "/v1/responses"), "POST");
    expect(create.status).toBe(404);
    const path = `/v1/responses/${id}`;
    expect((await call(owner.url, path, good("GET", path))).status).toBe(401);
  });
});

describe("a process that is asked for what another one makes", () => {
  it("passes it on once: one that is asked by a process answers with what the store has", async () => {
    const { id, hash } = await begun();
    const other = await otherServer();
    // begins to work, so that it is registered
    await other.openai.responses.create({ model, input: "Repeat exactly: a", background: true, store: true });
    const database = openSqlite(data);
    const rows = await database.all("select id, url from holder");
    const [mine] = await database.all("select holder from response where id = ?", [id]);
    await database.close();
    const row = rows.find((one) => one["id"] !== mine?.["holder"]);
    const keyId = staticKeyId(hash(testKey));
    const path = `/v1/responses/${id}`;
    const credential = peerCredential({ to: String(row?.["id"]), keyId, method: "GET", path }, hash);
    const headers = { [credentialHeader]: credential, [keyHeader]: encodeKeyId(keyId) };
    // as it began: passed on, it would show what is there of the answer
    await expect.poll(async () => (await other.openai.responses.retrieve(id)).output_text).toContain("a b");
    const answer = await call(String(row?.["url"]), path, headers);
    expect(JSON.parse(answer.text)).toMatchObject({ id, status: "queued", output: [] });
  });

  it("reaches one that stops until what it makes is over", async () => {
    const { id } = await begun();
    const other = await otherServer();
    const closing = owner.app.close(15);
    await expect.poll(() => fetch(`${owner.url}/healthz`).catch(() => "refused")).toBe("refused");
    await expect.poll(async () => (await other.openai.responses.retrieve(id)).output_text).toContain("a b");
    expect((await other.openai.responses.cancel(id)).status).toBe("cancelled");
    await closing;
  });

  it("says so where that one does not answer, shows what the store has, and deletes all the same", async () => {
    const { id } = await begun();
    const other = await otherServer();
    const closed = createNetServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await register(`http://127.0.0.1:${port}`);
    const path = `/v1/responses/${id}`;
    const cancelled = await other.call(`${path}/cancel`, { method: "POST" });
    expect([cancelled.status, cancelled.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await cancelled.text()).toContain("does not answer");
    expect((await other.openai.responses.retrieve(id)).status).toBe("queued");
    expect((await other.call(path, { method: "DELETE" })).status).toBe(200);
    expect((await other.call(path)).status).toBe(404);
  });

  it("goes on behind the last event where the connection to that one breaks off, in the middle of an event too", async () => {
    const { id, url } = await begun();
    const other = await otherServer();
    const between = breaking(url);
    ends.push(() => between.close());
    between.listen(0, "127.0.0.1");
    await once(between, "listening");
    await register(`http://127.0.0.1:${(between.address() as AddressInfo).port}`);
    const stream = await other.openai.responses.retrieve(id, { stream: true });
    const numbers: number[] = [];
    for await (const event of stream) {
      numbers.push(event.sequence_number);
      if (numbers.length === 12) await owner.openai.responses.cancel(id);
    }
    expect(numbers).toEqual(numbers.map((_, index) => index));
    expect(numbers.length).toBeGreaterThan(12);
  });

  it("shows what the store has where it is not known how to reach that one, and refuses what only that one can do", async () => {
    const { id } = await begun();
    await register("");
    const other = await otherServer();
    const path = `/v1/responses/${id}`;
    expect((await other.openai.responses.retrieve(id)).status).toBe("queued");
    for (const [where, method] of [
      [`${path}/cancel`, "POST"],
      [`${path}?stream=true`, "GET"],
    ] as const) {
      const refused = await other.call(where, { method });
      expect(refused.status).toBe(503);
      expect(await refused.text()).toContain("still runs in another process");
    }
    expect((await other.call(path, { method: "DELETE" })).status).toBe(200);
  });
});

describe("the port for other processes", () => {
  it("is the next free one where several are on one machine, and none is a start that fails with the setting's name", async () => {
    // below the ports that systems give to connections
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const start = async (): Promise<void> => {
      const server = await startServer({ ...settings(), server: { peer: { host: "127.0.0.1", port } } });
      ends.push(() => server.app.close(0));
      await server.openai.responses.create({ model, input: "Repeat exactly: a", background: true, store: true });
    };
    await start();
    await start();
    const database = openSqlite(data);
    const rows = await database.all("select url from holder order by url");
    await database.close();
    expect(rows.map(({ url }) => url)).toEqual([`http://127.0.0.1:${port}`, `http://127.0.0.1:${port + 1}`]);
    await expect(start()).rejects.toThrow(`server.peer: 127.0.0.1:${port} cannot be opened (`);
  });

  it.each(["0.0.0.0", "::", ""])("cannot be at %j, where no one could reach it", async (host) => {
    await expect(startServer({ ...settings(), server: { peer: { host } } })).rejects.toThrow("server.peer.host");
  });

  it("is not there for one process on one database", async () => {
    const server = await startServer({ ...settings(), server: {} });
    ends.push(() => server.app.close(0));
    await server.openai.responses.create({ model, input: "Repeat exactly: a", background: true, store: true });
    const database = openSqlite(data);
    expect(await database.all("select url from holder")).toEqual([{ url: "" }]);
    await database.close();
  });
});

/** Passes requests on, and breaks every answer off after its first 1,500 bytes. */
function breaking(url: string): Server {
  return createServer((received, answer) => {
    const { method, url: path, headers } = received;
    const sent = request(new URL(url), { path, method, headers, agent: false }, (passed) => {
      let bytes = 0;
      passed.on("error", () => answer.destroy());
      passed.on("data", (chunk: Buffer) => {
        const rest = chunk.subarray(0, Math.max(0, 1_500 - bytes));
        bytes += chunk.length;
        answer.write(rest, () => void (bytes >= 1_500 && answer.destroy()));
      });
      passed.on("end", () => answer.end());
    });
    sent.on("error", () => answer.destroy());
    sent.end();
  });
}

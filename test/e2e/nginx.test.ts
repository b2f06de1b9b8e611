/** The nginx block of docs/running.md before a real server; skipped where nginx is not installed. */
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { WebSocket } from "ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { configSchema } from "../../src/config/schema.ts";
import { startServer, testKey, type Running } from "./start.ts";

const nginx = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"].find(existsSync);
if (nginx === undefined) console.log("skipped: nginx is not installed");

const page = readFileSync(new URL("../../docs/running.md", import.meta.url), "utf8");
const block = /```nginx\n([^]*?)```/.exec(page)?.[1] ?? "";

it("closes its idle connections before the server does", () => {
  const seconds = Number(/keepalive_timeout (\d+)s;/.exec(block)?.[1]);
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThan(configSchema.parse({}).server.timeouts.idleSeconds);
});

function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

describe.skipIf(nginx === undefined)("behind the nginx block of docs/running.md", () => {
  let folder: string;
  let parley: Running;
  let proxy: ChildProcess;
  let url: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "parley-nginx-"));
    // its workers run as another user where it is started by root
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, "logs"));
    parley = await startServer({ engine: "sim", trustedProxies: ["127.0.0.1"] });
    const port = await freePort();
    // without TLS and a name: the test has no certificate
    const plain = block
      .replace("listen 443 ssl;", `listen 127.0.0.1:${port};`)
      .replaceAll(/^ *(?:server_name|ssl_certificate(?:_key)?) .*\n/gm, "")
      .replace("127.0.0.1:8787", new URL(parley.url).host);
    const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (name) => `${name}_temp_path ${folder}/${name};`,
    );
    const http = `http { access_log off; ${places.join(" ")}\n${plain}}`;
    const main = `pid ${folder}/pid; error_log stderr; daemon off; worker_processes 1; events { worker_connections 256; }`;
    writeFileSync(join(folder, "nginx.conf"), `${main}\n${http}\n`);
    proxy = spawn(nginx ?? "", ["-e", "stderr", "-p", folder, "-c", join(folder, "nginx.conf")], { stdio: "ignore" });
    url = `http://127.0.0.1:${port}`;
    for (let tries = 0; ; tries += 1) {
      if (
        await fetch(`${url}/v1/models`).then(
          () => true,
          () => false,
        )
      )
        break;
      if (tries > 200) throw new Error("nginx does not listen");
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  });
  afterAll(async () => {
    proxy.kill("SIGTERM");
    await parley.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("answers and streams arrive as they are", async () => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: testKey, maxRetries: 0 });
    const messages = [{ role: "user" as const, content: "Say: one two three" }];
    const answer = await client.chat.completions.create({ model: "MiniMax-M3", messages });
    expect(answer.choices[0]?.message.content).toContain("one two three");
    let text = "";
    for await (const chunk of await client.chat.completions.create({ model: "MiniMax-M3", messages, stream: true }))
      text += chunk.choices[0]?.delta.content ?? "";
    expect(text).toContain("one two three");
  });

  it("the WebSocket is passed on", async () => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/responses`, {
      headers: { authorization: `Bearer ${testKey}` },
    });
    const opened = new Promise((resolve, reject) => socket.once("open", () => resolve("open")).once("error", reject));
    expect(await opened).toBe("open");
    socket.close();
  });

  it("links lead to the proxy", async () => {
    const form = new FormData();
    form.set("purpose", "video_generation_input");
    const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    form.set("file", new Blob([Buffer.from(pixel, "base64")]), "a.png");
    const headers = { authorization: `Bearer ${testKey}` };
    const sent = await fetch(`${url}/v1/files/upload`, { method: "POST", headers, body: form });
    const { file } = (await sent.json()) as { file: { file_id: number } };
    const found = await fetch(`${url}/v1/files/retrieve?file_id=${file.file_id}`, { headers });
    const link = ((await found.json()) as { file: { download_url: string } }).file.download_url;
    expect(new URL(link).origin).toBe(url);
    expect((await fetch(link)).status).toBe(200);
  });

  it.each(["/metrics", "/healthz", "/readyz", "/admin/api/keys"])("%s is not for callers", async (path) => {
    expect((await fetch(`${url}${path}`)).status).toBe(403);
  });
});

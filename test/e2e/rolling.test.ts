/**
 * Two servers on one real PostgreSQL behind a real nginx with deploy/nginx.conf, each stopped and started again in turn while
 * clients ask without a pause. Skipped, with a line, where one of the two programs is not installed.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresFolder, startPostgres, type PostgresServer } from "../store/postgres-server.ts";

const nginx = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"].find(existsSync);
const programs = postgresFolder();
const missing = [...(nginx === undefined ? ["nginx"] : []), ...(programs === undefined ? ["PostgreSQL"] : [])];
if (missing.length > 0) console.log(`skipped: ${missing.join(" and ")} not installed`);

const root = join(import.meta.dirname, "../..");
const key = "sk-rolling-0123456789";
const clients = 6;
/** Long enough for a balancer that looks at every answer; deploy/parley.yaml has 5. */
const shutdownDelaySeconds = 1;
const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };

/** Streams of half a second, so that some are under way whenever a server stops. */
const settings = {
  host: "127.0.0.1",
  apiKeys: [key],
  trustedProxies: ["127.0.0.1"],
  engines: { sim: { kind: "sim", answers: [{ answer: { text: "word ".repeat(60), tokensPerSecond: 120 } }] } },
  server: { shutdownDelaySeconds, drainSeconds: 20 },
};

interface Counts {
  whole: number;
  streams: number;
  failed: string[];
}

describe.skipIf(missing.length > 0)("a rolling restart behind nginx", () => {
  const folder = mkdtempSync(join(tmpdir(), "parley-rolling-"));
  const running = new Set<ChildProcess>();
  let postgres: PostgresServer;
  let url: string;
  let ports: number[];
  let store: string;

  beforeAll(async () => {
    // nginx's workers run as another user where it is started by root
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, "logs"));
    postgres = await startPostgres(programs ?? "");
    store = await postgres.database();
    writeFileSync(join(folder, "parley.yaml"), JSON.stringify(settings));
    const [port = 0, ...others] = await freePorts(3);
    ports = others;
    url = `http://127.0.0.1:${port}`;
    await Promise.all(ports.map((one) => startParley(one)));
    await startNginx(port);
  });
  afterAll(async () => {
    await Promise.all([...running].map((child) => stop(child, "SIGTERM")));
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startParley(port: number): Promise<ChildProcess> {
    const args = ["serve", "--config", join(folder, "parley.yaml"), "--port", String(port), "--data", folder];
    const child = spawn(process.execPath, [join(root, "bin/parley.js"), ...args, "--log", "error"], {
      env: { PATH: process.env["PATH"] ?? "", HOME: folder, PARLEY_STORE_URL: store },
      stdio: ["ignore", "ignore", "inherit"],
    });
    running.add(child);
    await answers(`http://127.0.0.1:${port}/readyz`, child);
    return child;
  }

  async function startNginx(port: number): Promise<void> {
    const [first = 0, second = 0] = ports;
    const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (name) => `${name}_temp_path ${folder}/${name};`,
    );
    const text = readFileSync(join(root, "deploy/nginx.conf"), "utf8")
      .replace("listen 8080;", `listen 127.0.0.1:${port};`)
      .replace("parley-1:8787", `127.0.0.1:${first}`)
      .replace("parley-2:8787", `127.0.0.1:${second}`)
      .replace("worker_processes auto;", `pid ${folder}/pid; daemon off; worker_processes 1; error_log stderr crit;`)
      .replace("http {", `http { access_log off; ${places.join(" ")}`);
    writeFileSync(join(folder, "nginx.conf"), text);
    const child = spawn(nginx ?? "", ["-e", "stderr", "-p", folder, "-c", join(folder, "nginx.conf")], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    running.add(child);
    await answers(`${url}/v1/models`, child);
  }

  function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    running.delete(child);
    return new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) {
        resolve();
        return;
      }
      child.once("exit", () => resolve());
      child.kill(signal);
    });
  }

  /** Asks again and again until `over`; every answer must be a whole one. */
  async function client(counts: Counts, over: () => boolean): Promise<void> {
    for (let turn = 0; !over(); turn += 1) {
      const isStream = turn % 2 === 0;
      const messages = [{ role: "user", content: "Say something long." }];
      const body = { model: "MiniMax-M3", messages, stream: isStream };
      try {
        const answer = await fetch(`${url}/v1/chat/completions`, {
          method: "POST",
          headers,
          body: JSON.stringify(body),
        });
        const text = await answer.text();
        const isWhole = isStream ? text.trimEnd().endsWith("data: [DONE]") : text.includes('"finish_reason":"stop"');
        if (answer.status !== 200 || !isWhole) counts.failed.push(`${answer.status} ${text.slice(-200)}`);
        counts[isStream ? "streams" : "whole"] += 1;
      } catch (error) {
        counts.failed.push(String(error));
      }
    }
  }

  it("fails no request and breaks no stream", async () => {
    const servers = [...running].slice(0, ports.length);
    const counts: Counts = { whole: 0, streams: 0, failed: [] };
    let isOver = false;
    const load = Array.from({ length: clients }, () => client(counts, () => isOver));
    for (const [at, port] of ports.entries()) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      const old = servers[at];
      if (old !== undefined) await stop(old, "SIGTERM");
      expect(old?.exitCode).toBe(0);

      await startParley(port);
      // longer than fail_timeout: nginx asks the new one again before the other one stops
      await new Promise((resolve) => setTimeout(resolve, 2500));
    }
    isOver = true;
    await Promise.all(load);
    expect(counts.failed).toEqual([]);
    expect(counts.whole).toBeGreaterThan(10);
    expect(counts.streams).toBeGreaterThan(10);
  }, 60_000);
});

async function answers(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const status = await fetch(url, { headers }).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return;
    if (tries > 600 || child.exitCode !== null) throw new Error(`${url} does not answer: ${status}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function freePorts(count: number): Promise<number[]> {
  const probes = await Promise.all(
    Array.from({ length: count }, () => {
      const probe = createServer();
      return new Promise<typeof probe>((resolve) => probe.listen(0, "127.0.0.1", () => resolve(probe)));
    }),
  );
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port);
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
  return ports;
}

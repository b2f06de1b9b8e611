/** A real server whose files may not grow: what a full disk does, without one. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { openStore } from "../../src/store/open.ts";

const data = mkdtempSync(join(tmpdir(), "parley-disk-"));
const program = join(import.meta.dirname, "../../bin/parley.js");
const key = "sk-disk-0123456789";
const adminKey = "sk-disk-admin-0123456789";

const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(data, { recursive: true, force: true });
});

interface Server {
  url: string;
  /** What it wrote to its log so far. */
  log(): string;
  stop(): Promise<unknown>;
}

/** `limit`: most KiB of any file it writes. */
async function start(limit: string): Promise<Server> {
  const serve = [program, "serve", "--engine", "sim", "--data", data, "--port", "0", "--log", "warn"];
  const child = spawn("bash", ["-c", `ulimit -f ${limit}; exec "$0" "$@"`, process.execPath, ...serve], {
    env: { ...process.env, PARLEY_API_KEYS: key, PARLEY_ADMIN_KEYS: adminKey, PARLEY_SHUTDOWN_DELAY_SECONDS: "0" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let [output, log] = ["", ""];
  child.stderr.on("data", (text: Buffer) => (log += text.toString()));
  const ended = once(child, "exit").finally(() => running.delete(child));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (text: Buffer) => {
      output += text.toString();
      const found = /listens on (\S+)/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => reject(new Error(`the server ended: ${output} ${log}`)));
  });
  const stop = (): Promise<unknown> => {
    child.kill("SIGTERM");
    return ended;
  };
  return { url, log: () => log, stop };
}

const post = (url: string, bearer: string, body: object): Promise<Response> =>
  fetch(url, { method: "POST", headers: { authorization: `Bearer ${bearer}` }, body: JSON.stringify(body) });

it("answers 503 while nothing can be written, and books what waited when it can", { timeout: 60_000 }, async () => {
  const server = await start("700");
  const answered: string[] = [];
  let refused: Response | undefined;
  for (let round = 0; round < 40 && refused === undefined; round += 1) {
    const body = { model: "MiniMax-M3", store: true, input: "x".repeat(100_000) };
    const response = await post(`${server.url}/v1/responses`, key, body);
    if (response.status === 200) answered.push(response.headers.get("trace-id") ?? "");
    else refused = response;
  }
  expect([refused?.status, refused?.headers.get("retry-after")]).toEqual([503, "60"]);
  expect(await refused?.text()).toMatch(/the server's database (has no room left|cannot be read or written) \(1013\)/);
  // smaller writes fit for longer
  let made = await post(`${server.url}/admin/api/keys`, adminKey, { name: "new" });
  for (let round = 0; round < 200 && made.status === 201; round += 1) {
    made = await post(`${server.url}/admin/api/keys`, adminKey, { name: "new" });
  }
  expect([made.status, made.headers.get("retry-after")]).toEqual([503, "60"]);
  // what is not stored needs no room; its usage does
  for (let round = 0; round < 3; round += 1) {
    const chat = { model: "MiniMax-M3", messages: [{ role: "user", content: "hi" }] };
    const response = await post(`${server.url}/v1/chat/completions`, key, chat);
    expect(response.status).toBe(200);
    answered.push(response.headers.get("trace-id") ?? "");
  }
  await server.stop();
  expect(server.log()).toContain(join(data, "parley.db"));
  expect(server.log()).toContain("the database cannot be used");
  expect(server.log()).toContain("ledger rows wait in the journal for the next start");
  expect(server.log()).not.toContain("ledger rows are lost");
  const next = await start("unlimited");
  await next.stop();
  expect(readdirSync(join(data, "ledger"))).toEqual([]);
  const store = await openStore(data);
  const booked = new Set((await store.ledger.list({ limit: 1_000 })).map(({ request }) => request));
  await store.close();
  expect(answered.filter((id) => !booked.has(id))).toEqual([]);
});

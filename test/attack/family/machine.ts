/** The machine's own faults: a disk that is full, read-only or corrupt, and a clock that jumps. Each has servers of its own. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chat, expectStatus, mebibyte, simulator, type Attack } from "../attack.ts";
import { Client, tally, type Answer } from "../client.ts";
import { adminKey, canMount, model, startAttacked, type AttackedServer, type Disk } from "../server.ts";

const hour = 3_600_000;
const noMount = "not run: this machine gives tests no file system of their own";

async function withServer(
  disk: Disk,
  run: (client: Client, server: AttackedServer) => Promise<string>,
): Promise<string> {
  const server = await startAttacked(simulator, { disk });
  try {
    await using client = new Client(server);
    return await run(client, server);
  } finally {
    await server.stop();
  }
}

function form(bytes: number): { body: Buffer; headers: Record<string, string> } {
  const head =
    '--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nt2a_async_input\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n';
  const body = Buffer.concat([Buffer.from(head), Buffer.alloc(bytes, 0x61), Buffer.from("\r\n--b--\r\n")]);
  return { body, headers: { "content-type": "multipart/form-data; boundary=b" } };
}

/** Fills the disk as a caller can, asks everything that writes, makes room, and asks again. */
async function fullDisk(client: Client): Promise<string> {
  const upload = async (bytes: number): Promise<string> => {
    const { body, headers } = form(bytes);
    return (await client.send("/v1/files/upload", body, { headers })).text;
  };
  const stores = await client.send("/v1/responses", { model, store: true, input: "A" });
  const { id: deletable } = JSON.parse(stores.text) as { id: string };
  const kept: string[] = [];
  for (let text = await upload(2 * mebibyte); text.includes('"status_code":0'); text = await upload(2 * mebibyte)) {
    kept.push(/"file_id":(\d+)/.exec(text)?.[1] ?? "");
  }
  const refused = await upload(2 * mebibyte);
  if (!refused.includes('"status_code":1013')) throw new Error(`upload: ${refused}`);
  const answers: Answer[] = [];
  // the little that is left
  for (let index = 0; index < 8; index += 1)
    answers.push(await client.send("/v1/responses", { model, store: true, input: "A".repeat(mebibyte) }));
  const stored = tally(answers);
  const unknown = answers.find(({ status, text }) => status === 500 && text.includes("unknown error"));
  if (unknown !== undefined) throw new Error(`storing: ${stored}, ${unknown.text.slice(0, 120)}`);
  const chats = expectStatus(await many(client, 20), 200);
  const { status } = await client.send("/admin/api/keys", { name: "x" }, { key: adminKey });
  expectStatus(await client.send(`/v1/responses/${deletable}`, undefined, { method: "DELETE" }), 200);
  for (const id of kept) await client.send("/v1/files/delete", { file_id: Number(id) });
  const after = expectStatus(await client.send("/v1/responses", { model, store: true, input: "A" }), 200);
  return `upload 1013, storing ${stored}, new key ${status}, chats ${chats}; with room again ${after}`;
}

async function many(client: Client, count: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let index = 0; index < count; index += 1) answers.push(await client.send("/v1/chat/completions", chat(model)));
  return answers;
}

/** The start is refused with the file's or folder's name in the words, and without a stack. */
async function refusedStart(data: string, disk: Disk = "whole"): Promise<string> {
  const folder = data;
  const started = await startAttacked(simulator, { disk, data: folder }).catch((error: unknown) => String(error));
  if (typeof started !== "string") {
    await started.stop();
    throw new Error("it started");
  }
  const words = started.split("\n").find((line) => line.startsWith("parley:")) ?? started.slice(0, 300);
  if (/^ +at /m.test(words) || !words.includes(folder)) throw new Error(`it does not name ${folder}: ${words}`);
  return words.replaceAll(folder, "<data>").slice(0, 160);
}

async function readOnly(): Promise<string> {
  if (!canMount()) return noMount;
  return withFolder((data) => refusedStart(data, "read-only"));
}

/** A folder that goes away. */
async function withFolder(run: (data: string) => Promise<string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "parley-attack-"));
  try {
    return await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A database that another start has made, then damaged. */
async function corrupt(damage: (bytes: Buffer) => Buffer): Promise<string> {
  return withFolder(async (data) => {
    const server = await startAttacked(simulator, { data });
    await server.stop();
    const name = (await readdir(data)).find((file) => file.endsWith(".db") || file.endsWith(".sqlite"));
    const path = join(data, name ?? "");
    await writeFile(path, damage(await readFile(path)));
    return refusedStart(data);
  });
}

/** Two hours ahead, two back, a month ahead: answers go on, limits hold, and only what has a date follows the clock. */
async function jumps(client: Client, server: AttackedServer): Promise<string> {
  const expiresAt = new Date(Date.now() + hour).toISOString();
  const made = await client.send("/admin/api/keys", { name: "an hour", expiresAt }, { key: adminKey });
  expectStatus(made, 201);
  const { key } = JSON.parse(made.text) as { key: string };
  const begun = await client.send("/v1/responses", { model, background: true, store: true, input: "x" });
  const { id } = JSON.parse(begun.text) as { id: string };
  const seen: string[] = [];
  for (const [name, ahead, status] of [
    ["+2 h", 2 * hour, 401],
    ["-2 h", -2 * hour, 200],
    ["+29 d", 29 * 24 * hour, 401],
    ["0", 0, 200],
  ] as const) {
    await server.moveClock(ahead);
    expectStatus(await many(client, 5), 200);
    expectStatus(await client.send("/v1/chat/completions", chat(model), { key }), status);
    expectStatus(await client.send(`/v1/responses/${id}`), 200);
    seen.push(name);
  }
  return `${seen.join(", ")}: answered, dates follow`;
}

const row = (name: string, run: Attack["run"], fast = false): Attack => ({
  name: `machine: ${name}`,
  by: "key",
  settings: simulator,
  fast,
  run,
});

export const machineAttacks: readonly Attack[] = [
  row("a full disk", async () => (canMount() ? withServer("small", fullDisk) : noMount), true),
  row("a read-only data folder", readOnly, true),
  row(
    "a database that is none",
    () => corrupt(() => Buffer.from("this is no database, whatever its name may be\n".repeat(200))),
    true,
  ),
  row("a database with damaged pages", () =>
    corrupt((bytes) => Buffer.concat([bytes.subarray(0, 100), Buffer.alloc(bytes.length - 100, 0xaa)])),
  ),
  row("a clock that jumps", () => withServer("whole", jumps), true),
];

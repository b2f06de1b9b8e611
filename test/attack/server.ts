/** The attacked server: the real program in a process of its own, with an attacker's key, another caller's and an operator's. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { address, residentBytes } from "../bench/child.ts";
import type { Inside } from "./inside.ts";

export const adminKey = "admin-attack-0123456789";
export const model = "MiniMax-M3";

export interface Key {
  id: string;
  key: string;
}

export interface AttackedServer {
  url: string;
  port: number;
  pid: number;
  /** The data folder. */
  data: string;
  attacker: Key;
  /** An ordinary caller who must not notice anything. */
  other: Key;
  /** What it has written to standard error. */
  errors(): string;
  /** How the process ended; `undefined` while it runs. */
  ended(): string | undefined;
  /** Asks the process about itself; rejects when it does not answer in time. */
  inside(collect: boolean): Promise<Inside>;
  /** Moves the clock of the process that far ahead of the true one. */
  moveClock(aheadMs: number): Promise<void>;
  memory(): number;
  /** Open file descriptors. */
  handles(): number;
  stop(): Promise<void>;
}

/** The settings of the server; `engines` left out is the embedded engine. */
export type Settings = Readonly<Record<string, unknown>>;

const program = fileURLToPath(new URL("../../bin/parley.js", import.meta.url));
const inside = new URL("inside.ts", import.meta.url).href;
const answerMs = 10_000;
const stopMs = 8_000;

/** What the data folder lies on: the disk, a file system of 24 MB, or one that cannot be written. */
export type Disk = "whole" | "small" | "read-only";

/** The command before the program, which gives it a file system of its own; only root may do that, on Linux. */
function mounting(disk: Disk, data: string): string[] {
  if (disk === "whole") return [];
  const options = disk === "small" ? "size=24m" : "size=1m,ro";
  return ["unshare", "-m", "sh", "-c", `mount -t tmpfs -o ${options} tmpfs '${data}' && exec "$0" "$@"`];
}

/** Whether this machine lets a test have a file system of its own. */
export function canMount(): boolean {
  return spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0;
}

/** `data` is a folder to use as it is; default a new one. `flags`: further ones of Node. Rejects with what the server wrote when it does not start. */
export async function startAttacked(
  settings: Settings,
  { disk = "whole", data: given, flags = [] }: { disk?: Disk; data?: string; flags?: readonly string[] } = {},
): Promise<AttackedServer> {
  const folder = await mkdtemp(join(tmpdir(), "parley-attack-"));
  const data = given ?? join(folder, "data");
  await mkdir(data, { recursive: true });
  const config = join(folder, "parley.yaml");
  await writeFile(config, JSON.stringify({ adminKeys: [adminKey], log: "error", ...settings }));
  const node = [process.execPath, ...flags, "--expose-gc", "--import", inside, program, "serve", "--config", config];
  const [command = "", ...args] = [...mounting(disk, data), ...node];
  const child = spawn(command, args, {
    // the program starts itself again with this, but not where it has a channel to its parent
    env: {
      ...process.env,
      MALLOC_MMAP_THRESHOLD_: "262144",
      PARLEY_DATA: data,
      PARLEY_PORT: "0",
      PARLEY_SHUTDOWN_DELAY_SECONDS: "0",
    },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const server = new Server(child, { folder, data });
  try {
    const url = await address(child);
    return await server.ready(url);
  } catch (error) {
    await server.stop();
    throw new Error(`${String(error)}\n${server.errors()}`, { cause: error });
  }
}

class Server {
  private readonly child: ChildProcess;
  private readonly data: string;
  /** Goes away with the server. */
  private readonly folder: string;
  private readonly pid: number;
  // changed by events
  private said = "";

  constructor(child: ChildProcess, { folder, data }: { folder: string; data: string }) {
    this.child = child;
    this.folder = folder;
    this.data = data;
    this.pid = child.pid ?? 0;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.said = (this.said + text).slice(-100_000)));
    child.on("error", () => undefined);
  }

  errors(): string {
    return this.said;
  }

  async ready(url: string): Promise<AttackedServer> {
    const [attacker, other] = await Promise.all([newKey(url, "attacker"), newKey(url, "other")]);
    return {
      url,
      port: Number(new URL(url).port),
      pid: this.pid,
      data: this.data,
      attacker,
      other,
      errors: () => this.said,
      ended: () => this.ended(),
      inside: (collect) => this.ask({ ask: "inside", collect }),
      moveClock: async (aheadMs) => void (await this.ask({ ask: "clock", aheadMs })),
      memory: () => residentBytes(this.pid) ?? Number.NaN,
      handles: () => handlesOf(this.pid),
      stop: () => this.stop(),
    };
  }

  async stop(): Promise<void> {
    if (this.ended() === undefined) {
      const over = once(this.child, "close");
      this.child.kill("SIGTERM");
      const force = setTimeout(() => this.child.kill("SIGKILL"), stopMs);
      await over;
      clearTimeout(force);
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  private ended(): string | undefined {
    const { exitCode, signalCode } = this.child;
    return signalCode ?? (exitCode === null ? undefined : `exit code ${exitCode}`);
  }

  private async ask(question: object): Promise<Inside> {
    if (!this.child.connected) throw new Error(`the server has ended: ${this.ended()}; ${this.said.slice(0, 300)}`);
    const signal = AbortSignal.timeout(answerMs);
    const answer = once(this.child, "message", { signal }) as Promise<[Inside]>;
    this.child.send(question);
    const [found] = await answer.catch((cause: unknown) => {
      throw new Error(`the server's process did not answer for ${answerMs / 1000} s`, { cause });
    });
    return found;
  }
}

function handlesOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return Number.NaN;
  }
}

async function newKey(url: string, name: string): Promise<Key> {
  const response = await fetch(`${url}/admin/api/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminKey}`, connection: "close" },
    body: JSON.stringify({ name }),
  });
  if (response.status !== 201) throw new Error(`no key: ${response.status} ${await response.text()}`);
  return (await response.json()) as Key;
}

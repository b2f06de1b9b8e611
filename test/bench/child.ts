import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Inside } from "../attack/inside.ts";

export const benchKey = "sk-bench-0123456789";

export interface Child {
  url: string;
  pid: number | undefined;
  /** Milliseconds from its start to the line with its address. */
  readyMs: number;
  /** Resident memory in bytes; `undefined` where the system does not tell. */
  memory(): number | undefined;
  /** Microseconds of processor time of all its threads until now; `NaN` where the system does not tell. */
  processorMicros(): number;
  /** What a child that was started with `inside` reports of itself. */
  inside(collect: boolean): Promise<Inside>;
  stop(): Promise<void>;
}

export interface ChildOptions {
  /** Options of Node itself. */
  flags?: readonly string[];
  /** Besides the environment that every child gets; `undefined` takes a variable away. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Standard error goes to a file in the data folder, as under a service manager. */
  logToFile?: boolean;
  /** It can be asked about itself with `inside`. */
  inside?: boolean;
}

const insideModule = new URL("../attack/inside.ts", import.meta.url).href;

/** Starts a script that says where it listens; its data folder goes away with it. */
export async function startChild(
  script: string,
  args: readonly string[] = [],
  { flags = [], env = {}, logToFile = false, inside = false }: ChildOptions = {},
): Promise<Child> {
  const data = await mkdtemp(join(tmpdir(), "parley-bench-"));
  const log = logToFile ? await open(join(data, "log"), "w") : undefined;
  const started = performance.now();
  const asked = inside ? ["--expose-gc", "--import", insideModule] : [];
  const program = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [...flags, ...asked, program, ...args], {
    env: {
      ...process.env,
      PARLEY_DATA: data,
      PARLEY_API_KEYS: benchKey,
      PARLEY_PORT: "0",
      PARLEY_LOG: "error",
      PARLEY_SHUTDOWN_DELAY_SECONDS: "0",
      // with a channel to its parent the server cannot start itself again to set this
      ...(inside && { MALLOC_MMAP_THRESHOLD_: "262144" }),
      ...env,
    },
    stdio: ["ignore", "pipe", log?.fd ?? "inherit", ...(inside ? ["ipc" as const] : [])],
  });
  await log?.close();
  const clean = (): Promise<void> => rm(data, { recursive: true, force: true });
  const url = await address(child).catch(async (error: unknown) => {
    await clean();
    throw error;
  });
  const readyMs = performance.now() - started;
  const stop = async (): Promise<void> => {
    const over = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGTERM");
    await over;
    await clean();
  };
  const { pid } = child;
  const memory = (): number | undefined => residentBytes(pid);
  const ask = async (collect: boolean): Promise<Inside> => {
    const answer = once(child, "message") as Promise<[Inside]>;
    child.send({ ask: "inside", collect });
    return (await answer)[0];
  };
  return { url, pid, readyMs, memory, processorMicros: () => processorMicros(pid), inside: ask, stop };
}

export function startServer(engine: string): Promise<Child> {
  return startChild("../../bin/parley.js", ["serve", "--engine", engine]);
}

/** The address in the line by which a child says that it listens. */
export function address(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const found = /(http:\/\/127\.0\.0\.1:\d+)\n/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`ended with ${code} before it listened:\n${said}`)));
  });
}

export function residentBytes(pid: number | undefined): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

/** The first number of a thread's `schedstat` is its time on a processor in nanoseconds (Linux, Documentation/scheduler/sched-stats). */
function processorMicros(pid: number | undefined): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const spent = threads.map((thread) => parseInt(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8"), 10));
    return spent.reduce((sum, nanoseconds) => sum + nanoseconds, 0) / 1000;
  } catch {
    return Number.NaN;
  }
}

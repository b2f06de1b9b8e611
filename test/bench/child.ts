import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const benchKey = "sk-bench-0123456789";

export interface Child {
  url: string;
  pid: number | undefined;
  /** Milliseconds from its start to the line with its address. */
  readyMs: number;
  /** Resident memory in bytes; `undefined` where the system does not tell. */
  memory(): number | undefined;
  stop(): Promise<void>;
}

/** Starts a script that says where it listens; its data folder goes away with it. */
export async function startChild(script: string, args: readonly string[] = []): Promise<Child> {
  const data = await mkdtemp(join(tmpdir(), "parley-bench-"));
  const started = performance.now();
  const child = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...args], {
    env: {
      ...process.env,
      PARLEY_DATA: data,
      PARLEY_API_KEYS: benchKey,
      PARLEY_PORT: "0",
      PARLEY_LOG: "error",
      PARLEY_SHUTDOWN_DELAY_SECONDS: "0",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
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
  return { url, pid: child.pid, readyMs, memory: () => residentBytes(child.pid), stop };
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

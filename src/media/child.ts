import { spawn, type ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { onAbort } from "../lib/abort.ts";

export interface ChildOptions {
  command: string;
  args: readonly string[];
  timeoutMs: number;
  /** Most resident memory; enforced on Linux only. */
  memoryBytes: number;
  /** Most bytes the child may write to its standard output. */
  outputBytes: number;
  signal: AbortSignal;
}

export interface ChildOutcome {
  /** Which limit ended the child; `exit`: none. */
  end: "exit" | "time" | "memory" | "output";
  /** The exit status; `null` after a signal. */
  code: number | null;
  output: Buffer;
  /** The last of what it wrote to its standard error, for logs and probes. */
  errors: string;
}

/** Starts a command with the limits filled in. */
export type Run = (command: string, args: readonly string[]) => Promise<ChildOutcome>;

/** How often the memory is checked. */
const memoryCheckMs = 50;
/** Of the standard error, the last of it. */
const maxErrorChars = 64 * 1024;

/**
 * Runs a process that reads untrusted data: no input, no environment, limited in time, memory and output.
 * Rejects with the signal's reason, and when the command cannot be started.
 */
export async function runChild(options: ChildOptions): Promise<ChildOutcome> {
  options.signal.throwIfAborted();
  const child = spawn(options.command, options.args, { stdio: ["ignore", "pipe", "pipe"], env: {}, windowsHide: true });
  let end: ChildOutcome["end"] = "exit";
  const kill = (why: ChildOutcome["end"]): void => {
    if (end === "exit") end = why;
    child.kill("SIGKILL");
  };
  const timer = setTimeout(() => kill("time"), options.timeoutMs);
  const watch = setInterval(() => void watchMemory(child, options.memoryBytes, () => kill("memory")), memoryCheckMs);
  const stopListening = onAbort(options.signal, () => kill("time"));
  try {
    const [output, errors, code] = await Promise.all([
      collect(child, options.outputBytes, () => kill("output")),
      lastErrors(child),
      closed(child),
    ]);
    options.signal.throwIfAborted();
    return { end, code, output, errors };
  } finally {
    clearTimeout(timer);
    clearInterval(watch);
    stopListening();
    child.kill("SIGKILL");
  }
}

async function closed(child: ChildProcess): Promise<number | null> {
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
}

async function collect(child: ChildProcess, limit: number, over: () => void): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of (child.stdout ?? []) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) {
      over();
      break;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function lastErrors(child: ChildProcess): Promise<string> {
  let text = "";
  for await (const chunk of (child.stderr ?? []) as AsyncIterable<Buffer>) {
    text = (text + chunk.toString("utf8")).slice(-maxErrorChars);
  }
  return text;
}

async function watchMemory(child: ChildProcess, limit: number, over: () => void): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    const status = await readFile(`/proc/${child.pid}/status`, "latin1");
    const [, kibibytes = 0] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
    if (Number(kibibytes) * 1024 > limit) over();
  } catch {
    // other systems have no such file, and neither has a child that ended
  }
}

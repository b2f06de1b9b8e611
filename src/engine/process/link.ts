import { spawn, type ChildProcess } from "node:child_process";
import { connect, Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { LlamaEngineOptions } from "../llama/options.ts";

/** What the process of an engine is started for. */
export interface ProcessJob {
  /** What the engine is made with. */
  engine: Omit<LlamaEngineOptions, "ids" | "slices" | "log">;
  /** Path of a socket at which other servers find the engine; absent: it serves its owner alone. */
  listen?: string | undefined;
}

/** A connection to the process of an engine, for as long as that process runs. */
export interface Link {
  socket: Socket;
  /** Its process id, where this process started it. */
  pid?: number | undefined;
  /** Resolves when it is over, with the reason in words for the log. */
  ended: Promise<string>;
  /** Ends it at once: the process, where this process started it, else the connection. */
  end(): void;
}

/** Makes a connection; rejects where that is not possible. */
export type Connect = (signal: AbortSignal) => Promise<Link>;

// built or not, the entry lies beside this file and has the same extension
const entry = fileURLToPath(new URL(`./main${import.meta.url.slice(-3)}`, import.meta.url));
/** Of what the process writes to its standard error, the last of it. */
const maxErrorChars = 2_000;
const errorLines = 3;
/** How long a socket that is not there yet is looked for, and how often. */
const listenMs = 10_000;
const lookMs = 25;

/** The command that runs an engine. */
export function engineCommand(job: ProcessJob): string[] {
  return [process.execPath, entry, JSON.stringify(job)];
}

/**
 * Starts the process of an engine. It is connected by a pair of sockets that no other process has, and ends with this
 * process, however that ends.
 */
export function startProcess(command: readonly string[]): Link {
  const [file = "", ...args] = command;
  const child = spawn(file, args, { stdio: ["ignore", "ignore", "pipe", "pipe"], windowsHide: true });
  const tail = lastLines(child);
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`it could not be started: ${error.message}`));
    child.once("close", (code, signal) => resolve(`it ended with ${signal ?? `status ${code}`}${tail()}`));
  });
  return { socket: pipeOf(child), pid: child.pid, ended, end: () => child.kill("SIGKILL") };
}

/** Where a process could not be started there may be no pipe. */
function pipeOf({ stdio }: ChildProcess): Socket {
  const pipe = stdio[3];
  return pipe instanceof Socket ? pipe : new Socket().destroy();
}

/** The end of its standard error, where native code says why it ends. */
function lastLines(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (piece: string) => (text = (text + piece).slice(-maxErrorChars)));
  return () => {
    const lines = text.trim().split("\n").slice(-errorLines).join(" | ");
    return lines === "" ? "" : `: ${lines}`;
  };
}

/** Connects to a process that another one has started; waits for a while where it does not listen yet. */
export async function connectTo(path: string, signal: AbortSignal): Promise<Link> {
  const deadline = performance.now() + listenMs;
  for (;;) {
    const socket = connect(path);
    const problem = await new Promise<Error | undefined>((resolve) => {
      socket.once("connect", () => resolve(undefined)).once("error", resolve);
    });
    if (problem === undefined) {
      const ended = new Promise<string>((resolve) => {
        socket.once("close", () => resolve("its connection broke"));
      });
      return { socket, ended, end: () => socket.destroy() };
    }
    if (performance.now() > deadline) throw problem;
    await wait(lookMs, undefined, { signal });
  }
}

/**
 * The watcher, in a process of its own: asks `GET /healthz` every 20 ms and reads the server's memory and file descriptors.
 * Other work on the machine is taken out, by the system's count of what the server's main thread did between a question and
 * its answer (`/proc/<pid>/task/<pid>/schedstat`): its processor time, and the time in which it could have run but had no
 * processor. Every tenth question comes on a new connection. Started as `watcher.ts <port> <pid>`; sends `ready` after its first answer, and what it has found when it is sent a message.
 */
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { residentBytes } from "../bench/child.ts";

export interface Watched {
  /** Most processor time, in milliseconds, that the server's main thread spent while a question waited for its answer. */
  worstWorkMs: number;
  /** Worst answer time by the clock without the waits for a processor, the server's and the watcher's. */
  worstMs: number;
  /** Worst answer time by the clock. */
  worstClockMs: number;
  /** Answers. */
  asked: number;
  /** Connections that were refused or broken, and questions that got no answer. */
  failures: number;
  peakMemory: number;
  peakHandles: number;
}

const everyMs = 20;
const newConnectionEvery = 10;
const countEvery = 5;
const address = "127.0.0.2";
const question = "GET /healthz HTTP/1.1\r\nhost: watcher\r\n\r\n";

class Watcher {
  private readonly port: number;
  private readonly pid: number;
  private readonly ready: () => void;
  // changed by events
  private socket: Socket | undefined;
  readonly found: Watched = {
    worstWorkMs: 0,
    worstMs: 0,
    worstClockMs: 0,
    asked: 0,
    failures: 0,
    peakMemory: 0,
    peakHandles: 0,
  };
  /** When the question under way was asked, and what the threads had done until then. */
  private open: { at: number; server: Schedule; own: Schedule } | undefined;
  private ticks = 0;

  constructor(port: number, pid: number, ready: () => void) {
    this.port = port;
    this.pid = pid;
    this.ready = ready;
  }

  tick(): void {
    this.ticks += 1;
    if (this.ticks % countEvery === 0) this.count();
    if (this.open !== undefined) return;
    if (this.ticks % newConnectionEvery === 0) {
      this.socket?.destroy();
      this.socket = undefined;
    }
    this.open = { at: performance.now(), server: schedule(this.pid), own: schedule(process.pid) };
    this.socket ??= this.connection();
    this.socket.write(question);
  }

  /** Ends the question under way with what it took until now. */
  end(): void {
    const { open } = this;
    if (open === undefined) return;
    this.open = undefined;
    const clock = performance.now() - open.at;
    this.found.worstClockMs = Math.max(this.found.worstClockMs, clock);
    const [server, own] = [schedule(this.pid), schedule(process.pid)];
    const waited = server.waitMs - open.server.waitMs + own.waitMs - open.own.waitMs;
    this.found.worstMs = Math.max(this.found.worstMs, clock - waited);
    this.found.worstWorkMs = Math.max(this.found.worstWorkMs, server.workMs - open.server.workMs);
  }

  private connection(): Socket {
    const socket = connect({ port: this.port, host: "127.0.0.1", localAddress: address });
    let answer = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      answer += text;
      if (!answer.includes('"ok"}')) return;
      answer = "";
      this.found.asked += 1;
      this.end();
      if (this.found.asked === 1) this.ready();
    });
    const lost = (): void => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      if (this.open === undefined) return;
      this.found.failures += 1;
      this.end();
    };
    return socket.on("error", lost).on("close", lost);
  }

  private count(): void {
    this.found.peakMemory = Math.max(this.found.peakMemory, residentBytes(this.pid) ?? 0);
    try {
      this.found.peakHandles = Math.max(this.found.peakHandles, readdirSync(`/proc/${this.pid}/fd`).length);
    } catch {
      // the server has ended; the runner sees that itself
    }
  }
}

/** Milliseconds that a main thread has run, and that it could have run but had no processor. */
interface Schedule {
  workMs: number;
  waitMs: number;
}

/** Zeros where the system does not count. */
function schedule(pid: number): Schedule {
  try {
    const [work, wait] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ");
    return { workMs: Number(work) / 1e6, waitMs: Number(wait) / 1e6 };
  } catch {
    return { workMs: 0, waitMs: 0 };
  }
}

const watcher = new Watcher(Number(process.argv[2]), Number(process.argv[3]), () => process.send?.("ready"));
const timer = setInterval(() => watcher.tick(), everyMs);
process.once("message", () => {
  clearInterval(timer);
  watcher.end();
  process.send?.(watcher.found, () => process.exit(0));
});
process.once("disconnect", () => process.exit(0));

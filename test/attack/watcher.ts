/**
 * The watcher, in a process of its own: asks `GET /healthz` every 20 ms and reads the server's memory and file descriptors.
 *
 * Other work on the machine is taken out of an answer time. By what the system counts of main threads
 * (`/proc/<pid>/task/<pid>/schedstat`) it is at most the processor time that the server has spent meanwhile, and at most the
 * time by the clock without that in which server or watcher could have run but had no processor. An idle server that is
 * asked at the same moment shows what the network of a busy machine takes; that is subtracted.
 *
 * Every tenth question comes on a new connection. Started as `watcher.ts <port> <pid> <port of the idle server> <its pid>`;
 * sends `ready` after its first answer, and what it has found when it is sent a message.
 */
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setPriority } from "node:os";
import { residentBytes } from "../bench/child.ts";

export interface Watched {
  /** Worst answer time in milliseconds without what other work on the machine takes. */
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

/** Asks one server, one question after another. */
class Asker {
  // fixed at birth
  private readonly port: number;
  private readonly pid: number;
  // changed by events
  private socket: Socket | undefined;
  /** When the question under way was asked, what the threads had done until then, and who wants the answer. */
  private open: { at: number; server: Schedule; own: Schedule; over: (ms: number) => void } | undefined;
  answers = 0;
  failures = 0;
  worstClockMs = 0;

  constructor(port: number, pid: number) {
    this.port = port;
    this.pid = pid;
  }

  /** Resolves to the answer's time without waits for a processor. */
  ask(onNewConnection: boolean): Promise<number> {
    if (onNewConnection) {
      this.socket?.destroy();
      this.socket = undefined;
    }
    return new Promise((over) => {
      this.open = { at: performance.now(), server: schedule(this.pid), own: schedule(process.pid), over };
      this.socket ??= this.connection();
      this.socket.write(question);
    });
  }

  /** Ends the question under way with what it took until now. */
  end(): void {
    const { open } = this;
    if (open === undefined) return;
    this.open = undefined;
    const clock = performance.now() - open.at;
    const [server, own] = [schedule(this.pid), schedule(process.pid)];
    const waited = server.waitMs - open.server.waitMs + own.waitMs - open.own.waitMs;
    this.worstClockMs = Math.max(this.worstClockMs, clock);
    open.over(Math.max(0, Math.min(clock - waited, server.workMs - open.server.workMs)));
  }

  private connection(): Socket {
    const socket = connect({ port: this.port, host: "127.0.0.1", localAddress: address });
    let answer = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      answer += text;
      if (!answer.includes('"ok"}')) return;
      answer = "";
      this.answers += 1;
      this.end();
    });
    const lost = (): void => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      if (this.open !== undefined) this.failures += 1;
      this.end();
    };
    return socket.on("error", lost).on("close", lost);
  }
}

class Watcher {
  private readonly server: Asker;
  private readonly idle: Asker;
  private readonly pid: number;
  // changed by events
  private asking = false;
  private ticks = 0;
  private worstMs = 0;
  private peak = { memory: 0, handles: 0 };

  constructor(server: Asker, idle: Asker, pid: number) {
    this.server = server;
    this.idle = idle;
    this.pid = pid;
  }

  tick(): void {
    this.ticks += 1;
    if (this.ticks % countEvery === 0) this.count();
    if (!this.asking) void this.ask(this.ticks % newConnectionEvery === 0);
  }

  found(): Watched {
    this.server.end();
    const { worstClockMs, answers: asked, failures } = this.server;
    const { memory: peakMemory, handles: peakHandles } = this.peak;
    return { worstMs: this.worstMs, worstClockMs, asked, failures, peakMemory, peakHandles };
  }

  private async ask(onNewConnection: boolean): Promise<void> {
    this.asking = true;
    const [idle, server] = await Promise.all([this.idle.ask(onNewConnection), this.server.ask(onNewConnection)]);
    this.worstMs = Math.max(this.worstMs, server - idle);
    this.asking = false;
    if (this.server.answers === 1) process.send?.("ready");
  }

  private count(): void {
    this.peak.memory = Math.max(this.peak.memory, residentBytes(this.pid) ?? 0);
    try {
      this.peak.handles = Math.max(this.peak.handles, readdirSync(`/proc/${this.pid}/fd`).length);
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

try {
  // it needs little, but at once: an answer that it reads late would look like a late answer
  setPriority(-15);
} catch {
  // only root may
}
const [serverPort = 0, pid = 0, idlePort = 0, idlePid = 0] = process.argv.slice(2).map(Number);
const watcher = new Watcher(new Asker(serverPort, pid), new Asker(idlePort, idlePid), pid);
const timer = setInterval(() => watcher.tick(), everyMs);
process.once("message", () => {
  clearInterval(timer);
  process.send?.(watcher.found(), () => process.exit(0));
});
process.once("disconnect", () => process.exit(0));

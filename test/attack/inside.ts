/**
 * Loaded into the attacked server by `--import`; the server's own code does not know it. It answers the suite's questions
 * over the process channel: collect garbage and count, report the longest hold of the event loop, move the clock.
 */

/** What the server's process reports of itself. */
export interface Inside {
  /** Resident bytes after a full collection. */
  rss: number;
  /** Bytes of the JavaScript heap and of buffers outside of it. */
  heap: number;
  /** Longest processor time, in milliseconds, that the main thread spent between two turns of its timers. */
  holdMs: number;
}

type Question = { ask: "inside"; collect: boolean } | { ask: "clock"; aheadMs: number };

const tickMs = 5;

class Hold {
  // changed by events
  /** The thread's processor time at the last tick. */
  private last = process.threadCpuUsage();
  /** Longest since it was last taken, in microseconds. */
  private worst = 0;

  start(): void {
    setInterval(() => {
      const { user, system } = process.threadCpuUsage(this.last);
      this.worst = Math.max(this.worst, user + system);
      this.last = process.threadCpuUsage();
    }, tickMs).unref();
  }

  take(): number {
    const found = this.worst / 1000;
    this.worst = 0;
    this.last = process.threadCpuUsage();
    return found;
  }
}

const realNow = Date.now.bind(Date);

function answer(question: Question, hold: Hold): Inside {
  if (question.ask === "clock") Date.now = () => realNow() + question.aheadMs;
  const holdMs = hold.take();
  if (question.ask === "inside" && question.collect) collect();
  const { rss, heapUsed, external } = process.memoryUsage();
  // what the collection itself took is not the attack's
  hold.take();
  return { rss, heap: heapUsed + external, holdMs };
}

function collect(): void {
  const { gc } = globalThis as { gc?: (options: object) => void };
  for (let times = 0; times < 2; times += 1) gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
}

// children of the server are started with the same flags, and have messages of their own
if (/(?:parley\.js|bare\.ts)$/.test(process.argv[1] ?? "") && process.send !== undefined) {
  const hold = new Hold();
  hold.start();
  process.on("message", (question: Question) => void process.send?.(answer(question, hold)));
  process.channel?.unref();
  // a suite that is stopped leaves no server behind
  process.once("disconnect", () => process.exit(1));
}

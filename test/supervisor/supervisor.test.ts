import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { Channel, type Peer } from "../../src/supervisor/channel.ts";
import type { SupervisorCalls, WorkerCalls } from "../../src/supervisor/message.ts";
import { restartDelayMs, restartTimes, Supervisor } from "../../src/supervisor/supervisor.ts";
import { WorkerEnded, type Ending, type WorkerProcess } from "../../src/supervisor/worker-process.ts";
import { silentLog } from "../../src/telemetry/log.ts";

/** Two ends of a pipe that passes values on as text does. */
function pipe(): [Peer, Peer] {
  const [a, b] = [new EventEmitter(), new EventEmitter()];
  const end = (own: EventEmitter, other: EventEmitter): Peer => ({
    send: (message) => setImmediate(() => other.emit("message", JSON.parse(JSON.stringify(message)))),
    on: (event, listener) => own.on(event, listener),
  });
  return [end(a, b), end(b, a)];
}

type Settings = string;

class FakeWorker {
  readonly asked: string[] = [];
  readonly process: WorkerProcess<Settings>;
  private readonly end = Promise.withResolvers<Ending>();

  constructor(number: number, offered: SupervisorCalls, calls: Partial<WorkerCalls<Settings>>) {
    const [mine, its] = pipe();
    const noted =
      (name: string) =>
      async (value?: unknown): Promise<never> => {
        this.asked.push(typeof value === "string" ? `${name} ${value}` : name);
        const call = (calls as Record<string, (value: unknown) => Promise<unknown>>)[name];
        return (await call?.(value)) as never;
      };
    const names = ["start", "prepare", "declare", "adopt", "discard", "measure", "stop", "abort"] as const;
    new Channel(its, Object.fromEntries(names.map((name) => [name, noted(name)])));
    this.process = {
      number,
      pid: number,
      calls: new Channel<WorkerCalls<Settings>>(mine, offered),
      measured: [],
      ended: this.end.promise,
      disconnect: () => this.die({ code: 0, signal: null }),
      kill: () => this.die({ code: null, signal: "SIGKILL" }),
    };
  }

  die(ending: Ending): void {
    this.end.resolve(ending);
    this.process.calls.close(new WorkerEnded(this.process.number, ending));
  }
}

const times = { firstMs: 1, mostMs: 4, stableMs: 60_000, maxFailures: 5 };
const usual: Partial<WorkerCalls<Settings>> = {
  start: async () => "screen",
  adopt: async () => ["data"],
  measure: async () => [],
  stop: async () => [],
};

/** `calls` of the process with that index; the others do as usual. */
function supervisorOf(calls: (index: number) => Partial<WorkerCalls<Settings>> = () => ({})) {
  const forked: FakeWorker[] = [];
  const supervisor = new Supervisor<Settings>({
    workers: 2,
    settings: "first",
    at: { host: "h", port: 1 },
    restarts: times,
    log: silentLog,
    fork: (number, offered) => {
      const worker = new FakeWorker(number, offered, { ...usual, ...calls(forked.length) });
      forked.push(worker);
      return worker.process;
    },
  });
  return { supervisor, forked };
}

const crash: Ending = { code: null, signal: "SIGSEGV" };

describe("Supervisor", () => {
  it("starts the first worker alone, and the others when it serves", async () => {
    const { supervisor, forked } = supervisorOf();
    await supervisor.start((screen) => {
      expect([screen, forked.length]).toEqual(["screen", 1]);
    });
    expect(forked.map(({ process }) => process.number)).toEqual([1, 2]);
    await supervisor.stop({ signal: "SIGTERM", replaced: false });
    expect(await supervisor.finished).toBe(0);
  });

  it("does not go on without a worker that does not start, and ends the others", async () => {
    const { supervisor, forked } = supervisorOf((index) =>
      index === 1
        ? { start: () => (forked[1]?.die({ code: 2, signal: null }), new Promise<never>(() => undefined)) }
        : {},
    );
    await expect(supervisor.start(() => undefined)).rejects.toThrow("worker 2 ended (exit code 2)");
    expect(forked[0]?.asked).toContain("stop");
  });

  it("starts a worker again with the settings in use, and stops with 1 where it ends again and again", async () => {
    const orders: unknown[] = [];
    const { supervisor, forked } = supervisorOf((index) =>
      index < 2
        ? {}
        : {
            start: async (order) => {
              orders.push([order.number, order.isFirst, order.settings, order.reloaded]);
              setImmediate(() => forked[index]?.die(crash));
              return "";
            },
          },
    );
    await supervisor.start(() => undefined);
    expect(await supervisor.reload("second")).toEqual(["data"]);
    forked[1]?.die(crash);
    expect(await supervisor.finished).toBe(1);
    // the first end and those of four more tries
    expect(orders).toEqual(Array.from({ length: 4 }, () => [2, false, "first", "second"]));
    expect(forked[0]?.asked.at(-1)).toBe("stop");
  });

  it("takes over settings in no worker where one refuses them", async () => {
    const { supervisor, forked } = supervisorOf((index) =>
      index === 1 ? { prepare: async () => Promise.reject(new Error("no such file")) } : {},
    );
    await supervisor.start(() => undefined);
    await expect(supervisor.reload("second")).rejects.toThrow("no such file");
    expect(forked.map(({ asked }) => asked)).toEqual([
      ["start", "prepare second", "discard"],
      ["start", "prepare second", "discard"],
    ]);
  });

  it("has the keys of other settings written by one worker, before any of them uses them", async () => {
    const { supervisor, forked } = supervisorOf((index) =>
      index === 0 ? { declare: async () => Promise.reject(new Error("the database is away")) } : {},
    );
    await supervisor.start(() => undefined);
    await expect(supervisor.reload("second")).rejects.toThrow("the database is away");
    expect(forked.map(({ asked }) => asked.slice(1))).toEqual([
      ["prepare second", "declare", "discard"],
      ["prepare second", "discard"],
    ]);
  });

  it("goes on with the old workers where a new one does not start", async () => {
    const { supervisor, forked } = supervisorOf((index) =>
      index === 2 ? { start: () => (forked[2]?.die(crash), new Promise<never>(() => undefined)) } : {},
    );
    await supervisor.start(() => undefined);
    await expect(supervisor.roll("second")).rejects.toThrow("worker 1 ended (signal SIGSEGV)");
    expect(forked.slice(0, 2).flatMap(({ asked }) => asked)).toEqual(["start", "start"]);
  });

  it("gives settings that came meanwhile to a worker that is being started", async () => {
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const slow = { start: () => (begun.resolve(), go.promise.then(() => "")) };
    const { supervisor, forked } = supervisorOf((index) => (index === 2 ? slow : {}));
    await supervisor.start(() => undefined);
    forked[0]?.die(crash);
    await begun.promise;
    await supervisor.reload("second");
    go.resolve();
    await expect.poll(() => forked[2]?.asked).toEqual(["start", "prepare second", "declare", "adopt"]);
  });
});

describe("restartDelayMs", () => {
  it("grows from nothing to half a minute", () => {
    const delays = Array.from({ length: 10 }, (_, index) => restartDelayMs(index + 1, restartTimes));
    expect(delays).toEqual([0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });
});

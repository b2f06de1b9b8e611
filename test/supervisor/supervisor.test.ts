import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { Channel, type Peer } from "../../src/supervisor/channel.ts";
import type { StartOrder, SupervisorCalls, WorkerCalls } from "../../src/supervisor/message.ts";
import { answerTimes, type AnswerTimes } from "../../src/supervisor/live-workers.ts";
import { restartDelayMs, restartTimes, type RestartTimes } from "../../src/supervisor/restart-times.ts";
import { Supervisor } from "../../src/supervisor/supervisor.ts";
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
  readonly offered: SupervisorCalls;
  private readonly end = Promise.withResolvers<Ending>();

  constructor(number: number, offered: SupervisorCalls, calls: Partial<WorkerCalls<Settings>>) {
    this.offered = offered;
    const [mine, its] = pipe();
    const noted =
      (name: string) =>
      async (value?: unknown): Promise<never> => {
        this.asked.push(typeof value === "string" ? `${name} ${value}` : name);
        const call = (calls as Record<string, (value: unknown) => Promise<unknown>>)[name];
        return (await call?.(value)) as never;
      };
    const names = ["start", "prepare", "declare", "adopt", "discard", "ping", "measure", "stop", "abort"] as const;
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
function supervisorOf(
  calls: (index: number) => Partial<WorkerCalls<Settings>> = () => ({}),
  restarts: RestartTimes = times,
  answers: AnswerTimes = answerTimes,
) {
  const forked: FakeWorker[] = [];
  const used: string[] = [];
  const supervisor = new Supervisor<Settings>({
    workers: 2,
    settings: "first",
    at: { host: "h", port: 1 },
    restarts,
    answers,
    use: (settings) => used.push([...settings].toSorted().join("+")),
    log: silentLog,
    fork: (number, offered) => {
      const worker = new FakeWorker(number, offered, { ...usual, ...calls(forked.length) });
      forked.push(worker);
      return worker.process;
    },
  });
  return { supervisor, forked, used };
}

/** A call that is answered when the test says so. */
function held<Value>(value: Value) {
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const call = async (): Promise<Value> => {
    begun.resolve();
    await go.promise;
    return value;
  };
  return { call, begun: begun.promise, go: () => go.resolve() };
}

/** What was asked before has been answered. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

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

  it("gives a worker the settings that came while it began to serve, in the midst of a reload", async () => {
    const start = held("");
    const prepare = held(undefined);
    const { supervisor, forked } = supervisorOf((index) =>
      index === 2 ? { start: start.call } : index === 0 ? { prepare: prepare.call } : {},
    );
    await supervisor.start(() => undefined);
    forked[1]?.die(crash);
    await start.begun;
    const reloaded = supervisor.reload("second");
    await prepare.begun;
    start.go();
    await settled();
    expect(forked[2]?.asked).toEqual(["start"]);
    prepare.go();
    await reloaded;
    await expect.poll(() => forked[2]?.asked).toEqual(["start", "prepare second", "declare", "adopt"]);
  });

  it("reports which settings are in use when a change begins and ends, in turns and also where it is refused", async () => {
    const prepare = held(undefined);
    const { supervisor, used } = supervisorOf((index) =>
      index === 0
        ? { prepare: prepare.call }
        : index === 3
          ? { start: () => Promise.reject(new Error("no memory")) }
          : {},
    );
    await supervisor.start(() => undefined);
    const second = supervisor.reload("second");
    const third = supervisor.roll("third");
    await prepare.begun;
    expect(used).toEqual(["first", "first+second"]);
    prepare.go();
    await second;
    await expect(third).rejects.toThrow("no memory");
    // the first worker was replaced, the second one was not
    expect(used.slice(2)).toEqual(["second", "second+third", "second+third"]);
    const other = supervisorOf(() => ({ prepare: () => Promise.reject(new Error("no such file")) }));
    await other.supervisor.start(() => undefined);
    await expect(other.supervisor.reload("second")).rejects.toThrow("no such file");
    expect(other.used).toEqual(["first", "first+second", "first"]);
  });

  it("replaces a worker, too, that was being started with the settings from before a roll", async () => {
    const orders: string[] = [];
    const start = held("");
    const { supervisor, forked } = supervisorOf((index) => ({
      start: async (order) => {
        if (index === 2) await start.call();
        orders.push(`${order.number} ${order.settings}`);
        return "";
      },
    }));
    await supervisor.start(() => undefined);
    forked[1]?.die(crash);
    await start.begun;
    const rolled = supervisor.roll("second");
    await expect.poll(() => orders.length).toBe(3);
    start.go();
    await rolled;
    expect(orders).toEqual(["1 first", "2 first", "1 second", "2 first", "2 second"]);
    expect(forked.map(({ asked }) => asked.includes("stop"))).toEqual([true, false, true, false, false]);
  });

  it("leaves the place of a worker that ends to the one that is about to replace it", async () => {
    const start = held("");
    const { supervisor, forked } = supervisorOf((index) => (index === 2 ? { start: start.call } : {}));
    await supervisor.start(() => undefined);
    const rolled = supervisor.roll("second");
    await start.begun;
    forked[0]?.die(crash);
    await settled();
    start.go();
    await rolled;
    await settled();
    expect(forked.map(({ process }) => process.number)).toEqual([1, 2, 1, 2]);
    await supervisor.reload("third");
    expect(forked.map(({ asked }) => asked.includes("prepare third"))).toEqual([false, false, true, true]);
  });

  it("starts a worker again that ended while the one in its place did not start", async () => {
    const { supervisor, forked } = supervisorOf((index) =>
      index === 2
        ? {
            start: () => (
              forked[0]?.die(crash),
              setImmediate(() => forked[2]?.die(crash)),
              new Promise<never>(() => undefined)
            ),
          }
        : {},
    );
    await supervisor.start(() => undefined);
    await expect(supervisor.roll("second")).rejects.toThrow("worker 1 ended");
    await expect.poll(() => forked.map(({ process }) => process.number)).toEqual([1, 2, 1, 1]);
    await supervisor.reload("third");
    expect(forked[3]?.asked).toContain("prepare third");
  });

  it.each(["prepare", "declare"] as const)("refuses a reload where a worker does not answer %s", async (name) => {
    const silent = { [name]: () => new Promise<never>(() => undefined) };
    const { supervisor, forked } = supervisorOf((index) => (index === 0 ? silent : {}), times, {
      ...answerTimes,
      reloadMs: 50,
    });
    await supervisor.start(() => undefined);
    await expect(supervisor.reload("second")).rejects.toThrow("worker 1 has not answered for 0.05 seconds");
    expect(forked.map(({ asked }) => asked.at(-1))).toEqual(["discard", "discard"]);
    // the next change has its turn
    await supervisor.roll("third");
    expect(forked).toHaveLength(4);
  });

  it.each([
    ["refuses", () => Promise.reject(new Error("no memory"))],
    ["does not answer", () => new Promise<never>(() => undefined)],
  ])("replaces a worker that %s when it is to use settings", async (_name, adopt) => {
    const orders: unknown[] = [];
    const start = async (order: StartOrder<Settings>): Promise<string> => {
      orders.push([order.number, order.settings, order.reloaded]);
      return "";
    };
    const { supervisor, forked } = supervisorOf((index) => (index === 1 ? { start, adopt } : { start }), times, {
      ...answerTimes,
      reloadMs: 50,
    });
    await supervisor.start(() => undefined);
    expect(await supervisor.reload("second")).toEqual(["data"]);
    await expect.poll(() => forked[1]?.asked.at(-1)).toBe("stop");
    expect(orders.slice(2)).toEqual([[2, "first", "second"]]);
  });

  it("does not report a reload as done that no worker uses", async () => {
    const { supervisor } = supervisorOf(() => ({ adopt: () => Promise.reject(new Error("no memory")) }));
    await supervisor.start(() => undefined);
    await expect(supervisor.reload("second")).rejects.toThrow("no memory");
  });

  it("kills a worker that hangs, also while it is to stop", async () => {
    const silent = { ping: () => new Promise<never>(() => undefined), stop: () => new Promise<never>(() => undefined) };
    const { supervisor, forked } = supervisorOf((index) => (index === 1 || index === 2 ? silent : {}), times, {
      ...answerTimes,
      heartbeatMs: 10,
      missedHeartbeats: 3,
    });
    await supervisor.start(() => undefined);
    await expect.poll(() => forked.map(({ process }) => process.number)).toEqual([1, 2, 2]);
    expect(await forked[1]?.process.ended).toEqual({ code: null, signal: "SIGKILL" });
    await supervisor.stop({ signal: "SIGTERM", replaced: false });
    expect(await forked[2]?.process.ended).toEqual({ code: null, signal: "SIGKILL" });
    expect(await forked[0]?.process.ended).toEqual({ code: 0, signal: null });
  });

  it("starts nothing after a stop, also where a replacement waits for its turn", async () => {
    const stop = held([]);
    const { supervisor, forked } = supervisorOf((index) => (index === 0 ? { stop: stop.call } : {}));
    await supervisor.start(() => undefined);
    for (const { offered } of forked.slice(0, 2)) await offered.replace();
    await stop.begun;
    const stopped = supervisor.stop({ signal: "SIGTERM", replaced: false });
    stop.go();
    await stopped;
    await settled();
    expect(forked.map(({ process }) => process.number)).toEqual([1, 2, 1]);
  });

  it("does not keep its process until a pause is over when it stops", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;
    const { supervisor, forked } = supervisorOf(
      (index) => (index === 2 ? { start: () => (forked[2]?.die(crash), new Promise<never>(() => undefined)) } : {}),
      { ...times, firstMs: 600_000, mostMs: 600_000 },
    );
    await supervisor.start(() => undefined);
    forked[0]?.die(crash);
    await settled();
    const waiting = timers();
    await supervisor.stop({ signal: "SIGTERM", replaced: false });
    await new Promise((resolve) => setImmediate(resolve));
    expect(timers()).toBe(waiting - 1);
  });
});

describe("restartDelayMs", () => {
  it("grows from nothing to half a minute", () => {
    const delays = Array.from({ length: 10 }, (_, index) => restartDelayMs(index + 1, restartTimes));
    expect(delays).toEqual([0, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });
});

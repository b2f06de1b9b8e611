import cluster, { type Worker } from "node:cluster";
import type { MetricFamily } from "../telemetry/metrics.ts";
import { Channel } from "./channel.ts";
import type { SupervisorCalls, WorkerCalls } from "./message.ts";

/** How a process ended. */
export interface Ending {
  code: number | null;
  signal: string | null;
}

/** A worker that ended before it served, or while it was asked something. */
export class WorkerEnded extends Error {
  override readonly name = "WorkerEnded";
  readonly ending: Ending;

  constructor(number: number, ending: Ending) {
    super(`worker ${number} ended (${endingText(ending)})`);
    this.ending = ending;
  }
}

/** One worker, as the supervisor sees it. */
export interface WorkerProcess<Settings> {
  readonly number: number;
  readonly pid: number;
  readonly calls: Channel<WorkerCalls<Settings>>;
  /** What it measured when it was last asked; set by each question. */
  measured: readonly MetricFamily[];
  /** Resolves when the process is over. */
  readonly ended: Promise<Ending>;
  /** Ends a worker that has stopped. */
  disconnect(): void;
  /** Ends it at once, whatever it does. */
  kill(): void;
}

/**
 * Starts this program once more as a worker. The supervisor accepts all connections and hands them out in turns: a port that
 * workers accept from themselves gives one of them 55 of 64 connections (docs/running.md).
 */
export function forkWorker<Settings>(number: number, offered: SupervisorCalls): WorkerProcess<Settings> {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  const worker = cluster.fork();
  const calls: WorkerProcess<Settings>["calls"] = new Channel(peerOf(worker), offered);
  const ended = new Promise<Ending>((resolve) =>
    worker.once("exit", (code: number | null, signal: string | null) => {
      resolve({ code, signal });
      calls.close(new WorkerEnded(number, { code, signal }));
    }),
  );
  // its end shows how a channel failed
  worker.on("error", () => undefined);
  return {
    number,
    pid: worker.process.pid ?? 0,
    calls,
    measured: [],
    ended,
    // in the cluster's own way: a connection that is on its way to it comes back first, and goes to another worker
    disconnect: () => void (worker.isConnected() && worker.disconnect()),
    kill: () => void worker.process.kill("SIGKILL"),
  };
}

function peerOf(worker: Worker): ConstructorParameters<typeof Channel>[0] {
  return {
    send: (message, sent) => worker.isConnected() && worker.send(message, sent),
    on: (_event, listener) => worker.on("message", (message: unknown) => listener(message)),
  };
}

export function endingText({ code, signal }: Ending): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}

/** How the process ended whose start threw this. */
export function endingOf(error: unknown): Ending {
  return error instanceof WorkerEnded ? error.ending : { code: 1, signal: null };
}

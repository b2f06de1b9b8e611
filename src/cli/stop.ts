import { setTimeout as wait } from "node:timers/promises";
import type { App } from "../app.ts";
import type { Config } from "../config/schema.ts";

/** Seconds of a stop, one after the other. */
export interface StopTimes {
  /** While everything is served and callers are sent to other servers. */
  delaySeconds: number;
  /** While what runs may end, behind a closed port. */
  graceSeconds: number;
}

/** A balancer that asks `/readyz` or a Kubernetes endpoint list needs a few seconds to send requests elsewhere. */
const defaultDelaySeconds = 5;
/** npm passes on a signal that its child got too, from the terminal or from systemd: what comes so soon is the same wish. */
const sameSignalMs = 250;

/** The times of the settings; no balancer sends requests to a server on a terminal, and the person there waits for its end. */
export function stopTimes({ server }: Pick<Config, "server">): StopTimes {
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY;
  const { shutdownDelaySeconds = onTerminal ? 0 : defaultDelaySeconds, drainSeconds } = server;
  return { delaySeconds: shutdownDelaySeconds, graceSeconds: drainSeconds };
}

/** What is done at the first SIGTERM or SIGINT, and at the second one. */
export interface StopWishes {
  first: (signal: NodeJS.Signals) => void;
  second: (signal: NodeJS.Signals) => void;
}

/** Returns how to stop listening to the signals. */
export function onStopSignals({ first, second }: StopWishes): () => void {
  let firstAt: number | undefined;
  let isOver = false;
  const receive = (signal: NodeJS.Signals): void => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      first(signal);
    } else if (performance.now() - firstAt >= sameSignalMs && !isOver) {
      isOver = true;
      second(signal);
    }
  };
  process.on("SIGTERM", receive).on("SIGINT", receive);
  return () => void process.off("SIGTERM", receive).off("SIGINT", receive);
}

export const secondSignal = "a second signal: what runs is ended now";

/**
 * Resolves when SIGTERM or SIGINT came and the server has stopped: first it only sends callers elsewhere, then its port is
 * closed and what runs gets its grace. A second signal ends everything at once.
 */
export function stopOnSignal(app: Pick<App, "drain" | "close" | "log">, times: StopTimes): Promise<void> {
  return new Promise((resolve, reject) => {
    const second = new AbortController();
    const ignore = onStopSignals({
      first: (signal) => {
        const stopped = stopInSteps(app, { ...times, signal, second: second.signal });
        void stopped.then(resolve, reject).finally(ignore);
      },
      second: (signal) => {
        app.log.warn({ signal }, secondSignal);
        second.abort();
      },
    });
  });
}

interface Stopping extends StopTimes {
  /** In the log. */
  signal: string;
  /** Aborted by the second signal. */
  second: AbortSignal;
  /** Whether another process goes on with the port; then callers on kept connections only have to connect again. */
  replaced?: boolean;
}

/** Sends callers elsewhere, closes the port, and ends what runs. */
export async function stopInSteps(
  app: Pick<App, "drain" | "close" | "log">,
  { delaySeconds, graceSeconds, signal, second, replaced = false }: Stopping,
): Promise<void> {
  app.drain({ replaced });
  if (delaySeconds > 0) {
    const ready = replaced ? "answers close their connections" : "/readyz is 503";
    app.log.info({ signal, seconds: delaySeconds }, `stopping: ${ready}, everything is still served`);
    await wait(delaySeconds * 1000, undefined, { signal: second }).catch(() => undefined);
  }
  app.log.info(
    { signal, seconds: second.aborted ? 0 : graceSeconds },
    "stopping: the port is closed, what runs may end",
  );
  second.addEventListener("abort", () => void app.close(0), { once: true });
  await app.close(second.aborted ? 0 : graceSeconds);
  app.log.info({}, "stopped");
}

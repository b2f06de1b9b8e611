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

/**
 * Resolves when SIGTERM or SIGINT came and the server has stopped: first it only sends callers elsewhere, then its port is
 * closed and what runs gets its grace. A second signal ends everything at once.
 */
export function stopOnSignal(app: Pick<App, "drain" | "close" | "log">, times: StopTimes): Promise<void> {
  return new Promise((resolve, reject) => {
    const second = new AbortController();
    let firstAt: number | undefined;
    const stop = (signal: NodeJS.Signals): void => {
      if (firstAt === undefined) {
        firstAt = performance.now();
        void stopInSteps(app, { ...times, signal, second: second.signal })
          .then(resolve, reject)
          .finally(() => process.off("SIGTERM", stop).off("SIGINT", stop));
      } else if (performance.now() - firstAt >= sameSignalMs && !second.signal.aborted) {
        app.log.warn({ signal }, "a second signal: what runs is ended now");
        second.abort();
      }
    };
    process.on("SIGTERM", stop).on("SIGINT", stop);
  });
}

interface Stopping extends StopTimes {
  signal: NodeJS.Signals;
  /** Aborted by the second signal. */
  second: AbortSignal;
}

async function stopInSteps(
  app: Pick<App, "drain" | "close" | "log">,
  { delaySeconds, graceSeconds, signal, second }: Stopping,
): Promise<void> {
  app.drain();
  if (delaySeconds > 0) {
    app.log.info({ signal, seconds: delaySeconds }, "stopping: /readyz is 503, everything is still served");
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

import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { TimeSlices } from "../../lib/time-slices.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Engine } from "../engine.ts";
import { defaultSequences, embeddedCapabilities } from "../llama/options.ts";
import { EngineClient } from "./client.ts";
import { connectTo, engineCommand, startProcess, type Connect, type ProcessJob } from "./link.ts";
import type { Heartbeat } from "./session.ts";

export interface ProcessEngineOptions {
  /** What sending long requests shares the event loop by. */
  slices?: TimeSlices | undefined;
  /** Gets a line when the model was loaded, and when the process ended unasked. */
  log?: Pick<Log, "info" | "warn"> | undefined;
  /** Path of a socket at which other servers find the engine too, in a folder of this user alone. */
  listen?: string | undefined;
  heartbeat?: Heartbeat | undefined;
}

/**
 * The embedded engine in a process of its own, which this process starts: with the first request or by `open`, and again
 * whenever it ends. Native code that fails takes only its own requests along.
 */
export function processEngine(engine: ProcessJob["engine"], options: ProcessEngineOptions): EngineClient {
  const { listen } = options;
  const command = engineCommand({ engine, listen });
  return clientOf(engine, options, async () => {
    if (listen !== undefined) {
      // where all sockets of the folder were gone, the last process removed it; a killed one left its socket
      await mkdir(dirname(listen), { recursive: true, mode: 0o700 });
      await rm(listen, { force: true });
    }
    return startProcess(command);
  });
}

/** The engine that another process has started with the path of this socket for `listen`. */
export function sharedEngine(
  engine: ProcessJob["engine"],
  socket: string,
  options: Omit<ProcessEngineOptions, "listen">,
): Engine {
  return clientOf(engine, options, (signal) => connectTo(socket, signal));
}

function clientOf(
  { temperature, contextSize, sequences = defaultSequences }: ProcessJob["engine"],
  { slices, log, heartbeat }: ProcessEngineOptions,
  connect: Connect,
): EngineClient {
  return new EngineClient({
    kind: "llama",
    temperature,
    capabilities: embeddedCapabilities(contextSize),
    slots: sequences,
    connect,
    slices,
    log,
    heartbeat,
  });
}

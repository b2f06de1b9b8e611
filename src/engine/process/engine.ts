import type { TimeSlices } from "../../lib/time-slices.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Engine } from "../engine.ts";
import { defaultSequences, embeddedCapabilities } from "../llama/settings.ts";
import { EngineClient } from "./client.ts";
import { engineCommand, startProcess, type Connect, type ProcessJob } from "./link.ts";
import type { Heartbeat } from "./session.ts";

export interface ProcessEngineOptions {
  /** What sending long requests shares the event loop by. */
  slices?: TimeSlices | undefined;
  /** Gets a line when the model was loaded, and when the process ended unasked. */
  log?: Pick<Log, "info" | "warn"> | undefined;
  heartbeat?: Heartbeat | undefined;
}

/**
 * The embedded engine in a process of its own, which this process starts: with the first request or by `open`, and again
 * whenever it ends. Native code that fails takes only its own requests along.
 */
export function processEngine(engine: ProcessJob["engine"], options: ProcessEngineOptions): Engine {
  const command = engineCommand({ engine });
  return clientOf(engine, options, async () => startProcess(command));
}

function clientOf(
  { temperature, contextSize, sequences = defaultSequences }: ProcessJob["engine"],
  { slices, log, heartbeat }: ProcessEngineOptions,
  connect: Connect,
): Engine {
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

import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Metrics } from "./metrics.ts";

const nanoseconds = 1e9;

/** The process itself: memory, start, delay of the event loop since the last reading. Returns how to stop. */
export function measureProcess(metrics: Metrics): () => void {
  const started = Date.now() / 1000 - process.uptime();
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  metrics.gauge("process_resident_memory_bytes", "Resident memory.", () => [[{}, process.memoryUsage.rss()]]);
  metrics.gauge("process_start_time_seconds", "Unix time of the start.", () => [[{}, started]]);
  metrics.gauge("parley_event_loop_delay_p99_seconds", "Delay of the event loop since the last reading.", () => {
    const p99 = delay.percentile(99) / nanoseconds;
    delay.reset();
    return [[{}, p99]];
  });
  return () => delay.disable();
}

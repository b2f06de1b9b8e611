import type { LogFormat } from "../telemetry/log.ts";
import { createLog, lastWords, type Log } from "../telemetry/log.ts";
import { failureOf } from "./command.ts";

/** Characters of a warning that are shown. */
const maxWarning = 500;

/** What Node itself would write on standard error goes through the log, for as long as the process runs. */
export function logProcess(log: Log): void {
  // Node's own listener prints it
  process.removeAllListeners("warning").on("warning", (warning: Error & { code?: string }) => {
    const { name, code, message } = warning;
    log.warn({ name, code, reason: message.slice(0, maxWarning) }, "warning of the runtime");
  });
  // rejections that were not handled come here too
  process.on("uncaughtException", (error) => {
    log.error({ err: error }, "a mistake of the server ends the process");
    process.exit(1);
  });
}

/** The last line of a server that did not start, in the form of its log whatever its level; returns the exit code. */
export function logFailedStart(thrown: unknown, format: LogFormat): number {
  const { exitCode, message } = failureOf(thrown);
  if (message !== undefined) createLog("error", lastWords(format)).error({}, message);
  return exitCode;
}

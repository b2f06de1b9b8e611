import { pino, type Logger } from "pino";

export type Log = Pick<Logger, "debug" | "info" | "warn" | "error">;
export type LogLevel = "silent" | "error" | "warn" | "info" | "debug";

/** Fields that never reach a log line, wherever they stand. */
const redacted = ["authorization", "apiKey", "key", "headers.authorization", "body", "messages", "input", "prompt"];

/**
 * Structured lines on standard error: standard output belongs to the commands. Callers pass ids, counts and kinds,
 * never prompt text; the redaction list is the second fence.
 */
export function createLog(level: LogLevel): Log {
  return pino(
    { level, base: null, redact: { paths: redacted, censor: "***" }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** For tests and libraries: says nothing. */
export const silentLog: Log = pino({ level: "silent" });

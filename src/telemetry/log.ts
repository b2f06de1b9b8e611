import { pino, type DestinationStream, type Logger } from "pino";
import { faultOf } from "./fault.ts";

export type Log = Pick<Logger, "debug" | "info" | "warn" | "error">;
export type LogLevel = "silent" | "error" | "warn" | "info" | "debug";

/** Fields of a line that are never shown. */
const redacted = ["authorization", "apiKey", "key", "headers.authorization", "body", "messages", "input", "prompt"];

/**
 * Structured lines on standard error: standard output belongs to the commands. Callers pass ids, counts and kinds,
 * never prompt text. Two fences stand behind them: an `err` is shown without its words (`fault.ts`), and fields that
 * could hold a secret or a prompt are covered.
 */
export function createLog(level: LogLevel, to: DestinationStream = standardError()): Log {
  return pino(
    {
      level,
      base: null,
      redact: { paths: redacted, censor: "***" },
      serializers: { err: (thrown: unknown) => faultOf(thrown) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    to,
  );
}

/** Characters that wait for a slow reader of the log; what comes then is lost. */
const maxQueuedBytes = 8 * 1024 * 1024;

/** A reader of the log that is slow or stuck must not hold up answers: lines wait in memory, and go out at the exit. */
function standardError(): DestinationStream {
  return pino.destination({ dest: 2, sync: false, maxLength: maxQueuedBytes });
}

/** For tests and libraries: says nothing. */
export const silentLog: Log = pino({ level: "silent" });

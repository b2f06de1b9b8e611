import { pino, type DestinationStream, type Logger } from "pino";
import { faultOf } from "./fault.ts";

export type Log = Pick<Logger, "debug" | "info" | "warn" | "error">;
export type LogLevel = "silent" | "error" | "warn" | "info" | "debug";

/** Fields of a line whose values are replaced. */
const redacted = ["authorization", "apiKey", "key", "headers.authorization", "body", "messages", "input", "prompt"];

/**
 * Structured lines on standard error: standard output belongs to the commands. Callers pass ids, counts and kinds,
 * never prompt text. Should one be passed all the same: an `err` is shown without its message (`fault.ts`), and the values
 * of fields that could hold a secret or a prompt are replaced.
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

/** Log lines that wait for a slow reader, in bytes; lines beyond it are lost. */
const maxQueuedBytes = 8 * 1024 * 1024;

/** A slow or stuck reader of the log must not delay answers: lines wait in memory, and are written at the exit. */
function standardError(): DestinationStream {
  return pino.destination({ dest: 2, sync: false, maxLength: maxQueuedBytes });
}

/** Logs nothing; for tests and for programs that embed the server. */
export const silentLog: Log = pino({ level: "silent" });

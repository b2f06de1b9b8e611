import { pino } from "pino";
import { faultOf } from "./fault.ts";
import { textLine } from "./log-text.ts";

/** Writes one line: fields and a message, or a message alone. */
export interface WriteLine {
  (fields: object, message?: string): void;
  (message: string): void;
}

export interface Log {
  debug: WriteLine;
  info: WriteLine;
  warn: WriteLine;
  error: WriteLine;
}

/** Takes lines as JSON, each with its newline. */
export interface LogDestination {
  write(line: string): void;
}

export type LogLevel = "silent" | "error" | "warn" | "info" | "debug";

/** Fields of a line whose values are replaced. */
const redacted = ["authorization", "apiKey", "key", "headers.authorization", "body", "messages", "input", "prompt"];

/**
 * Structured lines on standard error: standard output belongs to the commands. Callers pass ids, counts and kinds,
 * never prompt text. Should one be passed all the same: an `err` is shown without its message (`fault.ts`), and the values
 * of fields that could hold a secret or a prompt are replaced. `fields` stand in every line.
 */
export function createLog(level: LogLevel, to: LogDestination = standardError(), fields: object | null = null): Log {
  return pino(
    {
      level,
      base: fields,
      redact: { paths: redacted, censor: "***" },
      serializers: { err: (thrown: unknown) => faultOf(thrown) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    to,
  );
}

/** How lines are written: as JSON, as text for people, or as what fits the place where they appear. */
export type LogFormat = "auto" | "text" | "json";

/** Where lines go by default: standard error, as text on a terminal and as JSON elsewhere. */
export function logDestination(format: LogFormat, to: LogDestination = standardError()): LogDestination {
  const isText = format === "text" || (format === "auto" && process.stderr.isTTY);
  return isText ? { write: (line) => to.write(textLine(line)) } : to;
}

/** A destination for the last words of a process, written before it ends. */
export function lastWords(format: LogFormat): LogDestination {
  return logDestination(format, pino.destination({ dest: 2, sync: true }));
}

/** Log lines that wait for a slow reader, in bytes; lines beyond it are lost. */
const maxQueuedBytes = 8 * 1024 * 1024;

/** A slow or stuck reader of the log must not delay answers: lines wait in memory, and are written at the exit. */
function standardError(): LogDestination {
  return pino.destination({ dest: 2, sync: false, maxLength: maxQueuedBytes });
}

/** Logs nothing; for tests and for programs that embed the server. */
export const silentLog: Log = pino({ level: "silent" });

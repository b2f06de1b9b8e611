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
      timestamp: isoTime(),
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

/** How long a line waits for others, in milliseconds, and how many characters wait at most. */
const batchMs = 50;
const maxBatchChars = 8 * 1024;

/**
 * Gathers lines, so that a busy server writes some hundred requests at once instead of making a system call for each. What waits
 * at the exit is written then.
 */
class LineBatch implements LogDestination {
  // fixed at birth
  private readonly to: LogDestination;
  /** Writes what waits when the process ends, after all that `to` still holds. */
  private readonly atExit: () => void;
  // changed by events
  private waiting = "";
  /** Runs while a line waits. */
  private timer: NodeJS.Timeout | undefined;

  /** `last`: written to at the exit, at once. */
  constructor(to: LogDestination, last: () => LogDestination) {
    this.to = to;
    this.atExit = () => last().write(this.take());
  }

  write(line: string): void {
    if (this.timer === undefined) {
      process.once("exit", this.atExit);
      this.timer = setTimeout(() => this.to.write(this.take()), batchMs).unref();
    }
    this.waiting += line;
    if (this.waiting.length >= maxBatchChars) this.to.write(this.take());
  }

  private take(): string {
    const taken = this.waiting;
    this.waiting = "";
    clearTimeout(this.timer);
    this.timer = undefined;
    process.off("exit", this.atExit);
    return taken;
  }
}

/** A slow or stuck reader of the log must not delay answers: lines wait in memory, and are written at the exit. */
function standardError(): LogDestination {
  const to = pino.destination({ dest: 2, sync: false, maxLength: maxQueuedBytes });
  return new LineBatch(to, () => pino.destination({ dest: 2, sync: true }));
}

/** The time as `pino.stdTimeFunctions.isoTime` writes it; the text up to the second is made once for each second. */
function isoTime(): () => string {
  let second = Number.NaN;
  let begin = "";
  return () => {
    const now = Date.now();
    const at = Math.floor(now / 1000);
    if (at !== second) {
      second = at;
      begin = `,"time":"${new Date(at * 1000).toISOString().slice(0, -4)}`;
    }
    return `${begin}${String(now - at * 1000).padStart(3, "0")}Z"`;
  };
}

/** Logs nothing; for tests and for programs that embed the server. */
export const silentLog: Log = pino({ level: "silent" });

import { createParser } from "eventsource-parser";
import { ParleyError } from "../../../model/error.ts";
import { isObject, parseJson } from "../../../model/json.ts";

/** Characters of one unfinished event. */
const maxEventChars = 32 * 1024 * 1024;

/** A line that names its event `error`. */
const errorName = /^event:[ \t]*error\s*$/;

/** Texts at the beginning of a line for which more has to arrive before it is known what kind of line it is. */
const undecidedStart = /^(?:e|er|err|erro|error|ev|eve|even|event|event:[^\n]{0,64}|\r)$/;

/**
 * Server-sent events out of network reads: bytes in pieces of any size, the data of each event out. Reads more than the
 * standard (https://html.spec.whatwg.org/multipage/server-sent-events.html), because some servers leave out the blank
 * line between events or after the last one, and llama-server reports errors in lines that begin with `error:`. The data
 * of an `event: error` is handed out in a form that is read as an error, whatever it is.
 *
 * The parser is given each line as an event of its own; lines that are one event are put together here. Throws
 * `upstream` at an event of more than 32 Mi characters.
 */
export class SseReader {
  // fixed at birth
  private readonly onData: (data: string) => void;
  private readonly decoder = new TextDecoder();
  private readonly parser = createParser({
    maxBufferSize: maxEventChars,
    onEvent: ({ data }) => this.line(data),
    onError: ({ type }) => {
      if (type === "max-buffer-size-exceeded") throw tooLong();
    },
  });
  // changed by events
  /** The parser has the beginning of the line that is read. */
  private insideLine = false;
  /** The line that is read began with `error:`. */
  private errorLine = false;
  /** Beginning of a line that the parser was not given yet. */
  private undecided = "";
  /** Data of the event that is read; set by `line`. */
  private pending = "";
  /** The event that is read is named `error`; set by `endLine`. */
  private errorEvent = false;
  /** Lines that `pending` was put together from. */
  private pendingLines = 0;

  constructor(onData: (data: string) => void) {
    this.onData = onData;
  }

  feed(bytes: Uint8Array): void {
    this.read(this.decoder.decode(bytes, { stream: true }));
  }

  /** The connection ended; hands out what was left. */
  end(): void {
    this.read(`${this.decoder.decode()}\n`);
    this.dispatch();
  }

  private read(piece: string): void {
    const text = this.undecided + piece;
    this.undecided = "";
    let start = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
      this.endLine(text.slice(start, end + 1));
      start = end + 1;
    }
    if (start === text.length) return;
    const rest = text.slice(start);
    if (!this.insideLine && undecidedStart.test(rest)) this.undecided = rest;
    else this.parser.feed(this.begun(rest));
  }

  private endLine(rest: string): void {
    if (!this.insideLine && (rest === "\n" || rest === "\r\n")) this.dispatch();
    else if (!this.insideLine && errorName.test(rest)) this.beginError();
    // the second newline makes the line an event
    else this.parser.feed(`${this.begun(rest)}\n`);
    this.insideLine = false;
    this.errorLine = false;
  }

  /** Text for the parser; lines that begin with `error:` go through it as data. */
  private begun(text: string): string {
    if (this.insideLine) return text;
    this.insideLine = true;
    this.errorLine = text.startsWith("error:");
    return this.errorLine ? `data:${text.slice(6)}` : text;
  }

  private line(line: string): void {
    const data = this.errorLine ? `{"error":${line.trim() || "null"}}` : line;
    if (this.pendingLines === 1 && standsAlone(this.pending)) this.dispatch();
    this.pending = this.pending === "" ? data : `${this.pending}\n${data}`;
    if (this.pending !== "") this.pendingLines += 1;
    if (this.pending.length > maxEventChars) throw tooLong();
  }

  private beginError(): void {
    if (this.pendingLines === 1 && standsAlone(this.pending)) this.dispatch();
    this.errorEvent = true;
  }

  private dispatch(): void {
    const { pending: data, errorEvent } = this;
    this.pending = "";
    this.pendingLines = 0;
    this.errorEvent = false;
    if (errorEvent) this.onData(errorData(data));
    else if (data !== "") this.onData(data);
  }
}

/** Data of an `event: error` as an object with an `error` member. */
function errorData(data: string): string {
  const value = parseJson(data);
  if (isObject(value) && ["error", "detail", "base_resp"].some((member) => (value[member] ?? "") !== "")) return data;
  return JSON.stringify({ error: isObject(value) ? value : { message: data } });
}

function tooLong(): ParleyError {
  return new ParleyError("upstream", "the upstream sent an event without end");
}

/** Whether a line of data is an event by itself although no blank line followed. */
function standsAlone(data: string): boolean {
  if (data === "[DONE]") return true;
  try {
    JSON.parse(data);
    return true;
  } catch {
    return false;
  }
}

import { ParleyError } from "../../../model/error.ts";
import { isObject, parseJson } from "../../../model/json.ts";

/** Characters of one line, and of one event, which is read in one go: more than a model writes between two events. */
const maxEventChars = 2 * 1024 * 1024;

/**
 * Server-sent events out of network reads: bytes in pieces of any size, the data of each event out. Reads more than the
 * standard (https://html.spec.whatwg.org/multipage/server-sent-events.html), because some servers leave out the blank
 * line between events or after the last one, and llama-server reports errors in lines that begin with `error:`. The data
 * of an `event: error` is handed out in a form that is read as an error, whatever it is. NUL characters before a line are
 * padding. Linear in what is read. Throws `upstream` at a line or an event of more than 2 Mi characters.
 */
export class SseReader {
  // fixed at birth
  private readonly onData: (data: string) => void;
  private readonly decoder = new TextDecoder();
  private readonly lineEnd = /\r\n|[\r\n]/g;
  // changed by events
  /** The beginning of the line that is read, in pieces. */
  private begun: string[] = [];
  /** Their characters. */
  private begunChars = 0;
  /** The last piece ended with a carriage return: a newline that follows belongs to it. */
  private afterReturn = false;
  /** Lines of data of the event that is read; filled by `data`. */
  private pending: string[] = [];
  /** Their characters, with a newline behind each. */
  private pendingChars = 0;
  /** The event that is read is named `error`; set by `line`. */
  private errorEvent = false;

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
    if (piece === "") return;
    let start = this.afterReturn && piece.startsWith("\n") ? 1 : 0;
    this.afterReturn = piece.endsWith("\r");
    if (piece.includes("\r")) start = this.linesOfAnyEnd(piece, start);
    else {
      for (let end = piece.indexOf("\n", start); end >= 0; end = piece.indexOf("\n", start)) {
        this.complete(piece.slice(start, end));
        start = end + 1;
      }
    }
    if (start < piece.length) this.gather(piece.slice(start));
  }

  /** Reads the lines that end in a piece, from `start`; returns where the last one ends. */
  private linesOfAnyEnd(piece: string, start: number): number {
    const { lineEnd } = this;
    let from = start;
    lineEnd.lastIndex = from;
    for (let end = lineEnd.exec(piece); end !== null; end = lineEnd.exec(piece)) {
      this.complete(piece.slice(from, end.index));
      from = lineEnd.lastIndex;
    }
    return from;
  }

  /** The line that was begun ends with this part of it. */
  private complete(part: string): void {
    if (this.begunChars === 0 && part.length <= maxEventChars) return this.line(part);
    this.gather(part);
    const line = this.begun.join("");
    this.begun = [];
    this.begunChars = 0;
    this.line(line);
  }

  private gather(part: string): void {
    this.begunChars += part.length;
    if (this.begunChars > maxEventChars) throw tooLong();
    this.begun.push(part);
  }

  private line(padded: string): void {
    if (padded === "") return this.dispatch();
    const line = padded.charCodeAt(0) === 0 ? padded.replace(/^\0+/, "") : padded;
    if (line === "") return;
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") this.data(value);
    else if (name === "error" && colon > 0) this.data(`{"error":${value.trim() || "null"}}`);
    else if (name === "event" && value.trim() === "error") {
      this.endAlone();
      this.errorEvent = true;
    }
  }

  private data(data: string): void {
    this.endAlone();
    if (data === "" && this.pending.length === 0) return;
    this.pending.push(data);
    this.pendingChars += data.length + 1;
    if (this.pendingChars > maxEventChars) throw tooLong();
  }

  /** Hands out an event that no blank line ended, where its only line is one by itself. */
  private endAlone(): void {
    const [only] = this.pending;
    if (this.pending.length === 1 && only !== undefined && standsAlone(only)) this.dispatch();
  }

  private dispatch(): void {
    const { errorEvent } = this;
    const [first = ""] = this.pending;
    const data = this.pending.length < 2 ? first : this.pending.join("\n");
    this.pending = [];
    this.pendingChars = 0;
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

import { ParleyError } from "../../../model/error.ts";

/** Characters of one unfinished event; more than any answer of a sane server. */
const longest = 32 * 1024 * 1024;

/**
 * Server-sent events out of network reads: bytes in pieces of any size, the data of each event out. Written for speed
 * (one search per line, no copies) and for the sloppy: events without a blank line between them, a last event without
 * its end, llama-server's `error:` lines.
 */
export class SseReader {
  // fixed at birth
  private readonly onData: (data: string) => void;
  private readonly decoder = new TextDecoder();
  // changed by events
  private rest = "";
  private pending = "";

  constructor(onData: (data: string) => void) {
    this.onData = onData;
  }

  feed(bytes: Uint8Array): void {
    const searched = this.rest.length;
    const text = this.rest + this.decoder.decode(bytes, { stream: true });
    let start = 0;
    for (let at = text.indexOf("\n", searched); at !== -1; at = text.indexOf("\n", start)) {
      this.line(text.slice(start, text.charCodeAt(at - 1) === 13 && at > start ? at - 1 : at));
      start = at + 1;
    }
    this.rest = start === 0 ? text : text.slice(start);
    if (this.rest.length + this.pending.length > longest) {
      throw new ParleyError("upstream", "the upstream sent an event without end");
    }
  }

  /** The connection ended; hands out what was left. */
  end(): void {
    const last = this.rest + this.decoder.decode();
    this.rest = "";
    if (last !== "") this.line(last.endsWith("\r") ? last.slice(0, -1) : last);
    this.dispatch();
  }

  private line(line: string): void {
    if (line === "") this.dispatch();
    else if (line.startsWith("data:")) this.data(line.slice(line.charCodeAt(5) === 32 ? 6 : 5));
    else if (line.startsWith("error:")) this.data(`{"error":${line.slice(6).trim() || "null"}}`);
  }

  private data(data: string): void {
    if (this.pending === "") this.pending = data;
    else if (standsAlone(this.pending)) {
      this.dispatch();
      this.pending = data;
    } else this.pending += `\n${data}`;
  }

  private dispatch(): void {
    if (this.pending === "") return;
    const data = this.pending;
    this.pending = "";
    this.onData(data);
  }
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

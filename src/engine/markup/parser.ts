import type { EventSink } from "../../model/event-builder.ts";
import type { CallReader } from "./call-reader.ts";
import { CodeSpan } from "./code-span.ts";
import { Cursor } from "./cursor.ts";
import { JsonReader } from "./json.ts";
import { M2Reader } from "./m2.ts";
import { M3Reader } from "./m3.ts";
import type { CallMarkup, MarkupOptions, MarkupParser } from "./markup.ts";
import { type Hit, literal, Pattern, PatternSet } from "./pattern.ts";

const readers: Readonly<Record<CallMarkup, (options: MarkupOptions) => CallReader | undefined>> = {
  m2: (options) => new M2Reader(options),
  m3: (options) => new M3Reader(options),
  json: (options) => new JsonReader(options),
  none: () => undefined,
};

/**
 * The parser for one answer. Rules that are not in the formats themselves:
 * - A tag owns one newline on each side of it; all other white space is the model's. Text between tags that is only
 *   white space is dropped.
 * - Reasoning that is never closed stays reasoning. A closing tag counts inside reasoning, and is dropped where it is the
 *   very first thing (turns without reasoning, chat_template.jinja of MiniMax-M3, 2026-06); elsewhere it is text.
 * - An opening tag counts anywhere in the answer outside Markdown code; inside reasoning only where it repeats what the
 *   prompt has already opened.
 * - Calls inside reasoning are calls, and the reasoning goes on behind them.
 * - Tags of calls count in prose; in code only where the tool is declared (any tool, where the tag does not name it).
 * - A call that has no closing tag at the end of the text keeps its arguments as they were, which is never valid JSON; a
 *   value whose kind is not yet certain is left out with its key. It is a fault unless the token limit truncated it.
 */
export function markupParser(options: MarkupOptions): MarkupParser {
  return new Parser(options, readers[options.calls](options));
}

class Parser implements MarkupParser {
  // fixed at birth
  private readonly reader: CallReader | undefined;
  private readonly tools: ReadonlySet<string>;
  private readonly marks: PatternSet;
  private readonly callMarks: PatternSet;
  // changed by events
  private readonly cursor = new Cursor();
  private readonly code = new CodeSpan();
  /** What the text being read is. */
  private state: "text" | "reasoning" | "call" = "text";
  /** What goes on behind the block that is being read. */
  private outer: "text" | "reasoning" = "text";
  /** Some tag or block was seen. */
  private marked = false;
  /** Since the last tag there was only white space, kept in `gap`. */
  private onlySpace = true;
  /** That white space; dropped when another tag follows. */
  private gap = "";
  /** The gap before the block that is being read, and the calls made before it: it may be no block after all. */
  private before = { gap: "", calls: 0 };
  /** The newline of the tag just read is still to come. */
  private newlineDue: boolean;
  /** No more text comes: what only begins like a tag is text. */
  private final = false;

  constructor(options: MarkupOptions, reader: CallReader | undefined) {
    this.reader = reader;
    this.tools = new Set(options.tools.map((tool) => tool.name));
    const { tags, startsInside } = options.think;
    const open = tags.map((tag) => new Pattern("open", ["\\n?", ...literal(`<${tag}>`)]));
    const close = tags.map((tag) => new Pattern("close", ["\\n?", ...literal(`</${tag}>`)]));
    this.marks = new PatternSet([...open, ...close, ...(reader?.openers ?? []), ...(reader?.strays ?? [])], "\\n<\\]");
    this.callMarks = new PatternSet(reader?.openers ?? [], "\\n<\\]");
    if (startsInside) this.state = "reasoning";
    this.newlineDue = startsInside;
  }

  get fault(): string | undefined {
    return this.reader?.fault;
  }

  feed(text: string, out: EventSink): void {
    this.cursor.push(text);
    this.run(out);
  }

  end(out: EventSink, truncated: boolean): void {
    this.cursor.finish();
    this.run(out);
    if (this.state === "call") {
      const prose = this.reader?.end(this.cursor, out, truncated) ?? "";
      this.cursor.takeAll();
      this.leaveCall(truncated ? "" : prose, out);
    }
    // the limit fell between a block's opening tag and its first call's name: that tag is no text
    if (truncated && this.callMarks.here(this.cursor) === "partial" && this.cursor.text.includes(">", this.cursor.at)) {
      this.cursor.takeAll();
    }
    this.final = true;
    this.run(out);
    if (!this.marked) this.emit(this.gap, out);
    out.close();
  }

  private run(out: EventSink): void {
    while (this.state === "call" ? this.call(out) : this.prose(out));
  }

  private call(out: EventSink): boolean {
    const prose = this.reader?.read(this.cursor, out);
    if (prose === undefined) return false;
    this.leaveCall(prose, out);
    return true;
  }

  private leaveCall(prose: string, out: EventSink): void {
    this.state = this.outer;
    this.newlineDue = prose === "";
    const { gap, calls } = this.before;
    this.write(prose === "" || out.callCount > calls ? prose : gap + prose, out);
  }

  private prose(out: EventSink): boolean {
    if (this.newlineDue) {
      if (this.cursor.empty) return false;
      if (this.cursor.peek() === "\n") this.cursor.at += 1;
      this.newlineDue = false;
    }
    const { plain, hit } = this.marks.seek(this.cursor, this.final);
    this.write(plain, out);
    if (hit === undefined) return false;
    if (!this.counts(hit, out)) this.write(this.cursor.take(1), out);
    else this.pass(hit, out);
    return true;
  }

  /** Whether the tag means something here, or is text that looks like one. */
  private counts(hit: Hit, out: EventSink): boolean {
    const first = !this.marked && this.onlySpace;
    const inCode = this.state === "text" && this.code.holds(this.cursor.peek());
    switch (hit.kind) {
      case "open":
        return this.state === "text" ? !inCode : first;
      case "close":
        return this.state === "reasoning" || first;
      case "call":
        return !inCode || (hit.name === "" ? this.tools.size > 0 : this.tools.has(hit.name));
      default:
        return !inCode && (this.reader?.straysAlways === true || out.callCount > 0);
    }
  }

  private pass(hit: Hit, out: EventSink): void {
    const tag = this.cursor.take(hit.length);
    if (hit.kind === "stray") return;
    out.close();
    this.before = { gap: this.gap, calls: out.callCount };
    this.marked = true;
    this.onlySpace = true;
    this.gap = "";
    this.newlineDue = hit.kind !== "call";
    if (hit.kind === "call") {
      this.outer = this.state === "reasoning" ? "reasoning" : "text";
      this.state = "call";
      this.reader?.begin(tag);
    } else this.state = hit.kind === "open" ? "reasoning" : "text";
  }

  private write(text: string, out: EventSink): void {
    if (text === "") return;
    if (this.state === "text") this.code.observe(text);
    if (!this.onlySpace) return this.emit(text, out);
    this.gap += text;
    if (!/\S/.test(text)) return;
    this.onlySpace = false;
    this.emit(this.gap, out);
    this.gap = "";
  }

  private emit(text: string, out: EventSink): void {
    if (this.state === "reasoning") out.reasoning(text);
    else out.text(text);
  }
}

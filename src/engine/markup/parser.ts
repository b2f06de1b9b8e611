import type { EventSink } from "../../model/event-builder.ts";
import { brokenOpening, type CallReader } from "./call-reader.ts";
import { CodeSpan } from "./code-span.ts";
import { Cursor } from "./cursor.ts";
import { JsonReader } from "./json.ts";
import { M2Reader } from "./m2.ts";
import { M3Reader } from "./m3.ts";
import type { CallMarkup, MarkupOptions, MarkupParser } from "./markup.ts";
import { MarkSource, type Marks } from "./marks.ts";
import type { Hit, PatternSet } from "./pattern.ts";

/** All forms that the vendor's models have been seen to write, each under the name of any. */
function vendorReaders(options: MarkupOptions): readonly CallReader[] {
  return [
    // where a block of M2 holds arguments of M3, the first reader takes it
    new M3Reader(options),
    new M2Reader(options),
    new JsonReader(options, "declared"),
  ];
}

/** How the opening of a call begins. */
const opening = /^\n?(?:\]<\]|<minimax:|<tool_call|<invoke)/;
/** As much of it as shows that it is one. */
const cutOpening = /^\n?(?:\]<\]minimax\[>\[\s*<[^/]|<minimax:tool_call|<tool_call|<invoke\s)/;
/** How a tag of M3 begins. */
const cutTag = /^\n?\]<\]minimax\[>\[\s*</;

const readersOf: Readonly<Record<CallMarkup, (options: MarkupOptions) => readonly CallReader[]>> = {
  m2: vendorReaders,
  m3: vendorReaders,
  json: (options) => [new JsonReader(options, "any")],
  none: () => [],
};

/**
 * The parser for one answer. Rules that are not in the formats themselves:
 * - A tag owns one newline on each side of it; all other white space is the model's. Text between tags that is only
 *   white space is dropped.
 * - Reasoning that is never closed stays reasoning. A closing tag counts inside reasoning, and is dropped where it is the
 *   first thing, or behind another tag (turns without reasoning, chat_template.jinja of MiniMax-M3, 2026-06), or alone on
 *   its line; `</mm:think>`, one token of M3, is dropped anywhere. Where its opening tag was text it is text too.
 * - An opening tag counts at the start of a line outside Markdown code, and only as the very first thing where reasoning
 *   comes in a field of its own; inside reasoning only where it repeats what the prompt has already opened.
 * - Calls inside reasoning are calls, and the reasoning goes on behind them.
 * - Where no tool is declared nothing is a call: markup that the model quotes is text. Else tags of calls count in prose,
 *   in code only where the tool is declared (any tool, where the tag does not name it).
 * - A call that has no closing tag at the end of the text keeps its arguments as they were, which is never valid JSON; a
 *   value whose kind is not yet certain is left out with its key. It is a fault unless the token limit truncated it.
 */
export function markupParser(options: MarkupOptions): MarkupParser {
  const calls = options.tools.length === 0 ? "none" : options.calls;
  const readers = readersOf[calls](options);
  const { marks = new MarkSource() } = options;
  return new Parser(options, readers, marks.of(options.think.tags, calls, readers));
}

class Parser implements MarkupParser {
  // fixed at birth
  private readonly options: MarkupOptions;
  private readonly readers: readonly CallReader[];
  private readonly tools: ReadonlySet<string>;
  private readonly marks: Marks;
  // changed by events
  private readonly cursor = new Cursor();
  private readonly code = new CodeSpan();
  /** What the text being read is. */
  private state: "text" | "reasoning" | "call" = "text";
  /** Reads the block that the state `call` is in. */
  private reader: CallReader | undefined;
  /** Since the last line break or tag there was only white space. */
  private lineBlank = true;
  /** Opening tags, by name, that were text and whose closing tags have not come. */
  private readonly quoted = new Map<string, number>();
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
  /** Set by `end`: the text ends in a call that has no name. */
  private openingFault: string | undefined;

  constructor(options: MarkupOptions, readers: readonly CallReader[], marks: Marks) {
    this.options = options;
    this.readers = readers;
    this.marks = marks;
    this.tools = new Set(options.tools.map((tool) => tool.name));
    const { startsInside } = options.think;
    if (startsInside) this.state = "reasoning";
    this.newlineDue = startsInside;
  }

  get fault(): string | undefined {
    return this.readers.find((reader) => reader.fault !== undefined)?.fault ?? this.openingFault;
  }

  feed(text: string, out: EventSink): void {
    this.cursor.push(text);
    this.run(out);
  }

  end(out: EventSink, truncated: boolean): void {
    this.cursor.finish();
    this.run(out);
    if (this.state !== "call") this.dropCutTag(truncated);
    this.final = true;
    this.run(out);
    if (this.state === "call") {
      const prose = this.reader?.end(this.cursor, out, truncated) ?? "";
      this.cursor.takeAll();
      this.leaveCall(truncated ? "" : prose, out);
    }
    if (!this.marked) this.emit(this.gap, out);
    out.close();
  }

  /**
   * Text that ends inside a tag of a call does not show it: not the opening of a call that has no name yet, which is a
   * fault where the limit did not truncate it, and no tag of M3. In code they are text, but for a truncated opening.
   */
  private dropCutTag(truncated: boolean): void {
    const inCode = this.state === "text" && this.code.holds(this.cursor.peek());
    const opens = (truncated || !inCode) && this.endsInOpening(truncated ? opening : cutOpening);
    const cut = this.readers.length > 0 && !inCode && cutTag.test(this.rest);
    if (opens || cut) this.cursor.takeAll();
    if (opens && !truncated) this.openingFault = brokenOpening;
  }

  private endsInOpening(form: RegExp): boolean {
    const { cursor } = this;
    if (!form.test(this.rest)) return false;
    const begins = (marks: PatternSet): boolean =>
      marks.here(cursor) === "partial" && marks.here(cursor, true) === undefined;
    return begins(this.marks.calls) || (this.atLineStart() && this.mayBeDeclared() && begins(this.marks.bare));
  }

  /** Whether the name that the unread text begins, if any, may become that of a tool. */
  private mayBeDeclared(): boolean {
    const begun = /<invoke\s+name\s*=\s*["']?([^"'<>\n]*)/.exec(this.rest)?.[1] ?? "";
    return [...this.tools].some((name) => name.startsWith(begun.trim()));
  }

  /** The text that is not read yet. */
  private get rest(): string {
    return this.cursor.text.slice(this.cursor.at);
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
    const { plain, hit } = this.marks.all.seek(this.cursor, this.final);
    this.write(plain, out);
    if (hit === undefined) return false;
    const closes = hit.kind === "close" && this.state === "text" && !this.onlySpace;
    if (closes && this.undecided(hit)) return false;
    if (!this.counts(hit, out)) this.write(this.cursor.take(1), out);
    else if (closes) this.dropClosing(hit, out);
    else this.pass(hit, out);
    return true;
  }

  /** Whether it is not clear yet that the tag stands alone on its line. */
  private undecided(hit: Hit): boolean {
    return !this.final && this.atLineStart() && /^[ \t]{0,64}$/.test(this.behind(hit));
  }

  private behind(hit: Hit): string {
    return this.cursor.text.slice(this.cursor.at + hit.length, this.cursor.at + hit.length + 65);
  }

  private atLineStart(): boolean {
    return this.lineBlank || this.cursor.peek() === "\n";
  }

  /** A closing tag in text that closes nothing: of the line breaks around it one stays. */
  private dropClosing(hit: Hit, out: EventSink): void {
    if (!this.cursor.take(hit.length).startsWith("\n")) return;
    this.write("\n", out);
    this.newlineDue = true;
  }

  private opensReasoning(hit: Hit, first: boolean): boolean {
    const elsewhere = this.options.reasoningElsewhere?.() === true;
    if (first || (!elsewhere && this.atLineStart())) return true;
    const tag = this.tagOf(hit);
    this.quoted.set(tag, (this.quoted.get(tag) ?? 0) + 1);
    return false;
  }

  private isLoneClosing(hit: Hit): boolean {
    if (this.onlySpace) return true;
    const tag = this.tagOf(hit);
    const quoted = this.quoted.get(tag) ?? 0;
    if (quoted > 0) this.quoted.set(tag, quoted - 1);
    if (quoted > 0) return false;
    return tag === "mm:think" || (this.atLineStart() && /^[ \t]*(?:\n|$)/.test(this.behind(hit)));
  }

  private tagOf(hit: Hit): string {
    return this.cursor.text.slice(this.cursor.at, this.cursor.at + hit.length).replace(/[\n<>/]/g, "");
  }

  /** Whether the tag means something here, or is text that looks like one. */
  private counts(hit: Hit, out: EventSink): boolean {
    const first = !this.marked && this.onlySpace;
    const inCode = this.state === "text" && this.code.holds(this.cursor.peek());
    switch (hit.kind) {
      case "open":
        if (this.state !== "text") return first;
        return !inCode && this.opensReasoning(hit, first);
      case "close":
        return this.state === "reasoning" || first || (!inCode && this.isLoneClosing(hit));
      case "bare":
        return (
          !inCode && this.atLineStart() && (hit.name === "" ? this.tools.size > 0 : this.tools.has(hit.name.trim()))
        );
      case "call":
        return !inCode || (hit.name === "" ? this.tools.size > 0 : this.tools.has(hit.name));
      case "block":
      case "token":
        return !inCode;
      default:
        return !inCode && out.callCount > 0;
    }
  }

  private pass(hit: Hit, out: EventSink): void {
    const tag = this.cursor.take(hit.length);
    if (hit.kind === "stray" || hit.kind === "token") return;
    out.close();
    this.before = { gap: this.gap, calls: out.callCount };
    this.marked = true;
    this.onlySpace = true;
    this.gap = "";
    this.lineBlank = true;
    const reader = this.readers.find(({ openers }) => openers.includes(hit.pattern));
    this.newlineDue = reader === undefined;
    if (reader !== undefined) {
      this.outer = this.state === "reasoning" ? "reasoning" : "text";
      this.state = "call";
      this.reader = reader;
      reader.begin(tag);
    } else this.state = hit.kind === "open" ? "reasoning" : "text";
  }

  private write(text: string, out: EventSink): void {
    if (text === "") return;
    if (this.state === "text") this.code.observe(text);
    const line = text.lastIndexOf("\n") + 1;
    this.lineBlank = (line > 0 || this.lineBlank) && !/\S/.test(text.slice(line));
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

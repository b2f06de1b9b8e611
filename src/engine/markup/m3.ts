import type { EventSink } from "../../model/event-builder.ts";
import { ArgumentWriter } from "./argument-writer.ts";
import { brokenOff, type CallReader } from "./call-reader.ts";
import type { Cursor } from "./cursor.ts";
import type { MarkupOptions } from "./markup.ts";
import { type Hit, literal, namedTag, Pattern, PatternSet } from "./pattern.ts";
import { type Shape, shapeOf } from "./shape.ts";
import { TypedValue } from "./typed-value.ts";

const space = "\\s{0,64}";
/** Stands before every structural tag; spaces between the two are tolerated, as by SGLang's minimax_m3 parser. */
const token = [...literal("]<]minimax[>["), "\\s{0,16}"];
/** The patterns of one way to write tags. */
function grammarOf(lead: readonly string[], first: string, name: string) {
  const invokeTag = [...lead, ...namedTag("invoke")];
  const openTag = [...lead, "<", `(${name})`, ">"];
  const closeTag = [...lead, "<", "\\/", "([^<>\\n]{1,256})", ">"];
  const invoke = new Pattern("invoke", invokeTag);
  const open = new Pattern("open", openTag);
  const close = new Pattern("close", closeTag);
  return {
    invokeTag,
    betweenInvokes: new PatternSet([invoke, close], first),
    insideContainer: new PatternSet([invoke, open, close], first),
    insideValue: new PatternSet([close], first),
    /** What shows that a value is no text: tags in it, or nothing at all. */
    atValue: new PatternSet(
      [new Pattern("open", [], [space, ...openTag]), new Pattern("close", [], [space, ...closeTag])],
      "",
    ),
  };
}

/** `bare`: as servers hand it on that drop special tokens. */
const grammars = {
  marked: grammarOf(token, "\\]", "[^<>/\\n][^<>\\n]{0,255}"),
  bare: grammarOf([], "<", "[^<>/\\s=\"'!?][^<>\\s=\"']{0,255}"),
};

const marker = [...token, ...literal("<tool_call>")];
const bareCall = [...grammars.bare.invokeTag, space, "<", "[^<>/\\s=\"'!?]", "[^<>\\s=\"']{0,255}", ">"];
const openersOf = {
  marked: [
    new Pattern("call", ["\\n?", ...marker], [space, ...grammars.marked.invokeTag]),
    new Pattern("call", ["\\n?"], grammars.marked.invokeTag),
  ],
  bare: [
    new Pattern("call", ["\\n?", ...marker], [space, ...bareCall]),
    new Pattern("bare", ["\\n?", ...literal("<tool_call>")], [space, ...bareCall]),
    new Pattern("bare", ["\\n?"], bareCall),
  ],
};
const straysOf = {
  marked: [new Pattern("stray", [...token, "<", "[^<>\\n]{1,256}", ">"]), new Pattern("stray", [...token])],
  bare: [new Pattern("stray", literal("</tool_call>")), new Pattern("stray", literal("</invoke>"))],
};
const blocks: ReadonlySet<string> = new Set(["tool_call", "minimax:tool_call"]);

/** One open tag: of a container, of text, or of what is not decided yet. */
interface Frame {
  name: string;
  kind: "undecided" | "object" | "array" | "value";
  shape: Shape;
  value: TypedValue;
  /** Elements so far. */
  count: number;
}

/**
 * Tool calls of M3: the namespace token before each tag, parameters named by their tags, objects as nested tags, arrays
 * as repeated `<item>` (chat_template.jinja of MiniMax-M3, 2026-06). What a tag holds is decided by what comes first in it and by the schema.
 */
export class M3Reader implements CallReader {
  // fixed at birth
  readonly openers: readonly Pattern[];
  readonly strays: readonly Pattern[];
  /** The namespace token is one special token of the model and never prose. */
  readonly straysAlways: boolean;
  private readonly options: MarkupOptions;
  private readonly form: "marked" | "bare";
  // changed by events
  /** Set by `end`. */
  fault: string | undefined;
  /** The tool of the open call. */
  private tool = "";
  private writer = new ArgumentWriter();
  /** Empty between invokes; the first is the invoke itself. */
  private stack: Frame[] = [];

  constructor(options: MarkupOptions, form: "marked" | "bare") {
    this.options = options;
    this.form = form;
    this.openers = openersOf[form];
    this.strays = straysOf[form];
    this.straysAlways = form === "marked";
  }

  begin(): void {
    this.stack = [];
  }

  read(cursor: Cursor, out: EventSink): string | undefined {
    let over: boolean | undefined = false;
    while (over === false) over = this.step(cursor, out);
    if (this.stack.length > 0) out.callDelta(this.writer.take());
    return over === true ? "" : undefined;
  }

  end(cursor: Cursor, out: EventSink, truncated: boolean): string {
    const top = this.stack.at(-1);
    if (top === undefined) return "";
    if (top.kind === "value") {
      const rest = cursor.takeAll();
      // what is held back is a truncated closing tag, or only looks like its beginning
      if (!/^\]?</.test(rest)) top.value.feed(rest);
      top.value.breakOff();
    }
    out.callDelta(this.writer.take());
    out.close();
    if (!truncated) this.fault = brokenOff(this.tool);
    return "";
  }

  /** One tag or stretch of text: `true`: the block is over; `undefined`: wants more text. */
  private step(cursor: Cursor, out: EventSink): boolean | undefined {
    const top = this.stack.at(-1);
    if (top === undefined) return this.between(cursor, out);
    if (top.kind === "undecided") return this.decide(top, cursor);
    if (top.kind === "value") return this.inValue(top, cursor, out);
    const { hit } = grammars[this.form].insideContainer.seek(cursor);
    if (hit === undefined) return undefined;
    cursor.at += hit.length;
    if (hit.kind === "close") return this.closeTag(hit.name, out);
    if (hit.kind === "open") this.openTag(top, hit.name);
    else {
      this.finishCall(out);
      this.startCall(hit.name, out);
    }
    return false;
  }

  private between(cursor: Cursor, out: EventSink): boolean | undefined {
    cursor.skipSpace();
    const hit = grammars[this.form].betweenInvokes.here(cursor);
    if (hit === "partial") return undefined;
    // whatever else stands here, the model has left the block
    if (hit === undefined) return true;
    cursor.at += hit.length;
    if (hit.kind === "close") return blocks.has(hit.name.trim());
    this.startCall(hit.name, out);
    return false;
  }

  private decide(frame: Frame, cursor: Cursor): boolean | undefined {
    const hit = grammars[this.form].atValue.here(cursor);
    if (hit === "partial") return undefined;
    const { types } = frame.shape;
    const text = types.size === 0 || types.has("string");
    // without the token a tag at the start of a string may be the string's own
    const tagged = hit?.kind === "open" && (this.form === "marked" || !frame.shape.textOnly);
    const container = tagged || (hit?.kind === "close" && !text && (types.has("array") || types.has("object")));
    frame.kind = container ? containerKind(frame.shape, hit) : "value";
    if (container) this.writer.begin(frame.kind === "array" ? "array" : "object");
    return false;
  }

  private inValue(frame: Frame, cursor: Cursor, out: EventSink): boolean | undefined {
    const { plain, hit } = grammars[this.form].insideValue.seek(cursor);
    frame.value.feed(plain);
    if (hit === undefined) return undefined;
    if (!this.known(hit.name.trim())) {
      frame.value.feed(cursor.take(1));
      return false;
    }
    cursor.at += hit.length;
    return this.closeTag(hit.name, out);
  }

  /** Whether a closing tag of that name can end what is open here. */
  private known(name: string): boolean {
    return blocks.has(name) || this.stack.some((frame) => frame.name === name);
  }

  private openTag(parent: Frame, name: string): void {
    const array = parent.kind === "array";
    const tag = name.trim();
    if (array) this.writer.element();
    else this.writer.key(tag);
    const shape = array ? parent.shape.element(parent.count) : parent.shape.member(tag);
    parent.count += 1;
    const value = new TypedValue(shape, this.writer);
    this.stack.push({ name: tag, kind: "undecided", shape, value, count: 0 });
  }

  /** Closes the innermost tag of that name, and what was left open inside it. */
  private closeTag(name: string, out: EventSink): boolean {
    const tag = name.trim();
    const depth = this.stack.findLastIndex((frame) => frame.name === tag);
    if (depth > 0) while (this.stack.length > depth) this.closeTop();
    else if (depth === 0 || blocks.has(tag)) this.finishCall(out);
    return depth === -1 && blocks.has(tag);
  }

  private closeTop(): void {
    const frame = this.stack.pop();
    if (frame?.kind === "value") frame.value.finish();
    else if (frame !== undefined && frame.kind !== "undecided") this.writer.close();
  }

  private startCall(name: string, out: EventSink): void {
    this.tool = name.trim();
    out.callStart(this.options.callId(), this.tool);
    this.writer = new ArgumentWriter();
    this.writer.begin("object");
    const shape = shapeOf(this.options.tools, this.tool);
    const value = new TypedValue(shape, this.writer);
    this.stack = [{ name: "invoke", kind: "object", shape, value, count: 0 }];
  }

  private finishCall(out: EventSink): void {
    if (this.stack.length === 0) return;
    while (this.stack.length > 0) this.closeTop();
    out.callDelta(this.writer.take());
    out.close();
  }
}

/** Array or object: by the schema where it names one of the two, else by the first tag. */
function containerKind({ types }: Shape, first: Hit | undefined): "array" | "object" {
  if (types.has("array") !== types.has("object")) return types.has("array") ? "array" : "object";
  return first?.name.trim() === "item" ? "array" : "object";
}

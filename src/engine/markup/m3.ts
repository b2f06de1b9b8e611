import type { EventSink } from "../../model/event-builder.ts";
import { ArgumentWriter } from "./argument-writer.ts";
import { brokenOff, brokenOpening, type CallReader, unknownForm, withoutName } from "./call-reader.ts";
import type { Cursor } from "./cursor.ts";
import type { MarkupOptions } from "./markup.ts";
import { bareStart, begunInvoke, betweenInvokes, blocks, grammars, openers, strays } from "./m3-pattern.ts";
import type { Hit } from "./pattern.ts";
import { type Shape, shapeOf } from "./shape.ts";
import { TypedValue } from "./typed-value.ts";

/** One open tag: of a container, of text, or of what is not decided yet. */
interface Frame {
  /** The name that its closing tag has. */
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
  readonly openers = openers;
  readonly strays = strays;
  private readonly options: MarkupOptions;
  // changed by events
  /** Set by `end`, and by arguments that cannot be read. */
  fault: string | undefined;
  /** The tool of the open call. */
  private tool = "";
  /** How the tags of the open call are written; decided by its own tag and the first one in it. */
  private form: keyof typeof grammars | "undecided" = "marked";
  /** Text stands in the open call that is no argument. */
  private hasOther = false;
  /** An argument stood where a call should begin: everything up to the end of the block is dropped. */
  private nameless = false;
  private writer = new ArgumentWriter();
  /** Empty between invokes; the first is the invoke itself. */
  private stack: Frame[] = [];

  constructor(options: MarkupOptions) {
    this.options = options;
  }

  begin(): void {
    this.stack = [];
    this.nameless = false;
  }

  read(cursor: Cursor, out: EventSink): string | undefined {
    let over: boolean | undefined = false;
    while (over === false) over = this.step(cursor, out);
    if (this.stack.length > 0) out.callDelta(this.writer.take());
    return over === true ? "" : undefined;
  }

  end(cursor: Cursor, out: EventSink, truncated: boolean): string {
    const top = this.stack.at(-1);
    if (top === undefined) {
      if (!truncated && begunInvoke.test(cursor.text.slice(cursor.at))) this.fault ??= brokenOpening;
      return "";
    }
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
    if (top === undefined) return this.nameless ? this.skip(cursor) : this.between(cursor, out);
    if (this.form === "undecided") return this.decideForm(cursor);
    if (top.kind === "undecided") return this.decide(top, cursor, this.form);
    if (top.kind === "value") return this.inValue(top, cursor, out);
    const { plain, hit } = grammars[this.form].insideContainer.seek(cursor);
    if (this.stack.length === 1 && /\S/.test(plain)) this.hasOther = true;
    return hit === undefined ? undefined : this.insideTag(top, hit, cursor, out);
  }

  private insideTag(top: Frame, hit: Hit, cursor: Cursor, out: EventSink): boolean {
    cursor.at += hit.length;
    if (hit.kind === "close") return this.closeTag(hit.name, out);
    if (hit.kind === "open") this.openTag(top, hit.name);
    else if (hit.kind === "foreign") this.fault ??= unknownForm(this.tool);
    else {
      this.finishCall(out);
      this.startCall(hit, out);
    }
    return false;
  }

  private between(cursor: Cursor, out: EventSink): boolean | undefined {
    cursor.skipSpace();
    const hit = betweenInvokes.here(cursor);
    if (hit === "partial") return undefined;
    // whatever else stands here, the model has left the block
    if (hit === undefined) return true;
    cursor.at += hit.length;
    if (hit.kind === "block-end") return true;
    if (hit.kind === "close") return blocks.has(hit.name.trim());
    if (hit.kind === "nameless") {
      this.nameless = true;
      this.fault ??= withoutName;
    } else this.startCall(hit, out);
    return false;
  }

  private skip(cursor: Cursor): boolean | undefined {
    const { hit } = grammars.marked.insideValue.seek(cursor);
    if (hit === undefined) return undefined;
    cursor.at += hit.length;
    return blocks.has(hit.name.trim()) || hit.name.trim() === "invoke";
  }

  private decideForm(cursor: Cursor): boolean | undefined {
    const hit = bareStart.here(cursor);
    if (hit === "partial") return undefined;
    this.form = hit === undefined ? "marked" : "bare";
    return false;
  }

  private decide(frame: Frame, cursor: Cursor, form: keyof typeof grammars): boolean | undefined {
    const hit = grammars[form].atValue.here(cursor);
    if (hit === "partial") return undefined;
    const { types } = frame.shape;
    const text = types.size === 0 || types.has("string");
    // without the token a tag at the start of a string may be the string's own
    const tagged = hit?.kind === "open" || (hit?.kind === "bare-open" && !frame.shape.textOnly);
    const container = tagged || (hit?.kind === "close" && !text && (types.has("array") || types.has("object")));
    frame.kind = container ? containerKind(frame.shape, hit) : "value";
    if (container) this.writer.begin(frame.kind === "array" ? "array" : "object");
    return false;
  }

  private inValue(frame: Frame, cursor: Cursor, out: EventSink): boolean | undefined {
    const { plain, hit } = grammars[this.form === "bare" ? "bare" : "marked"].insideValue.seek(cursor);
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

  private startCall({ kind, name }: Hit, out: EventSink): void {
    this.tool = name.trim();
    this.form = kind === "invoke" ? "undecided" : "bare";
    this.hasOther = false;
    out.callStart(this.options.callId(), this.tool);
    this.writer = new ArgumentWriter();
    this.writer.begin("object");
    const shape = shapeOf(this.options.tools, this.tool);
    const value = new TypedValue(shape, this.writer);
    this.stack = [{ name: "invoke", kind: "object", shape, value, count: 0 }];
  }

  private finishCall(out: EventSink): void {
    const [call] = this.stack;
    if (call === undefined) return;
    // text in another form must not be lost silently: a call of nothing would be run
    if (this.hasOther && call.count === 0) this.fault ??= unknownForm(this.tool);
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

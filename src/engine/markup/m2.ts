import type { EventSink } from "../../model/event-builder.ts";
import { ArgumentWriter } from "./argument-writer.ts";
import { brokenOff, brokenOpening, type CallReader, unknownForm, withoutName } from "./call-reader.ts";
import type { Cursor } from "./cursor.ts";
import { type Hit, literal, namedTag, Pattern, PatternSet } from "./pattern.ts";
import type { MarkupOptions } from "./markup.ts";
import { type Shape, shapeOf } from "./shape.ts";
import { TypedValue } from "./typed-value.ts";

const space = "\\s{0,64}";
const blockEnd = literal("</minimax:tool_call>");
const invokeEnd = literal("</invoke>");
const parameterEnd = ["\\n?", ...literal("</parameter>")];

const opener = new Pattern("call", ["\\n?", ...literal("<minimax:tool_call>")], [space, ...namedTag("invoke")]);
const bareEnds = [[...literal("<parameter"), "[\\s>]"], [...literal("</invoke>")]];
/** Without the block's tag, or under the tag of M3 without its token. */
const bareOpeners = bareEnds.flatMap((end) => {
  const call = [...namedTag("invoke"), space, ...end];
  return [
    new Pattern("bare", ["\\n?", ...literal("<tool_call>")], [space, ...call]),
    new Pattern("bare", ["\\n?"], call),
  ];
});
/** Arguments without a call. */
const namelessOpener = new Pattern(
  "block",
  ["\\n?", ...literal("<minimax:tool_call>")],
  [space, ...namedTag("parameter")],
);
const stray = new Pattern("stray", blockEnd);
const invoke = new Pattern("invoke", namedTag("invoke"));
const parameter = new Pattern("parameter", namedTag("parameter"));
const closeInvoke = new Pattern("close-invoke", invokeEnd);
const closeBlock = new Pattern("close-block", blockEnd);
const closeOther = new Pattern("close-block", literal("</tool_call>"));

const betweenInvokes = new PatternSet([invoke, parameter, closeBlock, closeOther]);
const insideInvoke = new PatternSet([parameter, closeInvoke, closeBlock, closeOther, invoke]);

/**
 * What ends a value. A string may hold a literal `</parameter>` (code that speaks of this format), so the closing tag
 * counts only where the block goes on behind it; and a forgotten one is assumed where the whole call closes.
 */
const valueEnds = [
  new Pattern("end", parameterEnd, [space, ...literal("<parameter"), "[\\s>]"]),
  new Pattern("end", parameterEnd, [space, ...invokeEnd]),
  new Pattern("end", parameterEnd, [space, ...blockEnd]),
  new Pattern("end", ["\\n?"], [...invokeEnd, space, ...blockEnd]),
  new Pattern("end", ["\\n?"], [...invokeEnd, space, ...literal("<invoke"), "\\s"]),
];

const entities: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&amp;": "&",
  "&quot;": '"',
  "&apos;": "'",
};
const insideValue = new PatternSet(valueEnds);

/**
 * Tool calls of M2 to M2.7: `<invoke name="...">` with `<parameter name="...">` in a block (MiniMax-M2
 * docs/tool_calling_guide.md, 2026-03). Values are raw text: a file that holds `&lt;` arrives as it was written; only names
 * are decoded.
 */
export class M2Reader implements CallReader {
  // fixed at birth
  readonly openers = [opener, namelessOpener, ...bareOpeners];
  readonly strays = [stray];
  private readonly options: MarkupOptions;
  // changed by events
  /** Set by `end`, and by a call whose arguments have another form. */
  fault: string | undefined;
  /** Whether the open call has a parameter so far. */
  private hasParameter = false;
  /** Whether text stands in the open call that is no parameter. */
  private hasOther = false;
  /** The tool of the open call. */
  private tool = "";
  /** `nameless`: parameters stood where a call should begin; everything up to the end of the block is dropped. */
  private state: "between" | "inside" | "value" | "nameless" = "between";
  private writer = new ArgumentWriter();
  private shape: Shape;
  private value: TypedValue;
  /** One newline after a parameter's opening tag belongs to the tag. */
  private atValueStart = false;

  constructor(options: MarkupOptions) {
    this.options = options;
    this.shape = shapeOf([], "");
    this.value = new TypedValue(this.shape, this.writer);
  }

  begin(): void {
    this.state = "between";
  }

  read(cursor: Cursor, out: EventSink): string | undefined {
    let over: boolean | undefined = false;
    while (over === false) over = this.step(cursor, out);
    if (this.state === "inside" || this.state === "value") out.callDelta(this.writer.take());
    return over === true ? "" : undefined;
  }

  end(cursor: Cursor, out: EventSink, truncated: boolean): string {
    if (this.state === "nameless") return "";
    if (this.state === "between") {
      if (!truncated && cursor.text.startsWith("<invoke", cursor.at)) this.fault ??= brokenOpening;
      return "";
    }
    let closed = false;
    if (this.state === "value") {
      const rest = cursor.takeAll();
      // what is held back is the closing tag, whole or truncated, or only looks like its beginning
      closed = /^\n?<\/invoke>/.test(rest);
      if (!/^\n?<\//.test(rest)) this.value.feed(rest);
      if (closed || /^\n?<\/parameter>/.test(rest)) this.value.finish();
      else this.value.breakOff();
    }
    if (closed) this.finishCall(out);
    else {
      out.callDelta(this.writer.take());
      out.close();
      if (!truncated) this.fault = brokenOff(this.tool);
    }
    return "";
  }

  /** One tag or stretch of text: `true`: the block is over; `undefined`: wants more text. */
  private step(cursor: Cursor, out: EventSink): boolean | undefined {
    if (this.state === "value") return this.inValue(cursor);
    if (this.state === "inside") {
      const { plain, hit } = insideInvoke.seek(cursor);
      if (/\S/.test(plain)) this.hasOther = true;
      return hit === undefined ? undefined : this.insideTag(hit, cursor, out);
    }
    if (this.state === "nameless") return this.skip(cursor);
    cursor.skipSpace();
    const hit = betweenInvokes.here(cursor);
    if (hit === "partial") return undefined;
    // whatever else stands here, the model has left the block
    if (hit === undefined) return true;
    cursor.at += hit.length;
    if (hit.kind === "close-block") return true;
    if (hit.kind === "parameter") {
      this.fault ??= withoutName;
      this.state = "nameless";
    } else this.startCall(hit.name, out);
    return false;
  }

  private skip(cursor: Cursor): boolean | undefined {
    const { hit } = insideInvoke.seek(cursor);
    if (hit === undefined) return undefined;
    cursor.at += hit.length;
    return hit.kind === "close-block" || hit.kind === "close-invoke";
  }

  private insideTag(hit: Hit, cursor: Cursor, out: EventSink): boolean {
    cursor.at += hit.length;
    if (hit.kind === "parameter") {
      const name = decoded(hit.name);
      this.writer.key(name);
      this.value = new TypedValue(this.shape.member(name), this.writer);
      this.state = "value";
      this.atValueStart = true;
      this.hasParameter = true;
      return false;
    }
    this.finishCall(out);
    if (hit.kind === "invoke") this.startCall(hit.name, out);
    return hit.kind === "close-block";
  }

  private inValue(cursor: Cursor): boolean | undefined {
    if (this.atValueStart) {
      if (cursor.empty) return undefined;
      // a newline right before the closing tag is that tag's own: an empty value is found by it
      if (cursor.peek() === "\n") cursor.at += 1;
      this.atValueStart = false;
    }
    const { plain, hit } = insideValue.seek(cursor);
    this.value.feed(plain);
    if (hit === undefined) return undefined;
    cursor.at += hit.length;
    this.value.finish();
    this.state = "inside";
    return false;
  }

  private startCall(name: string, out: EventSink): void {
    this.tool = decoded(name).trim();
    out.callStart(this.options.callId(), this.tool);
    this.shape = shapeOf(this.options.tools, this.tool);
    this.writer = new ArgumentWriter();
    this.writer.begin("object");
    this.hasParameter = false;
    this.hasOther = false;
    this.state = "inside";
  }

  /** Arguments in another form must not be lost silently: a call of nothing would be run. */
  private finishCall(out: EventSink): void {
    if (this.hasOther && !this.hasParameter) this.fault ??= unknownForm(this.tool);
    this.writer.closeAll();
    out.callDelta(this.writer.take());
    out.close();
    this.state = "between";
  }
}

function decoded(text: string): string {
  return text.replace(/&(?:lt|gt|amp|quot|apos);/g, (entity) => entities[entity] ?? entity);
}

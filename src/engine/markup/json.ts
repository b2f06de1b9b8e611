import type { EventSink } from "../../model/event-builder.ts";
import { parseJson } from "../../model/json.ts";
import { brokenOff, brokenOpening, type CallReader, notJson, withoutName } from "./call-reader.ts";
import type { Cursor } from "./cursor.ts";
import { JsonText } from "./json-text.ts";
import type { MarkupOptions } from "./markup.ts";
import { literal, Pattern, PatternSet, token } from "./pattern.ts";

const space = "\\s{0,64}";
const opener = new Pattern("call", ["\\n?", ...literal("<tool_call"), "s?", ">"], [space, "[{[]"]);
/** In the tags of M2 and of M3, and in those that may be prose. */
const vendorOpeners = [
  new Pattern("block", ["\\n?", ...literal("<minimax:tool_call>")], [space, "[{[]"]),
  new Pattern("block", ["\\n?", ...token, ...literal("<tool_call>")], [space, "[{[]"]),
  new Pattern("bare", ["\\n?", ...literal("<tool_call"), "s?", ">"], [space, "[{[]"]),
];
const closer = new Pattern("stray", [...literal("</tool_call"), "s?", ">"]);
const vendorClosers = [[...token, ...literal("</tool_call>")], literal("</minimax:tool_call>")].map(
  (tag) => new Pattern("stray", tag),
);
const blockEnd = new PatternSet([closer, ...vendorClosers]);

/**
 * Tool calls as `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`, the common form of open models; `parameters`
 * instead of `arguments`, an array of calls, several objects in one block and `<tool_calls>` (M2 under the M1 template,
 * github.com/MiniMax-AI/MiniMax-M2/issues/14) are read too. Arguments given as a JSON string are unpacked. The end of the
 * JSON value ends the call, so a closing tag inside a string is part of the string. What is no such object stays text.
 */
export class JsonReader implements CallReader {
  // fixed at birth
  readonly openers: readonly Pattern[];
  readonly strays = [closer];
  private readonly options: MarkupOptions;
  private readonly which: "any" | "declared";
  // changed by events
  /** Set where a call is broken, has no name or no end. */
  fault: string | undefined;
  /** What comes next; `skip`: the call's JSON is broken, and everything up to the closing tag is dropped. */
  private state: "between" | "key" | "colon" | "value" | "skip" = "between";
  /** The block as it came, as long as it has not become a call. */
  private raw = "";
  /** The block has held a call. */
  private called = false;
  /** The key or value being read; absent between tokens. */
  private json: JsonText | undefined;
  /** What of it was read but not passed on. */
  private gathered = "";
  /** The last key that was read. */
  private key = "";
  /** The open call's name, once known. */
  private name = "";
  /** Arguments, once complete; before the name they wait here. */
  private args = "";
  /** The value being read is the arguments, and passed on as it comes. */
  private streaming = false;

  /** `which`: calls of which tools are read; of others the block is text. */
  constructor(options: MarkupOptions, which: "any" | "declared") {
    this.options = options;
    this.which = which;
    this.openers = which === "any" ? [opener] : vendorOpeners;
  }

  begin(opening: string): void {
    this.state = "between";
    this.name = "";
    this.raw = opening;
    this.called = false;
  }

  read(cursor: Cursor, out: EventSink): string | undefined {
    for (;;) {
      const prose = this.step(cursor, out);
      if (prose !== false) return prose;
    }
  }

  end(_cursor: Cursor, out: EventSink, truncated: boolean): string {
    if (this.state === "skip" || (this.state === "between" && this.called)) return "";
    if (this.name !== "") this.breakOff(out, truncated ? undefined : brokenOff(this.name));
    else if (!truncated) this.fault ??= brokenOpening;
    return "";
  }

  /** One token or stretch: `false`: go on; `undefined`: wants more text; else as `read`. */
  private step(cursor: Cursor, out: EventSink): string | undefined | false {
    if (this.state === "skip") return this.skip(cursor);
    if (this.json === undefined) this.keep(cursor.skipSpace());
    if (cursor.empty) return undefined;
    if (this.state === "between") return this.between(cursor);
    const token = this.state === "value" || (this.state === "key" && cursor.peek() === '"');
    if (this.json !== undefined || token) return this.inJson(cursor, out);
    const character = this.keep(cursor.take(1));
    if (this.state === "colon" && character === ":") this.state = "value";
    else if (this.state === "key" && character === "}") return this.finishCall(out);
    else if (this.state !== "key" || character !== ",") return this.spoil(out);
    return false;
  }

  private between(cursor: Cursor): string | undefined | false {
    const hit = blockEnd.here(cursor);
    if (hit === "partial") return undefined;
    if (hit !== undefined) {
      this.keep(cursor.take(hit.length));
      return this.called ? "" : this.raw;
    }
    // whatever else stands here, the model has left the block
    if (!"{[],".includes(cursor.peek())) return this.called ? "" : this.raw;
    const character = this.keep(cursor.take(1));
    if (character === "{") {
      this.state = "key";
      this.args = "";
    }
    return false;
  }

  private skip(cursor: Cursor): string | undefined {
    const { hit } = blockEnd.seek(cursor);
    if (hit === undefined) return undefined;
    cursor.at += hit.length;
    return "";
  }

  private inJson(cursor: Cursor, out: EventSink): string | false {
    if (this.json === undefined) {
      this.json = new JsonText();
      this.gathered = "";
      this.streaming = this.state === "value" && this.wantsArguments() && this.name !== "" && cursor.peek() === "{";
    }
    const length = this.json.feed(cursor.text, cursor.at) - cursor.at;
    this.keep(cursor.take(length));
    if (this.json.state === "broken") return this.spoil(out);
    const written = this.json.take();
    if (this.json.state === "open") {
      if (this.streaming) out.callDelta(written);
      else this.gathered += written;
      return false;
    }
    this.json = undefined;
    if (this.state !== "key") return this.valueEnded(written, out) ? false : this.spoil(out);
    const key = parseJson(this.gathered + written);
    this.key = typeof key === "string" ? key : "";
    this.state = "colon";
    return false;
  }

  /** `false`: the call cannot be one. */
  private valueEnded(written: string, out: EventSink): boolean {
    this.state = "key";
    if (this.streaming) {
      out.callDelta(written);
      this.args = "streamed";
    } else if (this.wantsArguments()) {
      this.args = this.unpacked(this.gathered + written);
      if (this.name !== "") out.callDelta(this.args);
    } else if (this.key === "name" && this.name === "") {
      const name = parseJson(this.gathered + written);
      if (typeof name !== "string" || name === "") return false;
      if (this.which === "declared" && !this.options.tools.some((tool) => tool.name === name)) return false;
      this.name = name;
      this.raw = "";
      this.called = true;
      out.callStart(this.options.callId(), name);
      out.callDelta(this.args);
    }
    return true;
  }

  /** The first arguments count; later ones are read and dropped. */
  private wantsArguments(): boolean {
    return (this.key === "arguments" || this.key === "parameters") && this.args === "";
  }

  /** Arguments as the call's JSON text: a string that holds JSON is unpacked, `null` and `""` are no arguments. */
  private unpacked(json: string): string {
    const value = parseJson(json);
    if (value === null || value === "" || value === undefined) return "{}";
    if (typeof value !== "string") return json;
    const inner = new JsonText();
    inner.feed(value, 0);
    if (!/^\s*[[{]/.test(value) || inner.state === "broken") return json;
    inner.close();
    return inner.take();
  }

  /** The call has no end: it stays as it is. */
  private breakOff(out: EventSink, fault: string | undefined): void {
    this.fault ??= fault;
    if (this.streaming) out.callDelta(this.json?.take() ?? "");
    else if (this.args === "") out.callDelta("{");
    this.json = undefined;
    this.streaming = false;
    out.close();
    this.name = "";
  }

  /** Text that is no call after all is given back; a call already begun ends here, as it is. */
  private spoil(out: EventSink): string | false {
    if (this.name === "") {
      this.json = undefined;
      return this.raw;
    }
    this.breakOff(out, notJson(this.name));
    this.state = "skip";
    return false;
  }

  private finishCall(out: EventSink): string | false {
    this.json = undefined;
    this.state = "between";
    if (this.name === "") return this.nameless();
    if (this.args === "" && !this.streaming) out.callDelta("{}");
    this.streaming = false;
    out.close();
    this.name = "";
    return false;
  }

  /** In tags that are never prose an object without a name is a broken call; in others it is text. */
  private nameless(): string | false {
    if (this.which === "any" || !/minimax/.test(this.raw.slice(0, 20))) return this.raw;
    this.fault ??= withoutName;
    this.state = "skip";
    return false;
  }

  /** Keeps text that may turn out to be no call. */
  private keep(text: string): string {
    if (this.name === "") this.raw += text;
    return text;
  }
}

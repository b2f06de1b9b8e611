import type { Family } from "../../../model/card.ts";
import type { ToolDefinition } from "../../../model/request.ts";
import type { CallMarkup, MarkupParser, ThinkMarkup } from "../../markup/markup.ts";
import { markupParser } from "../../markup/parser.ts";
import type { Repairs } from "./repair.ts";
import type { WeighingEmitter } from "./usage.ts";

/** Which markup a model's own text may carry. */
export interface ModelMarkup {
  think: ThinkMarkup;
  calls: CallMarkup;
}

/** No markup: tags in the text are text. */
export const plainText: ModelMarkup = { think: { tags: [], startsInside: false }, calls: "none" };

const families: Readonly<Record<Family, ModelMarkup>> = {
  m3: { think: { tags: ["mm:think", "think"], startsInside: false }, calls: "m3" },
  m2: { think: { tags: ["think"], startsInside: false }, calls: "m2" },
  her: plainText,
};

/** The markup of a family; models of other makers are not read for tags unless configuration says so. */
export function markupOf(family: Family | undefined): ModelMarkup {
  return family === undefined ? plainText : families[family];
}

export interface ContentOptions {
  out: WeighingEmitter;
  repairs: Repairs;
  markup: ModelMarkup;
  tools: readonly ToolDefinition[];
  callId: () => string;
}

/**
 * Reads the two channels of a stream, content and the reasoning field, through the markup of the model: thought and
 * calls that leaked into content, and tags that leaked into thought.
 */
export class ContentReader {
  // fixed at birth
  private readonly options: ContentOptions;
  // changed by events
  private content: MarkupParser | undefined;
  private thought: MarkupParser | undefined;
  /** All that the reasoning field said, and how much of it content has repeated. */
  private said = "";
  private repeated = 0;
  private echoing = true;
  /** The newline that the field ends with so far: the closing tag's own, where nothing follows it. */
  private newline = "";
  private begun = false;
  /** Content so far, since the last call, is only white space, kept in `gap`. */
  private blank = true;
  private gap = "";

  constructor(options: ContentOptions) {
    this.options = options;
  }

  text(text: string): void {
    if (text === "") return;
    const held = this.gap + text;
    if (this.blank && this.options.repairs.on("blank-content")) {
      this.gap = held;
      if (!/\S/.test(text)) return;
    }
    this.blank = false;
    this.gap = "";
    this.endThought(false);
    this.readContent(held);
  }

  reasoning(text: string): void {
    if (text === "") return;
    this.said += text;
    // Thought cannot stand inside a call that content has begun: the call ends here.
    if (this.options.out.inCall && this.thought === undefined) this.endContent(false);
    if (this.options.repairs.on("thought-markup")) this.readThought(this.newline + text);
    else this.options.out.reasoning(text);
  }

  /** A call follows: writes out what both channels held back. */
  beforeCall(): void {
    if (this.gap !== "") this.options.repairs.fired("blank-content");
    this.gap = "";
    this.end(false);
    this.blank = true;
  }

  /** The answer is over. */
  end(cut: boolean): void {
    this.endThought(cut);
    if (this.gap !== "" && this.options.out.callCount === 0) this.readContent(this.gap);
    this.gap = "";
    this.endContent(cut);
  }

  private endContent(cut: boolean): void {
    const parser = this.content;
    if (parser !== undefined) this.withoutEcho(() => parser.end(this.options.out, cut));
    this.content = undefined;
  }

  private readContent(text: string): void {
    this.content ??= this.parserOfContent();
    this.begun = true;
    const { out, repairs } = this.options;
    const before = { calls: out.callCount, thoughts: out.thoughts };
    const parser = this.content;
    this.withoutEcho(() => parser.feed(text, out));
    if (out.callCount > before.calls) repairs.fired("inline-calls");
    if (out.thoughts > before.thoughts) repairs.fired("inline-thought");
  }

  private readThought(text: string): void {
    const { out, repairs, markup, tools, callId } = this.options;
    this.newline = text.endsWith("\n") ? "\n" : "";
    const thought = this.newline === "" ? text : text.slice(0, -1);
    if (markup.think.tags.length === 0 && markup.calls === "none") {
      out.reasoning(thought);
      return;
    }
    this.thought ??= markupParser({ ...markup, think: { ...markup.think, startsInside: true }, tools, callId });
    const calls = out.callCount;
    this.thought.feed(thought, out);
    if (out.callCount > calls) repairs.fired("thought-markup");
  }

  private endThought(cut: boolean): void {
    this.newline = "";
    this.thought?.end(this.options.out, cut);
    this.thought = undefined;
  }

  private parserOfContent(): MarkupParser {
    const { repairs, markup, tools, callId } = this.options;
    const thoughtToo = repairs.on("inline-thought");
    const startsInside = thoughtToo && markup.think.startsInside && !this.begun && this.said === "";
    const tags = thoughtToo ? markup.think.tags : [];
    const calls = repairs.on("inline-calls") ? markup.calls : "none";
    return markupParser({ think: { tags, startsInside }, calls, tools, callId });
  }

  /** Reads content; thought found there is told only as far as the reasoning field has not told it already. */
  private withoutEcho(read: () => void): void {
    const { out, repairs } = this.options;
    if (this.said !== "" && repairs.on("thought-twice")) out.news = (thought) => this.news(thought);
    read();
    out.news = undefined;
  }

  /** Nothing, as long as the thought repeats the field word by word; white space at the seams of pieces is no word. */
  private news(thought: string): string {
    if (!this.echoing) return thought;
    const core = thought.trim();
    const from = this.repeated + (/^\s*/.exec(this.said.slice(this.repeated))?.[0].length ?? 0);
    this.echoing = this.said.startsWith(core, from);
    if (!this.echoing) return thought;
    this.repeated = from + core.length;
    this.options.repairs.fired("thought-twice");
    return "";
  }
}

import { EventBuilder } from "../../model/event-builder.ts";

export interface StopFilterOptions {
  /** Texts that end the answer; looked for in visible text only, never in reasoning or arguments. */
  stop: readonly string[];
  /** Most calls of one answer. */
  maxCalls: number;
  /** The model begins inside reasoning: its prompt opened the tag. */
  inReasoning: boolean;
}

/**
 * Builds the events of one answer and ends it at a stop text or after the allowed calls: text that may still become a
 * stop text is held back, everything after the end is dropped.
 */
export class StopFilter extends EventBuilder {
  // fixed at birth
  private readonly stop: readonly string[];
  private readonly maxCalls: number;
  // changed by events
  /** Text that may become a stop text; written out by whatever comes next. */
  private held = "";
  /** Since the reasoning there were only newlines: they belong to its tag, and no stop text is looked for in them. */
  private afterReasoning: boolean;
  /** The answer has ended here; nothing more needs to be generated. */
  stopped = false;
  /** The stop text that ended it. */
  stopText: string | undefined;
  /** What the model writes now is reasoning. */
  inReasoning: boolean;

  constructor(options: StopFilterOptions) {
    super();
    this.stop = options.stop.filter((text) => text !== "");
    this.maxCalls = options.maxCalls;
    this.inReasoning = options.inReasoning;
    this.afterReasoning = options.inReasoning;
  }

  override text(text: string): void {
    this.inReasoning = false;
    if (this.stopped) return;
    const lead = this.afterReasoning ? (/^\n*/.exec(text)?.[0] ?? "") : "";
    super.text(lead);
    if (lead.length < text.length) this.answer(text.slice(lead.length));
  }

  private answer(text: string): void {
    this.afterReasoning = false;
    if (this.stop.length === 0) {
      super.text(text);
      return;
    }
    const whole = this.held + text;
    const found = firstOf(this.stop, whole);
    const safe = found?.start ?? whole.length - openTail(this.stop, whole);
    // opening the text item closes the one before it, which would write out what is held: so it is set afterwards
    this.held = "";
    super.text(whole.slice(0, safe));
    if (found === undefined) {
      this.held = whole.slice(safe);
      return;
    }
    this.stopped = true;
    this.stopText = found.text;
  }

  override reasoning(text: string): void {
    if (this.stopped) return;
    this.flush();
    super.reasoning(text);
    // after: opening the item closes the one before it
    this.inReasoning = true;
    this.afterReasoning = true;
  }

  override callStart(id: string, name: string): void {
    this.inReasoning = false;
    this.flush();
    if (this.callCount >= this.maxCalls) this.stopped = true;
    if (!this.stopped) super.callStart(id, name);
  }

  override callDelta(args: string): void {
    if (!this.stopped) super.callDelta(args);
  }

  override close(): void {
    this.inReasoning = false;
    this.flush();
    super.close();
  }

  private flush(): void {
    const text = this.held;
    this.held = "";
    if (!this.stopped) super.text(text);
  }
}

/** The text that is complete first, and where it begins; of several that end together, the longest. */
function firstOf(texts: readonly string[], whole: string): { text: string; start: number } | undefined {
  let first: { text: string; start: number; end: number } | undefined;
  for (const text of texts) {
    const start = whole.indexOf(text);
    if (start < 0) continue;
    const end = start + text.length;
    if (first === undefined || end < first.end || (end === first.end && start < first.start))
      first = { text, start, end };
  }
  return first;
}

/** Length of the longest end of `whole` that begins one of the texts. */
function openTail(texts: readonly string[], whole: string): number {
  let longest = 0;
  for (const text of texts) {
    for (let length = Math.min(text.length - 1, whole.length); length > longest; length--) {
      if (whole.endsWith(text.slice(0, length))) longest = length;
    }
  }
  return longest;
}

import type { ParleyError } from "./error.ts";
import type { FinishReason, GenerationEvent, PromptUse, Usage } from "./event.ts";

/**
 * Builds event lists that keep the grammar: opens and closes items as the kind of content changes, counts indexes.
 * Engines push content and take what has gathered, batch by batch.
 */
export class EventBuilder {
  // changed by events
  private gathered: GenerationEvent[] = [];
  private open: "text" | "reasoning" | "call" | "" = "";
  private index = -1;
  private calls = 0;

  constructor() {
    this.gathered.push({ type: "begin" });
  }

  /** How many calls were started. */
  get callCount(): number {
    return this.calls;
  }

  /** Whether a call is open. */
  get insideCall(): boolean {
    return this.open === "call";
  }

  text(text: string): void {
    if (text === "") return;
    if (this.open !== "text") this.start("text");
    this.gathered.push({ type: "text-delta", index: this.index, text });
  }

  reasoning(text: string): void {
    if (text === "") return;
    if (this.open !== "reasoning") this.start("reasoning");
    this.gathered.push({ type: "reasoning-delta", index: this.index, text });
  }

  callStart(id: string, name: string): void {
    this.close();
    this.open = "call";
    this.calls += 1;
    this.gathered.push({ type: "call-start", index: ++this.index, id, name });
  }

  /** Arguments of the open call, as JSON text in pieces. */
  callDelta(args: string): void {
    if (args !== "" && this.open === "call") this.gathered.push({ type: "call-delta", index: this.index, args });
  }

  /** Ends the open item, if any. */
  close(): void {
    if (this.open === "") return;
    this.gathered.push({ type: `${this.open}-end`, index: this.index });
    this.open = "";
  }

  usage(usage: Usage): void {
    this.gathered.push({ type: "usage", usage });
  }

  flag(side: "input" | "output", category: number): void {
    this.gathered.push({ type: "flag", side, category });
  }

  tier(tier: "standard" | "priority"): void {
    this.gathered.push({ type: "tier", tier });
  }

  /** `stopText`: as in the event. */
  finish(reason: FinishReason, error?: ParleyError, stopText?: string): void {
    this.close();
    this.gathered.push({
      type: "finish",
      reason,
      ...(error === undefined ? {} : { error }),
      ...(stopText === undefined ? {} : { stopText }),
    });
  }

  /** What is known of the prompt; part of the first event, so only before it is taken. */
  prompt(prompt: PromptUse): void {
    const [first] = this.gathered;
    if (first?.type === "begin") this.gathered[0] = { ...first, prompt };
  }

  /** What gathered since the last take; empty when nothing did. */
  take(): GenerationEvent[] {
    const taken = this.gathered;
    this.gathered = [];
    return taken;
  }

  private start(kind: "text" | "reasoning"): void {
    this.close();
    this.open = kind;
    this.gathered.push({ type: `${kind}-start`, index: ++this.index });
  }
}

/** Where writers of content put it: an `EventBuilder`, or something in front of one. */
export type EventSink = Pick<EventBuilder, "text" | "reasoning" | "callStart" | "callDelta" | "close" | "callCount">;

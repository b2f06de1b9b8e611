import { ParleyError } from "./error.ts";
import type { Batch, FinishReason, GenerationEvent, PromptUse, ServedBy, Usage } from "./event.ts";

/** One item of the answer, finished or still growing. */
export type AnswerItem =
  | { type: "text"; text: string; done: boolean }
  | { type: "reasoning"; text: string; done: boolean }
  | { type: "call"; id: string; name: string; args: string; done: boolean };

/**
 * The fold: batches in; items, usage, flags and finish out. Text is accumulated here once; encoders read it from here.
 * `items[event.index]` is the item an event speaks of.
 */
export class Transcript {
  // changed by events
  readonly items: AnswerItem[] = [];
  usage: Usage | undefined;
  finish: { reason: FinishReason; error?: ParleyError; stopText?: string } | undefined;
  /** Set by `begin` where the engine has replicas. */
  servedBy: ServedBy | undefined;
  /** Set by `begin` where the engine counts the prompt itself. */
  prompt: PromptUse | undefined;
  /** 0: not marked; 1 to 7: the category, as in the `flag` event. */
  inputFlag = 0;
  outputFlag = 0;
  /** The service tier that the engine says it used. */
  tier: "standard" | "priority" | undefined;

  apply(batch: Batch): void {
    for (const event of batch) this.one(event);
  }

  /** All answer text, joined. */
  text(): string {
    return this.join("text");
  }

  /** All reasoning, joined. */
  reasoning(): string {
    return this.join("reasoning");
  }

  calls(): Extract<AnswerItem, { type: "call" }>[] {
    return this.items.filter((item) => item.type === "call");
  }

  private one(event: GenerationEvent): void {
    switch (event.type) {
      case "text-start":
        this.items.push({ type: "text", text: "", done: false });
        return;
      case "reasoning-start":
        this.items.push({ type: "reasoning", text: "", done: false });
        return;
      case "call-start":
        this.items.push({ type: "call", id: event.id, name: event.name, args: "", done: false });
        return;
      case "text-delta":
      case "reasoning-delta":
      case "call-delta":
        this.grow(event);
        return;
      case "text-end":
      case "reasoning-end":
      case "call-end":
        this.at(event.index).done = true;
        return;
      case "usage":
        this.usage = event.usage;
        return;
      case "flag":
        if (event.side === "input") this.inputFlag = event.category;
        else this.outputFlag = event.category;
        return;
      case "tier":
        this.tier = event.tier;
        return;
      case "finish":
        this.finish = {
          reason: event.reason,
          ...(event.error === undefined ? {} : { error: event.error }),
          ...(event.stopText === undefined ? {} : { stopText: event.stopText }),
        };
        return;
      case "begin":
        this.begin(event);
    }
  }

  /** A second time, the answer is begun again by another server: what came before was shown to no one, and is void. */
  private begin({ servedBy, prompt }: Extract<GenerationEvent, { type: "begin" }>): void {
    this.servedBy = servedBy;
    this.prompt = prompt;
    this.items.length = 0;
    this.usage = undefined;
    this.finish = undefined;
    this.tier = undefined;
    this.inputFlag = 0;
    this.outputFlag = 0;
  }

  private grow(event: Extract<GenerationEvent, { type: "text-delta" | "reasoning-delta" | "call-delta" }>): void {
    const item = this.at(event.index);
    if (item.type === "call") item.args += event.type === "call-delta" ? event.args : "";
    else item.text += event.type === "call-delta" ? "" : event.text;
  }

  private at(index: number): AnswerItem {
    const item = this.items[index];
    if (item === undefined) throw new ParleyError("internal", `no item ${index} in the transcript`);
    return item;
  }

  private join(type: "text" | "reasoning"): string {
    let joined = "";
    for (const item of this.items) if (item.type === type) joined += item.text;
    return joined;
  }
}

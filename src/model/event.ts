import type { ParleyError } from "./error.ts";

/** Token counts of one answer. */
export interface Usage {
  input: number;
  /** Part of `input` that a prefix cache already held. */
  cached: number;
  output: number;
  /** Part of `output` spent on reasoning. */
  reasoning: number;
}

/** What an engine that counts the prompt itself knows before the first word, in tokens. */
export type PromptUse = Pick<Usage, "input" | "cached">;

/** `calls`: the answer ends with tool calls. `filter`: moderation cut it. `error` carries why. */
export type FinishReason = "stop" | "length" | "calls" | "filter" | "error";

/** Which of an engine's replicas answers, and why it was chosen. Sent in `begin` by engines that have replicas. */
export interface ServedBy {
  /** Base URL of the replica. */
  replica: string;
  /** Why it was chosen, for example `affinity` or `failover`. */
  reason: string;
  /** 1 for the first replica that was tried. */
  attempt: number;
}

/**
 * What an engine says, in order. Grammar: `begin item* finish` with `item = X-start X-delta* X-end`; items never overlap,
 * indexes count from 0 by one, there is exactly one `finish` and nothing after it. `usage`, `flag` and `tier` may stand anywhere
 * between `begin` and `finish`, inside items too; a later `usage` replaces an earlier one.
 */
export type GenerationEvent =
  /** `whole`: the engine has the complete answer; that it begins says nothing of its first word. */
  | { type: "begin"; servedBy?: ServedBy; prompt?: PromptUse; whole?: boolean }
  | { type: "text-start"; index: number }
  | { type: "text-delta"; index: number; text: string }
  | { type: "text-end"; index: number }
  | { type: "reasoning-start"; index: number }
  | { type: "reasoning-delta"; index: number; text: string }
  | { type: "reasoning-end"; index: number }
  | { type: "call-start"; index: number; id: string; name: string }
  | { type: "call-delta"; index: number; args: string }
  | { type: "call-end"; index: number }
  | { type: "usage"; usage: Usage }
  /** Moderation marked one side; `category` 1 to 7 as in the vendor's chat page (2026-11). */
  | { type: "flag"; side: "input" | "output"; category: number }
  /** Which service tier an engine reports it used; only engines that have tiers send it. */
  | { type: "tier"; tier: "standard" | "priority" }
  /** `stopText`: the stop text of the request at which the answer ended, where the engine reports it. */
  | { type: "finish"; reason: FinishReason; error?: ParleyError; stopText?: string };

/** Whether callers see anything of an event: a piece of an item, or the end. The events before may be sent again. */
export function isVisible({ type }: GenerationEvent): boolean {
  return type.endsWith("-delta") || type === "call-start" || type === "finish";
}

/** What one network read or one engine tick brought. Batches, not events, cross the async seams. */
export type Batch = readonly GenerationEvent[];

const itemEvent = /^(text|reasoning|call)-(start|delta|end)$/;

/** Checks the grammar above, one event at a time. Throws an Error that says which rule broke. */
export class GrammarCheck {
  // changed by events
  private state: "before" | "between" | "inside" | "after" = "before";
  private kind = "";
  private index = -1;

  accept(event: GenerationEvent): void {
    if (this.state === "after") throw new Error(`event ${event.type} after finish`);
    if (this.state === "before") {
      if (event.type !== "begin") throw new Error(`event ${event.type} before begin`);
      this.state = "between";
      return;
    }
    const match = itemEvent.exec(event.type);
    if (match !== null && "index" in event) this.item(match[1] ?? "", match[2] ?? "", event.index);
    else if (event.type === "begin") throw new Error("second begin");
    else if (event.type === "finish") this.finish();
  }

  /** Call when the stream has ended. */
  end(): void {
    if (this.state !== "after") throw new Error("stream ended without finish");
  }

  private item(kind: string, step: string, index: number): void {
    if (step === "start") {
      if (this.state === "inside") throw new Error(`${kind}-start inside ${this.kind} ${this.index}`);
      if (index !== this.index + 1) throw new Error(`item index ${index} after ${this.index}`);
      this.state = "inside";
      this.kind = kind;
      this.index = index;
      return;
    }
    if (this.state !== "inside" || kind !== this.kind || index !== this.index) {
      throw new Error(`${kind}-${step} ${index} outside its item`);
    }
    if (step === "end") this.state = "between";
  }

  private finish(): void {
    if (this.state === "inside") throw new Error(`finish inside ${this.kind} ${this.index}`);
    this.state = "after";
  }
}

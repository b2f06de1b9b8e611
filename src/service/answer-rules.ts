import type { Batch, GenerationEvent } from "../model/event.ts";
import type { GenerationRequest } from "../model/request.ts";

type ItemStart = Extract<GenerationEvent, { type: "text-start" | "reasoning-start" | "call-start" }>;

/**
 * Holds an answer to what its request allows, for engines that could not be kept from more: no reasoning where it is
 * off, and no second call where calls may not be parallel. Batches pass as they are where nothing can be forbidden.
 */
export function holdToRequest(batches: AsyncIterator<Batch>, request: GenerationRequest): AsyncIterator<Batch> {
  if (request.reasoning !== "off" && request.parallelCalls) return batches;
  const rules = new AnswerRules(request);
  const held = (result: IteratorResult<Batch>): IteratorResult<Batch> =>
    result.done === true ? result : { done: false, value: rules.apply(result.value) };
  return {
    next: async () => held(await batches.next()),
    return: async () => (await batches.return?.()) ?? { done: true, value: undefined },
  };
}

/** Drops the items that a request forbids and counts the indexes of the others anew. */
export class AnswerRules {
  // fixed at birth
  private readonly showsReasoning: boolean;
  private readonly maxCalls: number;
  // changed by events
  /** Items dropped so far: the distance between the engine's indexes and ours. */
  private dropped = 0;
  /** Calls let through so far. */
  private calls = 0;
  /** Whether the item under way is being dropped. */
  private dropping = false;
  /** Whether text was let through. */
  private hasText = false;
  /**
   * A text that follows dropped reasoning and has no text yet. The newlines that models write between reasoning and
   * answer are removed from it, and it is announced with its first other character.
   */
  private waiting: Extract<GenerationEvent, { type: "text-start" }> | undefined;
  /** Whether the last item was reasoning that was dropped. */
  private afterReasoning = false;

  constructor({ reasoning, parallelCalls }: Pick<GenerationRequest, "reasoning" | "parallelCalls">) {
    this.showsReasoning = reasoning !== "off";
    this.maxCalls = parallelCalls ? Infinity : 1;
  }

  /** The batch without what is forbidden; it may be empty. */
  apply(batch: Batch): Batch {
    return batch.flatMap((event) => this.one(event));
  }

  private one(event: GenerationEvent): GenerationEvent[] {
    switch (event.type) {
      case "text-start":
      case "reasoning-start":
      case "call-start":
        return this.start(event);
      case "text-delta":
        return this.textDelta(event);
      case "text-end":
        return this.waiting === undefined ? this.inPlace(event) : this.dropEmptyText();
      case "reasoning-delta":
      case "call-delta":
      case "reasoning-end":
      case "call-end":
        return this.dropping ? [] : this.inPlace(event);
      case "begin":
      case "usage":
      case "flag":
      case "tier":
      case "finish":
        return [event];
    }
  }

  private start(event: ItemStart): GenerationEvent[] {
    this.dropping =
      (event.type === "reasoning-start" && !this.showsReasoning) ||
      (event.type === "call-start" && this.calls >= this.maxCalls);
    if (this.dropping) {
      this.dropped += 1;
      this.afterReasoning = event.type === "reasoning-start";
      return [];
    }
    if (event.type === "call-start") this.calls += 1;
    const waits = event.type === "text-start" && this.afterReasoning && !this.hasText;
    this.afterReasoning = false;
    if (!waits) return this.inPlace(event);
    this.waiting = event;
    return [];
  }

  private textDelta(event: Extract<GenerationEvent, { type: "text-delta" }>): GenerationEvent[] {
    const { waiting } = this;
    const text = waiting === undefined ? event.text : event.text.replace(/^[\r\n]+/, "");
    if (text === "") return [];
    this.hasText = true;
    this.waiting = undefined;
    const delta = this.inPlace({ ...event, text });
    return waiting === undefined ? delta : [...this.inPlace(waiting), ...delta];
  }

  private dropEmptyText(): GenerationEvent[] {
    this.waiting = undefined;
    this.dropped += 1;
    this.afterReasoning = true;
    return [];
  }

  private inPlace<Event extends { index: number }>(event: Event): Event[] {
    return [this.dropped === 0 ? event : { ...event, index: event.index - this.dropped }];
  }
}

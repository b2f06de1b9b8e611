import type { Batch, GenerationEvent } from "../../model/event.ts";
import type { Automaton } from "./automaton.ts";
import type { Category } from "./finding.ts";
import { contentOf, endOf, isDelta, isEnd, isStart, type DeltaEvent, type StartEvent } from "./open-item.ts";
import { Scanner } from "./scanner.ts";

export interface WordScreenOptions {
  automaton: Automaton;
  /** Severe words are kept from going out; otherwise they mark the answer like mild ones. */
  blocks: boolean;
}

interface Open {
  start: StartEvent;
  /** An item whose beginning may not go out is never begun. */
  started: boolean;
  scanner: Scanner;
  /** What came and did not go out, from offset `released` of the item's text on. */
  held: string;
  released: number;
}

/**
 * Keeps severe words out of an answer. Text that may be the beginning of one is held back until it is known: at most the
 * longest word, less one character, plus the character that is being spelled. Every item is looked at by itself.
 */
export class WordScreen {
  // fixed at birth
  private readonly automaton: Automaton;
  private readonly holds: boolean;
  // changed by events
  private open: Open | undefined;
  private marked: Category = 0;
  /** A severe word came: the answer is over. */
  stopped = false;

  constructor({ automaton, blocks }: WordScreenOptions) {
    this.automaton = automaton;
    this.holds = blocks && automaton.hasSevere;
  }

  /** What may go out now. */
  accept(batch: Batch): GenerationEvent[] {
    const out: GenerationEvent[] = [];
    for (const event of batch) {
      if (this.stopped) break;
      this.one(event, out);
    }
    return out;
  }

  private one(event: GenerationEvent, out: GenerationEvent[]): void {
    if (isStart(event)) this.begin(event, out);
    else if (this.open !== undefined && isDelta(event)) this.grow(this.open, event, out);
    else if (this.open !== undefined && isEnd(event)) {
      this.open.scanner.end();
      this.release(this.open, out);
      if (!this.stopped) {
        this.startOnce(this.open, out);
        out.push(event);
      }
      this.open = undefined;
    } else out.push(event);
  }

  private begin(start: StartEvent, out: GenerationEvent[]): void {
    const scanner = new Scanner({ automaton: this.automaton, json: start.type === "call-start" });
    this.open = { start, started: !this.holds, scanner, held: "", released: 0 };
    if (!this.holds) out.push(start);
  }

  private grow(open: Open, event: DeltaEvent, out: GenerationEvent[]): void {
    const text = contentOf(event);
    open.scanner.push(text);
    if (this.holds) open.held += text;
    else out.push(event);
    this.release(open, out);
  }

  private release(open: Open, out: GenerationEvent[]): void {
    const { severe, mild, clear } = open.scanner;
    const mark = this.holds ? mild : (severe?.category ?? mild);
    if (mark !== 0 && mark !== this.marked) {
      this.marked = mark;
      out.push({ type: "flag", side: "output", category: mark });
    }
    if (!this.holds) return;
    const length = clear - open.released;
    if (length > 0) {
      this.startOnce(open, out);
      out.push(deltaOf(open.start, open.held.slice(0, length)));
      open.held = open.held.slice(length);
      open.released = clear;
    }
    if (severe === undefined) return;
    this.stopped = true;
    if (open.started) out.push(endOf(open.start));
    out.push({ type: "flag", side: "output", category: severe.category }, { type: "finish", reason: "filter" });
  }

  private startOnce(open: Open, out: GenerationEvent[]): void {
    if (!open.started) out.push(open.start);
    open.started = true;
  }
}

function deltaOf({ type, index }: StartEvent, content: string): DeltaEvent {
  if (type === "call-start") return { type: "call-delta", index, args: content };
  return type === "text-start"
    ? { type: "text-delta", index, text: content }
    : { type: "reasoning-delta", index, text: content };
}

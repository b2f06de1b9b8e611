import type { Batch, GenerationEvent } from "../../model/event.ts";
import type { Automaton } from "./automaton.ts";
import type { Category } from "./finding.ts";
import { contentOf, endOf, isDelta, isEnd, isStart, type DeltaEvent, type StartEvent } from "./open-item.ts";
import { Scanner } from "./scanner.ts";

export interface WordScreenOptions {
  automaton: Automaton;
  /** Whether severe words are withheld; otherwise they mark the answer like mild ones. */
  blocks: boolean;
}

interface OpenItem {
  start: StartEvent;
  /** Whether `start` has been released; that of an item with no text that may be sent never is. */
  started: boolean;
  scanner: Scanner;
  /** Text that is held back, from offset `released` of the item's text on. */
  held: string;
  released: number;
}

/**
 * Keeps severe words out of an answer. Text that may be the beginning of one is held back until that is certain: at most
 * the longest word less one character, and the last character, which marks may follow. Every item is scanned by itself.
 */
export class WordScreen {
  // fixed at birth
  private readonly automaton: Automaton;
  private readonly holds: boolean;
  // changed by events
  /** The item under way, between its start and its end. */
  private open: OpenItem | undefined;
  /** The category that the answer was last marked with; 0 for none. */
  private marked: Category = 0;
  /** A severe word was found: the answer is over. */
  stopped = false;

  constructor({ automaton, blocks }: WordScreenOptions) {
    this.automaton = automaton;
    this.holds = blocks && automaton.hasSevere;
  }

  /** Returns the events that may be sent now. */
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

  private grow(open: OpenItem, event: DeltaEvent, out: GenerationEvent[]): void {
    const text = contentOf(event);
    open.scanner.push(text);
    if (this.holds) open.held += text;
    else out.push(event);
    this.release(open, out);
  }

  private release(open: OpenItem, out: GenerationEvent[]): void {
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

  private startOnce(open: OpenItem, out: GenerationEvent[]): void {
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

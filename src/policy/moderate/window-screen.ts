import type { Batch, GenerationEvent } from "../../model/event.ts";
import type { Category, Check, Verdict } from "./finding.ts";
import { contentOf, endOf, isDelta, isEnd, isStart, type StartEvent } from "./open-item.ts";

export interface WindowScreenOptions {
  /** UTF-16 units of a question; from a quarter of them on it ends with a sentence. */
  window: number;
  /** Whether nothing is sent before it was judged; otherwise findings only mark the answer. */
  blocks: boolean;
}

const sentenceEnd = /[.!?…。！？；\n]["'”’」』）)]*\s*$/;

/**
 * Gathers an answer into windows for a check that takes time. When `accept` makes a question `due`, the caller has it
 * judged, calls `nextWindow`, and gives the verdict to `decide`. A question repeats the window before it, so that what
 * lies across two windows is seen whole.
 */
export class WindowScreen {
  // fixed at birth
  private readonly window: number;
  private readonly blocks: boolean;
  // changed by events
  /** Events that wait for a verdict; only where the screen blocks. */
  private waiting: GenerationEvent[] = [];
  /** The start of the current or last item. */
  private open: StartEvent | undefined;
  /** Whether the start of the current item has been released. */
  private started = false;
  /** The window before this one, of the same item. */
  private before = "";
  /** The window that is being gathered; `nextWindow` empties it. */
  private text = "";
  /** The category that the answer was last marked with; 0 for none. */
  private marked: Category = 0;
  /** The window is full or its item over: its question is to be judged now. */
  due = false;
  /** Something severe was found: the answer is over. */
  stopped = false;

  constructor({ window, blocks }: WindowScreenOptions) {
    this.window = window;
    this.blocks = blocks;
  }

  get question(): string {
    return (this.before + this.text).toWellFormed();
  }

  /** Returns the events that may be sent now. */
  accept(event: GenerationEvent): GenerationEvent[] {
    if (isStart(event)) {
      this.open = event;
      this.started = !this.blocks;
      this.before = "";
    } else if (isDelta(event)) {
      this.text += contentOf(event);
      this.due = this.full();
    } else if (isEnd(event)) this.due = this.text !== "";
    else return [event];
    if (!this.blocks) return [event];
    this.waiting.push(event);
    return isEnd(event) && !this.due ? this.release() : [];
  }

  /** The question is being judged: the next window begins. */
  nextWindow(): void {
    this.before = this.text.slice(-this.window);
    this.text = "";
    this.due = false;
  }

  /** Returns the events that may be sent after a verdict. */
  decide(verdict: Verdict): GenerationEvent[] {
    const out: GenerationEvent[] = [];
    const truncate = this.blocks && verdict?.severity === "severe";
    if (truncate && this.started && this.open !== undefined) out.push(endOf(this.open));
    if (verdict !== undefined && (truncate || verdict.category !== this.marked)) {
      this.marked = verdict.category;
      out.push({ type: "flag", side: "output", category: verdict.category });
    }
    if (!truncate) return [...out, ...this.release()];
    this.stopped = true;
    out.push({ type: "finish", reason: "filter" });
    return out;
  }

  private full(): boolean {
    const { length } = this.text;
    return length >= this.window || (length >= this.window / 4 && sentenceEnd.test(this.text.slice(-8)));
  }

  private release(): GenerationEvent[] {
    const out = this.waiting;
    this.waiting = [];
    this.started ||= out.length > 0;
    return out;
  }
}

export interface JudgedOptions extends WindowScreenOptions {
  check: Check;
  signal: AbortSignal;
}

/** The batches, judged window by window. Where nothing is held back, the verdicts are awaited before the end. */
export async function* screenWindows(batches: AsyncIterable<Batch>, options: JudgedOptions): AsyncGenerator<Batch> {
  const screen = new WindowScreen(options);
  const judge = new Judge(screen, options);
  for await (const batch of batches) {
    const out: GenerationEvent[] = [];
    for (const event of batch) {
      if (event.type === "finish") out.push(...(await judge.rest()));
      out.push(...screen.accept(event));
      if (screen.due) out.push(...(await judge.ask()));
      if (screen.stopped) break;
    }
    if (out.length > 0) yield out;
    if (screen.stopped) return;
  }
}

/** Has the questions of a screen judged: one after the other where it blocks, else at the same time. */
class Judge {
  // fixed at birth
  private readonly screen: WindowScreen;
  private readonly options: JudgedOptions;
  // changed by events
  /** Verdicts that are not awaited yet; only where the screen does not block. */
  private verdicts: Promise<Verdict>[] = [];

  constructor(screen: WindowScreen, options: JudgedOptions) {
    this.screen = screen;
    this.options = options;
  }

  async ask(): Promise<GenerationEvent[]> {
    const { screen } = this;
    const verdict = this.options.check(screen.question, this.options.signal);
    screen.nextWindow();
    if (this.options.blocks) return screen.decide(await verdict);
    // awaited only at the end, and a rejection without a listener would end the process
    verdict.catch(() => undefined);
    this.verdicts.push(verdict);
    return [];
  }

  async rest(): Promise<GenerationEvent[]> {
    const verdicts = await Promise.all(this.verdicts);
    this.verdicts = [];
    return verdicts.flatMap((verdict) => this.screen.decide(verdict));
  }
}

import type { Batch, GenerationEvent } from "../../model/event.ts";
import type { Category, Check, Verdict } from "./finding.ts";
import { contentOf, endOf, isDelta, isEnd, isStart, type StartEvent } from "./open-item.ts";

export interface WindowScreenOptions {
  /** UTF-16 units that are judged at once; from a quarter of them on the end of a sentence is enough. */
  window: number;
  /** Nothing goes out before it was judged; otherwise everything goes out at once and findings mark the answer. */
  blocks: boolean;
}

const sentenceEnd = /[.!?…。！？；\n]["'”’」』）)]*\s*$/;

/**
 * Gathers an answer into windows for a judge that takes time. After each `accept` the caller looks at `due`, has
 * `question` judged and tells the outcome to `settle`. A question shows the window before it once more, so that what
 * lies across two windows is seen whole.
 */
export class WindowScreen {
  // fixed at birth
  private readonly window: number;
  private readonly blocks: boolean;
  // changed by events
  private waiting: GenerationEvent[] = [];
  private open: StartEvent | undefined;
  private started = false;
  private before = "";
  private text = "";
  private marked: Category = 0;
  due = false;
  /** Something severe came: the answer is over. */
  stopped = false;

  constructor({ window, blocks }: WindowScreenOptions) {
    this.window = window;
    this.blocks = blocks;
  }

  get question(): string {
    return (this.before + this.text).toWellFormed();
  }

  /** What may go out now. */
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

  /** The question is on its way, or answered: the next window begins. */
  turn(): void {
    this.before = this.text.slice(-this.window);
    this.text = "";
    this.due = false;
  }

  /** What may go out after a verdict. */
  settle(verdict: Verdict): GenerationEvent[] {
    const out: GenerationEvent[] = [];
    const cut = this.blocks && verdict?.severity === "severe";
    if (cut && this.started && this.open !== undefined) out.push(endOf(this.open));
    if (verdict !== undefined && (cut || verdict.category !== this.marked)) {
      this.marked = verdict.category;
      out.push({ type: "flag", side: "output", category: verdict.category });
    }
    if (!cut) return [...out, ...this.release()];
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

/** The batches, judged window by window. Where nothing is held back the verdicts are awaited before the end. */
export async function* judged(batches: AsyncIterable<Batch>, options: JudgedOptions): AsyncGenerator<Batch> {
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

/** Asks the questions of a screen, one after the other or, where nothing waits for the answer, side by side. */
class Judge {
  // fixed at birth
  private readonly screen: WindowScreen;
  private readonly options: JudgedOptions;
  // changed by events
  private asked: Promise<Verdict>[] = [];

  constructor(screen: WindowScreen, options: JudgedOptions) {
    this.screen = screen;
    this.options = options;
  }

  async ask(): Promise<GenerationEvent[]> {
    const { screen } = this;
    const verdict = this.options.check(screen.question, this.options.signal);
    screen.turn();
    if (this.options.blocks) return screen.settle(await verdict);
    // Nobody waits for it yet, and a rejection without a listener would end the process.
    verdict.catch(() => undefined);
    this.asked.push(verdict);
    return [];
  }

  async rest(): Promise<GenerationEvent[]> {
    const verdicts = await Promise.all(this.asked);
    this.asked = [];
    return verdicts.flatMap((verdict) => this.screen.settle(verdict));
  }
}

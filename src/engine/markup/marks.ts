import type { CallReader } from "./call-reader.ts";
import type { CallMarkup } from "./markup.ts";
import { literal, Pattern, PatternSet } from "./pattern.ts";

/** What a parser looks for in prose. */
export interface Marks {
  /** Thinking tags, openings of calls and leavings of broken ones. */
  all: PatternSet;
  /** Openings of calls that count anywhere. */
  calls: PatternSet;
  /** Those that count only at the start of a line. */
  bare: PatternSet;
}

/** The marks of the answers of one engine. Each kind is made once: its regular expressions take 50 us to make. */
export class MarkSource {
  // changed by events
  /** By the form of calls and the names of thinking tags. */
  private readonly made = new Map<string, Marks>();

  /** `readers`: always the same kinds for one form of calls. */
  of(tags: readonly string[], calls: CallMarkup, readers: readonly CallReader[]): Marks {
    const kind = JSON.stringify([calls, ...tags]);
    const known = this.made.get(kind);
    if (known !== undefined) return known;
    const made = marksOf(tags, readers);
    this.made.set(kind, made);
    return made;
  }
}

function marksOf(tags: readonly string[], readers: readonly CallReader[]): Marks {
  const open = tags.map((tag) => new Pattern("open", ["\\n?", ...literal(`<${tag}>`)]));
  const close = tags.map((tag) => new Pattern("close", ["\\n?", ...literal(`</${tag}>`)]));
  const openers = readers.flatMap((reader) => reader.openers);
  return {
    all: new PatternSet([...open, ...close, ...openers, ...readers.flatMap(({ strays }) => strays)]),
    calls: new PatternSet(openers.filter(({ kind }) => kind !== "bare")),
    bare: new PatternSet(openers.filter(({ kind }) => kind === "bare")),
  };
}

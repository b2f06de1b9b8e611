import { inWord, step, type Automaton, type Pattern } from "./automaton.ts";
import type { Category } from "./finding.ts";
import { NormalizedStream } from "./normalize.ts";

const space = 0x20;

export interface ScannerOptions {
  automaton: Automaton;
  /** The text is JSON: escapes stand for the characters they mean. */
  json: boolean;
}

/** A severe word in the text. */
export interface SevereMatch {
  /** UTF-16 offset in the text where it begins. */
  start: number;
  category: Category;
}

/**
 * Looks for the words of an automaton in one text that arrives in pieces. What is found does not depend on how the text
 * was cut. The first severe word (the one that ends first) ends the search.
 */
export class Scanner {
  // fixed at birth
  private readonly automaton: Automaton;
  private readonly stream: NormalizedStream;
  private readonly mask: number;
  /** The latest normalized units, a ring. */
  private readonly units: Uint16Array;
  /** Where in the text each of them begins. */
  private readonly starts: Float64Array;
  // changed by events
  /** Node of the automaton; `feed` moves it. */
  private state = 0;
  /** Normalized units so far. */
  private count = 0;
  /** The last of them; -1 before the first. */
  private last = -1;
  /** Matches that count unless a letter of the same word follows; `decide` empties it. */
  private waiting: { pattern: Pattern; start: number }[] = [];
  /** Set once, by the severe word that ends first. */
  severe: SevereMatch | undefined;
  /** Category of the first mild word; 0 for none. */
  mild: Category = 0;

  constructor({ automaton, json }: ScannerOptions) {
    const size = 2 ** Math.ceil(Math.log2(automaton.maxUnits + 2));
    this.automaton = automaton;
    this.mask = size - 1;
    this.units = new Uint16Array(size);
    this.starts = new Float64Array(size);
    this.stream = new NormalizedStream({ json, table: automaton.table, feed: (unit, start) => this.feed(unit, start) });
  }

  /** UTF-16 offset up to which the text has no part in any severe word, whatever follows. */
  get clear(): number {
    if (this.severe !== undefined) return this.severe.start;
    const held = this.automaton.hold[this.state] ?? 0;
    return held === 0 ? this.stream.at : this.startOf(this.count - held);
  }

  push(text: string): void {
    if (this.severe === undefined) this.stream.push(text);
  }

  /** The text is over: matches that waited for its end are decided. */
  end(): void {
    if (this.severe !== undefined) return;
    this.stream.end();
    this.decide(-1);
    this.state = 0;
  }

  private feed(unit: number, start: number): void {
    if (this.severe !== undefined || (unit === space && this.last === space)) return;
    if (this.waiting.length > 0) this.decide(unit);
    const { automaton, mask } = this;
    this.last = unit;
    this.units[this.count & mask] = unit;
    this.starts[this.count & mask] = start;
    this.count += 1;
    this.state = step(automaton, this.state, unit);
    let node = this.state;
    if ((automaton.ends[node] ?? 0) === 0) node = automaton.link[node] ?? 0;
    for (; node !== 0; node = automaton.link[node] ?? 0) this.ending((automaton.ends[node] ?? 0) - 1);
  }

  /** A pattern ends with the last unit. */
  private ending(index: number): void {
    const pattern = this.automaton.patterns[index];
    if (pattern === undefined) return;
    const first = this.count - pattern.length;
    if (pattern.edgeBefore && first > 0 && inWord(this.units[(first - 1) & this.mask] ?? 0)) return;
    const found = { pattern, start: this.startOf(first) };
    if (pattern.edgeAfter) this.waiting.push(found);
    else this.accept(found);
  }

  /** Accepts the matches that waited, unless the next unit continues their word; -1: nothing follows. */
  private decide(unit: number): void {
    const { waiting } = this;
    this.waiting = [];
    if (unit < 0 || !inWord(unit)) for (const found of waiting) this.accept(found);
  }

  private accept({ pattern, start }: { pattern: Pattern; start: number }): void {
    if (pattern.severity === "severe") this.severe ??= { start, category: pattern.category };
    else if (this.mild === 0) this.mild = pattern.category;
  }

  private startOf(index: number): number {
    return this.starts[index & this.mask] ?? 0;
  }
}

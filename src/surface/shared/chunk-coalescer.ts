import type { ChunkSize } from "./chunk-size.ts";

const none: readonly string[] = [];
/** Characters under which a piece counts as tiny by the vendor's checks. */
const tinyChars = 5;
/** Units a first piece needs and units held back for the last piece: above `tinyChars` also when half are surrogates. */
const reserveChars = 8;
/** How many times `maxWaitMs` a tiny piece is held, so that a slow model does not drip single characters. */
const maxTinyWaits = 4;
const joiner = 0x200d;
const clusters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/**
 * Gathers the small pieces of a model into chunks of a good size. Cuts never split a think tag, a surrogate pair or a
 * grapheme. The last few characters stay back until `drain`, so that the last chunk is not a tiny one.
 */
export class ChunkCoalescer {
  // fixed at birth
  private readonly size: ChunkSize;
  // changed by events
  /** Text that was pushed and not yet given out. */
  private held = "";
  /** Places in `held` that must not be cut; added by `push`. */
  private atoms: { start: number; end: number }[] = [];
  /** No chunk of the current text was given out yet; set again by `drain`. */
  private first = true;
  /** How often `wait` held a tiny piece back since the last chunk. */
  private waits = 0;

  constructor(size: ChunkSize) {
    this.size = size;
  }

  get pending(): boolean {
    return this.held !== "";
  }

  push(text: string, atomic: boolean): void {
    if (atomic) this.atoms.push({ start: this.held.length, end: this.held.length + text.length });
    this.held += text;
  }

  /** Chunks that are ready. */
  take(): readonly string[] {
    const least = this.first ? Math.min(this.size.minChars, reserveChars) : this.size.minChars;
    const keep = Math.min(least, reserveChars);
    return this.held.length < least + keep ? none : this.cut(this.held.length - keep);
  }

  /** All that is held, after `maxWaitMs`; less than `tinyChars` wait a few times longer. */
  wait(): readonly string[] {
    const least = Math.min(tinyChars, this.size.minChars);
    if (this.held.length < least * 2 && countPoints(this.held) < least && this.waits < maxTinyWaits) {
      this.waits += 1;
      return none;
    }
    return this.cut(this.held.length);
  }

  /** All that is held, at the end of its text; the next text starts anew. */
  drain(): readonly string[] {
    const chunks: string[] = [];
    while (this.held !== "") {
      const cut = this.cut(this.held.length);
      chunks.push(...(cut.length > 0 ? cut : [this.remove(this.held.length)]));
    }
    this.first = true;
    return chunks;
  }

  private cut(end: number): readonly string[] {
    const chunks: string[] = [];
    const { maxChars } = this.size;
    for (let left = end; left > 0;) {
      // Two halves instead of a full chunk and a crumb.
      const wanted = left > maxChars && left < 2 * maxChars ? Math.ceil(left / 2) : Math.min(left, maxChars);
      const place = this.boundary(wanted);
      if (place === 0) break;
      chunks.push(this.remove(place));
      left -= place;
    }
    return chunks;
  }

  private remove(place: number): string {
    const chunk = this.held.slice(0, place);
    this.held = this.held.slice(place);
    this.atoms = this.atoms
      .filter((atom) => atom.end > place)
      .map((atom) => ({ start: atom.start - place, end: atom.end - place }));
    this.first = false;
    this.waits = 0;
    return chunk;
  }

  /** The place near `wanted` where a cut does no harm; 0 when there is none yet. */
  private boundary(wanted: number): number {
    const atom = this.atoms.find((one) => one.start < wanted && wanted < one.end);
    if (atom !== undefined) return atom.start >= tinyChars ? atom.start : atom.end;
    if (wanted === this.held.length) return this.finished();
    const place = clusterStart(this.held, wanted);
    if (place > 0 || wanted < this.size.maxChars) return place;
    // One cluster longer than a chunk: only the surrogate pair is kept whole.
    return isLow(this.held.charCodeAt(wanted)) && wanted > 1 ? wanted - 1 : wanted;
  }

  /** The held length without a character that is still growing. */
  private finished(): number {
    const last = this.held.charCodeAt(this.held.length - 1);
    if (isHigh(last)) return this.held.length - 1;
    return last === joiner ? clusterStart(this.held, this.held.length - 1) : this.held.length;
  }
}

/** The start of the grapheme that holds the unit at `place`, looked at in a small window. */
function clusterStart(text: string, place: number): number {
  if (isPlain(text.charCodeAt(place)) && isPlain(text.charCodeAt(place - 1))) return place;
  let from = Math.max(0, place - 64);
  if (isLow(text.charCodeAt(from)) && from > 0) from -= 1;
  const found = clusters.segment(text.slice(from, place + 64)).containing(place - from);
  return found === undefined ? place : from + found.index;
}

/** Latin, and Han ideographs: never joined with their neighbours, save for a carriage return. */
function isPlain(code: number): boolean {
  return (code >= 0x20 && code < 0x300) || (code >= 0x3400 && code < 0xa000);
}

function isHigh(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000;
}

function countPoints(text: string): number {
  return Array.from(text).length;
}

import { escapeLength, readEscape, unfinished } from "../../lib/json-scanner/string.ts";

/**
 * One form for all spellings of a text: NFKC (which makes full-width letters plain), one case, no invisible characters,
 * one space for every run of white space. It works on a stream: what comes out does not depend on how the text was cut.
 */

const invisible = /\p{Default_Ignorable_Code_Point}/gu;
const isInvisible = /^\p{Default_Ignorable_Code_Point}/u;
/** Marks and the later letters of a Hangul syllable join what stands before them. */
const joins = /^[\p{M}\u1160-\u11ff\ud7b0-\ud7ff]/u;
/** Marks a unit whose normalized form depends on its neighbours or has several units. */
const slow = 1;
const backslash = 0x5c;
/** UTF-16 units of a character with its marks; a longer row of marks is divided here. */
const maxClusterUnits = 64;

/** Called with each normalized UTF-16 unit and the offset in the source at which its character begins. */
export type Feed = (unit: number, start: number) => void;

/** How single units are normalized, computed at their first use: common text costs a table look-up. */
export class NormalTable {
  // changed by events
  /** By unit: its normalized form, `slow`, or 0 while it is not computed. */
  private readonly units = new Uint16Array(65_536);

  /** The normalized form of a unit that neither joins nor needs more than one unit; `slow` for all others. */
  simple(unit: number): number {
    const known = this.units[unit] ?? slow;
    return known === 0 ? this.compute(unit) : known;
  }

  private compute(unit: number): number {
    const text = String.fromCharCode(unit);
    const normalized = normalizeCluster(text);
    const alone = normalized.length === 1 && text.isWellFormed() && !continues(text) && normalized.charCodeAt(0) > slow;
    const form = alone ? normalized.charCodeAt(0) : slow;
    this.units[unit] = form;
    return form;
  }
}

export interface NormalizedStreamOptions {
  /** The text is JSON: escapes stand for the characters they mean. */
  json: boolean;
  table: NormalTable;
  feed: Feed;
}

/** Normalizes a text that arrives in pieces. A character waits until the next one begins, for marks may follow it. */
export class NormalizedStream {
  // fixed at birth
  private readonly json: boolean;
  private readonly table: NormalTable;
  private readonly feed: Feed;
  // changed by events
  /** The source from `base` on: a character that may go on. */
  private rest = "";
  /** Offset in the source up to which everything was fed. */
  private base = 0;

  constructor({ json, table, feed }: NormalizedStreamOptions) {
    this.json = json;
    this.table = table;
    this.feed = feed;
  }

  /** Offset in the source up to which everything was fed. */
  get at(): number {
    return this.base;
  }

  push(text: string): void {
    this.read(this.rest + text, false);
  }

  /** The text is over. */
  end(): void {
    this.read(this.rest, true);
  }

  private read(source: string, final: boolean): void {
    const { table, feed, json, base } = this;
    const last = source.length - 1;
    let at = 0;
    while (at < source.length) {
      const unit = source.charCodeAt(at);
      const next = source.charCodeAt(at + 1);
      const plain = at < last && !(json && (unit === backslash || next === backslash));
      const form = plain && table.simple(next) !== slow ? table.simple(unit) : slow;
      if (form !== slow) {
        feed(form, base + at);
        at += 1;
        continue;
      }
      const end = this.cluster(source, at, final);
      if (end < 0) break;
      at = end;
    }
    this.rest = source.slice(at);
    this.base = base + at;
  }

  /** Feeds the character at `at` with all that joins it; returns where it ends, or -1 when it may still go on. */
  private cluster(source: string, at: number, final: boolean): number {
    let text = "";
    let next = at;
    while (next - at < maxClusterUnits) {
      const point = readPoint(source, next, { json: this.json, final });
      if (point === undefined && !final) return -1;
      if (point === undefined || (text !== "" && !continues(point.text))) break;
      text += point.text;
      next += point.length;
    }
    const normalized = normalizeCluster(text);
    for (let index = 0; index < normalized.length; index++) this.feed(normalized.charCodeAt(index), this.base + at);
    return next;
  }
}

/** Normalizes a whole text. Share one table between many calls. */
export function normalize(text: string, table: NormalTable = new NormalTable()): string {
  const units: string[] = [];
  let before = "";
  const stream = new NormalizedStream({
    json: false,
    table,
    feed: (unit) => {
      const letter = String.fromCharCode(unit);
      if (letter !== " " || before !== " ") units.push(letter);
      before = letter;
    },
  });
  stream.push(text);
  stream.end();
  return units.join("");
}

function normalizeCluster(text: string): string {
  // Upper case first: it is what makes ß and the two small sigmas one.
  const cased = text.replace(invisible, "").normalize("NFKC").toUpperCase().toLowerCase();
  return cased.normalize("NFKC").replace(/\s+/g, " ");
}

function continues(point: string): boolean {
  return isInvisible.test(point) || joins.test(point.normalize("NFKD"));
}

interface Point {
  text: string;
  /** UTF-16 units of the source. */
  length: number;
}

/** One code point; `undefined` when the source ends before or within it. */
function readPoint(source: string, at: number, { json, final }: { json: boolean; final: boolean }): Point | undefined {
  if (at >= source.length) return undefined;
  if (json && source.charCodeAt(at) === backslash) return readEscapedPoint(source, at, final);
  const text = String.fromCodePoint(source.codePointAt(at) ?? 0);
  if (!final && at === source.length - 1 && isHigh(source.charCodeAt(at))) return undefined;
  return { text, length: text.length };
}

/** The code point that an escape stands for; a backslash that begins none is only itself. */
function readEscapedPoint(source: string, at: number, final: boolean): Point | undefined {
  const unit = readEscape(source, at);
  if (unit < 0) return unit === unfinished && !final ? undefined : { text: "\\", length: 1 };
  const point = { text: String.fromCharCode(unit), length: escapeLength(source, at) };
  if (!isHigh(unit)) return point;
  // its other half may follow as an escape, too
  const next = at + point.length;
  const low = next >= source.length ? unfinished : source.charCodeAt(next) === backslash ? readEscape(source, next) : 0;
  if (low === unfinished && !final) return undefined;
  return low >= 0xdc00 && low <= 0xdfff ? { text: String.fromCharCode(unit, low), length: point.length + 6 } : point;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

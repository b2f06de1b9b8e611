import { LongText, wholeCharacters } from "../long-text.ts";
import { JsonFault, parsed } from "./fault.ts";

/** Bytes that are looked at in one step: less than a millisecond. */
const stepBytes = 65_536;
/**
 * Bytes of a piece without escapes, and of one with them. Strings of this size are never moved by the collector of young
 * objects; with 60 MB in strings of 64 kB it took 0.1 s at a time.
 */
const plainPieceBytes = 1 << 20;
const escapedPieceBytes = 256 * 1024;
/** Bytes without escapes that are made a string at once: one that is joined from pieces is copied once more. */
const wholeBytes = 10 << 20;

const quote = 0x22;
const backslash = 0x5c;
const letterU = 0x75;

/** Reads one string of JSON in valid UTF-8, step by step: first how far it goes, then the text. */
export class ByteString {
  // fixed at birth
  private readonly bytes: Buffer;
  private readonly maxUnits: number;
  // changed by events
  /** Up to where it was looked at, never inside an escape; behind the quotation mark when it is over. */
  at: number;
  /** Once it is over: a `LongText` where it has more than `maxUnits` UTF-16 units. */
  value: string | LongText = "";
  /** From where on it is not text yet. */
  private from: number;
  /** From where on there are escapes, at the beginning of a character; absent: there are none since `from`. */
  private escapesFrom: number | undefined;
  /** All bits of the bytes since `from`: below 0x80 they are ASCII. */
  private bits = 0;
  /** Bytes that are no UTF-16 unit of their own, where there are no escapes. */
  private surplus = 0;
  /** Whether its end was found, at `at`. */
  private ended = false;
  /** Whether what was looked at is now made text. */
  private taking = false;
  /** The text, but for the last piece. */
  private readonly pieces: string[] = [];
  /** The first half of a pair of surrogates at the end of the last piece. */
  private half = "";

  /** `at`: behind the quotation mark that begins it. */
  constructor(bytes: Buffer, at: number, maxUnits: number) {
    this.bytes = bytes;
    this.maxUnits = maxUnits;
    this.at = at;
    this.from = at;
  }

  /** One step; true when the string is over. Throws `JsonFault`. */
  advance(): boolean {
    if (this.taking) this.take();
    else this.look();
    if (!this.ended || this.from < this.at) return false;
    this.at += 1;
    if (this.pieces.length > 0) this.value = this.whole();
    return true;
  }

  /** Looks for its end. */
  private look(): void {
    const { bytes } = this;
    const start = this.at;
    const limit = Math.min(bytes.length, start + stepBytes);
    let { at, bits, surplus } = this;
    let escapes = false;
    for (; at < limit; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === quote) break;
      if (byte < 0x20) throw new JsonFault("syntax");
      bits |= byte;
      if (byte >= 0x80) surplus += byte < 0xc0 ? 1 : byte < 0xf0 ? 0 : -1;
      if (byte !== backslash) continue;
      escapes = true;
      at += bytes[at + 1] === letterU ? 5 : 1;
    }
    if (at >= bytes.length) throw new JsonFault("syntax");
    this.at = at;
    this.bits = bits;
    this.surplus = surplus;
    this.ended = at < limit;
    if (escapes) this.escapesFrom ??= wholeCharacters(bytes, start);
    const isDue = this.escapesFrom !== undefined && at - this.escapesFrom >= escapedPieceBytes;
    if (this.ended && this.isLong()) this.from = at;
    else this.taking = this.ended || isDue;
    // most strings are over by now
    if (this.ended && this.from === start && start < at) this.take();
  }

  /** Whether it is over, without escapes and with too many units: its bytes stay what they are. */
  private isLong(): boolean {
    const { bytes, from, at, surplus } = this;
    const units = at - from - surplus;
    if (units <= this.maxUnits || this.escapesFrom !== undefined || this.pieces.length > 0) return false;
    this.value = new LongText(bytes.subarray(from, at), units);
    return true;
  }

  /** Makes one piece text. */
  private take(): void {
    const { bytes, from, at, escapesFrom } = this;
    const plainEnd = escapesFrom ?? at;
    if (from < plainEnd) {
      const alone = this.ended && escapesFrom === undefined && this.pieces.length === 0 && at - from <= wholeBytes;
      const until = alone ? at : wholeCharacters(bytes, Math.min(plainEnd, from + plainPieceBytes));
      this.add(this.decoded(from, until));
      this.from = until;
    } else {
      const until = this.ended ? at : wholeCharacters(bytes, at);
      this.add(parsed(`"${this.decoded(from, until)}"`) as string);
      this.from = until;
      this.escapesFrom = undefined;
    }
    if (!this.ended && this.escapesFrom === undefined) this.taking = false;
  }

  private decoded(from: number, until: number): string {
    return this.bits < 0x80 ? this.bytes.toString("latin1", from, until) : this.bytes.toString("utf8", from, until);
  }

  private add(text: string): void {
    const whole = this.half === "" ? text : this.half + text;
    const isHalf = (whole.charCodeAt(whole.length - 1) & 0xfc00) === 0xd800;
    this.half = isHalf ? whole.slice(-1) : "";
    this.pieces.push(isHalf ? whole.slice(0, -1) : whole);
  }

  private whole(): string | LongText {
    const { pieces, half, maxUnits } = this;
    if (half !== "") pieces.push(half);
    const [first = ""] = pieces;
    if (pieces.length <= 1 && first.length <= maxUnits) return first;
    const long = new LongText(pieces);
    return long.length > maxUnits ? long : pieces.reduce((joined, piece) => joined + piece, "");
  }
}

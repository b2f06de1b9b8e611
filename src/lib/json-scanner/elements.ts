/** A place in bytes that come in pieces. */
interface Place {
  piece: number;
  at: number;
}

/** An object that is an element of an array, by its text. */
export interface ArrayElement {
  from: Place;
  /** Behind its last byte. */
  to: Place;
  bytes: number;
  /** The value of its first member, where that is named `id` and is a string. */
  id: string | undefined;
}

const idName = Buffer.from("id");
const noBytes = Buffer.alloc(0);
const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const openArray = 0x5b;
const closeArray = 0x5d;
const openObject = 0x7b;
const closeObject = 0x7d;

/**
 * Finds the objects of an array in its JSON text, UTF-8 that comes in pieces. Nothing is built of them: a long string is passed over as
 * fast as its end is found. The text is one that `JSON.stringify` has written; nothing is checked.
 */
export class ElementScanner {
  // changed by events
  /** Number of the piece that comes next. */
  private piece = 0;
  /** Arrays and objects that are open. */
  private depth = 0;
  /** Whether a string is open. */
  private inString = false;
  /** Whether the next byte belongs to an escape. */
  private escaped = false;
  /** The last byte outside of strings. */
  private before = 0;
  /** Where the open element begins. */
  private from: Place = { piece: 0, at: 0 };
  /** Bytes of it in earlier pieces. */
  private bytes = 0;
  /** Its first two strings, as they are written; the last one may be open. */
  private strings: Buffer[] = [];
  /** Whether the open string is one of these. */
  private keeping = false;

  /** The elements that end in the next piece. */
  push(piece: Buffer): ArrayElement[] {
    const found: ArrayElement[] = [];
    for (let at = this.inString ? this.string(piece, 0) : 0; at < piece.length; at += 1) {
      const code = piece[at] ?? 0;
      if (code === quote) {
        this.beginString();
        at = this.string(piece, at + 1) - 1;
        continue;
      }
      if (code === openObject || code === openArray) this.open(at);
      else if ((code === closeObject || code === closeArray) && this.close()) found.push(this.element(at + 1));
      this.before = code;
    }
    // what is open goes on in the next piece
    if (this.depth > 1) this.bytes += piece.length - this.begin();
    this.piece += 1;
    return found;
  }

  private open(at: number): void {
    this.depth += 1;
    if (this.depth !== 2) return;
    this.from = { piece: this.piece, at };
    this.bytes = 0;
    this.strings = [];
  }

  /** Whether an element ends. */
  private close(): boolean {
    this.depth -= 1;
    return this.depth === 1;
  }

  private element(end: number): ArrayElement {
    const [name, value] = this.strings;
    const id = name?.equals(idName) === true && value !== undefined ? unescaped(value) : undefined;
    return { from: this.from, to: { piece: this.piece, at: end }, bytes: this.bytes + end - this.begin(), id };
  }

  /** Where the open element begins in this piece. */
  private begin(): number {
    return this.from.piece === this.piece ? this.from.at : 0;
  }

  private beginString(): void {
    this.inString = true;
    // its first member: a name behind the brace, a value behind the colon
    const expected = [openObject, colon][this.strings.length];
    this.keeping = this.depth === 2 && this.before === expected;
    if (this.keeping) this.strings.push(noBytes);
    // only the first member counts
    else if (this.depth === 2 && this.strings.length < 2) this.strings = [noBytes, noBytes];
  }

  /** Passes over a string, from inside it; returns where the piece goes on. */
  private string(piece: Buffer, start: number): number {
    let from = this.escaped ? start + 1 : start;
    this.escaped = false;
    for (;;) {
      const end = piece.indexOf(quote, from);
      const stop = end < 0 ? piece.length : end;
      const isEscaped = backslashesBefore(piece, stop, from) % 2 === 1;
      if (end >= 0 && isEscaped) {
        from = end + 1;
        continue;
      }
      if (this.keeping) this.strings.push(Buffer.concat([this.strings.pop() ?? noBytes, piece.subarray(start, stop)]));
      if (end >= 0) {
        this.inString = false;
        return end + 1;
      }
      this.escaped = isEscaped;
      return piece.length;
    }
  }
}

/** How many backslashes stand directly before `end`, not before `start`. */
function backslashesBefore(bytes: Buffer, end: number, start: number): number {
  let at = end;
  while (at > start && bytes[at - 1] === backslash) at -= 1;
  return end - at;
}

/** The string of these bytes, as it is written between its quotes. */
function unescaped(bytes: Buffer): string {
  return JSON.parse(`"${bytes.toString()}"`) as string;
}

/** What ends the repetition: the string, or the object that holds a key twice. */
export type Ending = '"' | "}";

/** A string repeats itself where its end is one piece, of at most this many characters, again and again. */
const longestPiece = 80;
/** When a string counts as one that repeats itself. */
export interface RepeatBounds {
  /** How often the piece must stand in a row. */
  times: number;
  /** Over how many characters, at least. */
  chars: number;
}

/** Rulers, padding and refrains of people are shorter. */
const usualBounds: RepeatBounds = { times: 7, chars: 100 };
/** One character, as in a ruler. */
const leastOfOneChar = 200;
/** Characters of a string between two looks for a repetition. */
const lookEvery = 16;

interface ObjectSeen {
  keys: Set<string>;
  /** Whether a key was written twice. */
  repeats: boolean;
}

/**
 * Reads the JSON of one answer as it is written and finds where a small model runs in circles: the same words over and over
 * in one string, or a key of an object once more. Whoever decodes can then end the string or the object; JSON and
 * schema say no more than that either may be of any length.
 */
export class JsonRepeat {
  // fixed at birth
  private readonly bounds: RepeatBounds;
  // changed by events
  /** The open objects, and undefined for the open arrays. */
  private readonly open: (ObjectSeen | undefined)[] = [];
  /** The end of the string that is open; undefined outside strings. */
  private text: string | undefined;
  /** Whether the open string is a key. */
  private isKey = false;
  /** Whether a string that begins now is a key. */
  private atKey = false;
  /** Whether the next character of the string is escaped. */
  private escaped = false;
  /** Characters since the last look at the open string. */
  private unseen = 0;
  /** Whether the open string repeats itself. */
  private circles = false;

  constructor(bounds: RepeatBounds = usualBounds) {
    this.bounds = bounds;
  }

  /** Whether the JSON has begun and not ended. */
  get inside(): boolean {
    return this.open.length > 0 || this.text !== undefined;
  }

  /** Whether the innermost object holds a key twice: nothing more should come in it. */
  get full(): boolean {
    return this.open.at(-1)?.repeats === true;
  }

  /** What should come as soon as it may. */
  get ending(): Ending | undefined {
    if (this.text !== undefined) return this.circles ? '"' : undefined;
    return this.full ? "}" : undefined;
  }

  feed(text: string): void {
    for (const character of text) {
      if (this.text === undefined) this.outside(character);
      else this.inString(character, this.text);
    }
  }

  private outside(character: string): void {
    if (character === '"') {
      this.text = "";
      this.unseen = 0;
      this.circles = false;
      this.isKey = this.atKey;
    } else if (character === "{") this.open.push({ keys: new Set(), repeats: false });
    else if (character === "[") this.open.push(undefined);
    else if (character === "}" || character === "]") this.open.pop();
    else if (character !== "," && character !== ":") return;
    this.atKey = (character === "{" || character === ",") && this.open.at(-1) !== undefined;
  }

  private inString(character: string, text: string): void {
    if (this.escaped) this.escaped = false;
    else if (character === "\\") this.escaped = true;
    else if (character === '"') return this.endString(text);
    this.text = text + character;
    if (++this.unseen < lookEvery) return;
    this.unseen = 0;
    this.circles = repeatsAtEnd(this.text, this.bounds);
    // a key stays whole
    if (!this.isKey) this.text = this.text.slice(-this.bounds.times * longestPiece);
  }

  private endString(text: string): void {
    this.text = undefined;
    const object = this.open.at(-1);
    if (!this.isKey || object === undefined) return;
    object.repeats ||= object.keys.has(text);
    object.keys.add(text);
  }
}

/** Whether the text ends in one piece again and again. */
function repeatsAtEnd(text: string, { times, chars: least }: RepeatBounds): boolean {
  const isOneChar = text.at(-1) === text.at(-2) && new Set(text.slice(-least)).size === 1;
  for (let piece = 1; piece <= longestPiece; piece++) {
    const chars = isOneChar || piece === 1 ? leastOfOneChar : Math.max(least, times * piece);
    if (chars > text.length) continue;
    let at = text.length - 1;
    while (at >= text.length - chars + piece && text[at] === text[at - piece]) at--;
    if (at < text.length - chars + piece) return true;
  }
  return false;
}

/**
 * The simulator's tokenizer: cheap, deterministic and exact: the tokens of a text, joined, are the text, no
 * token cuts a surrogate pair, and the work is linear. About 4 Latin letters, 2 Han characters or 1 emoji per token.
 */

/** Classes of UTF-16 units: numbers, because a prompt of megabytes is looked up unit by unit. */
const letter = 0;
const digit = 1;
const space = 2;
const mark = 3;
const other = 4;
const han = 5;
const single = 6;
/** How many units of one class a token may hold, by class. */
const longest: readonly number[] = [5, 3, 8, 2, 3, 2, 1];

const firstCjk = 0x2e80;
/** The block of common Han characters; vendors' tokenizers hold most pairs of them as one token. */
const firstHan = 0x4e00;
const lastHan = 0x9fff;

/** The class of each UTF-16 unit. */
const classes = Uint8Array.from({ length: 0x10000 }, (_, code) => (code < 128 ? asciiClass(code) : wideClass(code)));

function asciiClass(code: number): number {
  const unit = String.fromCharCode(code);
  if (/[A-Za-z]/.test(unit)) return letter;
  if (/\d/.test(unit)) return digit;
  return /\s/.test(unit) ? space : mark;
}

function wideClass(code: number): number {
  if (code < firstCjk) return other;
  return code >= firstHan && code <= lastHan ? han : single;
}

/** Where the token that starts at `from` ends. */
export function tokenEnd(text: string, from: number): number {
  let at = from;
  // A space goes with the word it precedes, as in the tokenizers of real models.
  if (text.charCodeAt(at) === 0x20 && at + 1 < text.length && classes[text.charCodeAt(at + 1)] === letter) at += 1;
  const kind = classes[text.charCodeAt(at)] ?? mark;
  if (kind === single) return at + pairLength(text, at);
  const limit = Math.min(text.length, at + (longest[kind] ?? 1));
  at += 1;
  while (at < limit && classes[text.charCodeAt(at)] === kind) at += 1;
  return at;
}

function pairLength(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

export function* splitTokens(text: string): Generator<string, void> {
  for (let at = 0; at < text.length;) {
    const end = tokenEnd(text, at);
    yield text.slice(at, end);
    at = end;
  }
}

export function countTokens(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at = tokenEnd(text, at)) count += 1;
  return count;
}

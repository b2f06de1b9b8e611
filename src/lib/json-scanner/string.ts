/** The inside of JSON strings (RFC 8259, section 7), by character codes: shared by all who read JSON text in pieces. */

/** `readEscape`: the text ends inside the escape. */
export const unfinished = -1;
/** `readEscape`: JSON has no such escape; every reader takes the backslash as itself and reads on behind it. */
export const notAnEscape = -2;

const quote = 0x22;
const backslash = 0x5c;
const letters = '"\\/bfnrtu';
const meanings = '"\\/\b\f\n\r\t';

/** The UTF-16 unit that the escape at `at`, a backslash, stands for; `unfinished` or `notAnEscape` where there is none. */
export function readEscape(text: string, at: number): number {
  if (at + 1 >= text.length) return unfinished;
  const letter = letters.indexOf(text.charAt(at + 1));
  if (letter < 0) return notAnEscape;
  return letter < meanings.length ? meanings.charCodeAt(letter) : hexUnit(text, at + 2);
}

/** Characters of a whole escape. */
export function escapeLength(text: string, at: number): number {
  return text.charAt(at + 1) === "u" ? 6 : 2;
}

/** Where the run of characters ends that stand for themselves: at a quotation mark, a backslash or a control character. */
export function plainEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote || code === backslash || code < 0x20) break;
  }
  return at;
}

/** Where the quotation mark stands that ends the string; the text's length where none does. Leaps over long strings. */
export function stringEnd(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) {
    let before = at - 1;
    while (before >= from && text.charCodeAt(before) === backslash) before--;
    // an even number of backslashes escape each other
    if ((at - before) % 2 === 1) return at;
  }
  return text.length;
}

function hexUnit(text: string, from: number): number {
  let unit = 0;
  for (let at = from; at < from + 4; at++) {
    if (at >= text.length) return unfinished;
    const digit = hexDigit(text.charCodeAt(at));
    if (digit < 0) return notAnEscape;
    unit = unit * 16 + digit;
  }
  return unit;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

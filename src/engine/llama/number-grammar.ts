import { anyOf, literal, repeat } from "./grammar.ts";

/** Bounds; absent where there is none. */
export interface Range {
  least?: number | undefined;
  most?: number | undefined;
  /** The bound itself lies outside. */
  openLeast?: boolean | undefined;
  openMost?: boolean | undefined;
}

/** Digits of the largest number that is written without a bound; JavaScript keeps 15 exactly. */
const maxDigits = 15;

/** The body that matches every whole number of the range, and no other; undefined where there is none. */
export function integerIn({ least, most, openLeast = false, openMost = false }: Range): string | undefined {
  const low = least === undefined ? undefined : openLeast ? Math.floor(least) + 1 : Math.ceil(least);
  const high = most === undefined ? undefined : openMost ? Math.ceil(most) - 1 : Math.floor(most);
  const ways: string[] = [];
  if (low === undefined || low < 0) {
    const from = high === undefined || high > -1 ? 1 : -high;
    const digits = upTo(from, low === undefined ? undefined : -low);
    if (digits !== undefined) ways.push(`"-" ${digits}`);
  }
  if (high === undefined || high >= 0) {
    const digits = upTo(Math.max(0, low ?? 0), high);
    if (digits !== undefined) ways.push(digits);
  }
  return ways.length === 0 ? undefined : anyOf(ways);
}

/** The body of numbers in the range: whole ones, and those with a fraction that lie between two whole ones of it. */
export function numberIn(range: Range): string {
  const { least, most, openLeast = false, openMost = false } = range;
  const fraction = '"." [0-9]{1,6}';
  const whole = integerIn(range);
  const above = integerIn({
    ...(least !== undefined && least >= 0 ? { least, openLeast } : { least: 0 }),
    most: most === undefined ? undefined : Math.floor(most) - 1,
  });
  const below = integerIn({
    least: least === undefined ? undefined : Math.ceil(least) + 1,
    ...(most !== undefined && most <= -1 ? { most, openMost } : { most: -1 }),
  });
  const ways = [whole, above && `${above} ${fraction}`, below && `${below} ${fraction}`, besideLeast(range)].filter(
    (way) => way !== undefined,
  );
  if (ways.length > 0) return anyOf(ways);
  // nothing of that kind lies in the range: its ends are all that is offered, or what is between them
  const ends = [openLeast ? undefined : least, openMost ? undefined : most].filter((end) => end !== undefined);
  return anyOf((ends.length > 0 ? ends : [((least ?? 0) + (most ?? 0)) / 2]).map((end) => literal(String(end))));
}

/** Fractions behind a whole bound that itself lies outside. */
function besideLeast({ least, most, openLeast = false }: Range): string | undefined {
  if (!openLeast || least === undefined || !Number.isSafeInteger(least) || least < 0) return undefined;
  return most !== undefined && most < least + 1 ? undefined : `${literal(String(least))} "." [0-9]{0,5} [1-9]`;
}

/** Whole numbers from `low` (0 or more) to `high`, which may be absent. */
function upTo(low: number, high: number | undefined): string | undefined {
  const last = high ?? 10 ** String(low).length - 1;
  const ways: string[] = [];
  // numbers of one length at a time
  for (let from = low; from <= last && String(from).length <= maxDigits; from = 10 ** String(from).length) {
    ways.push(sameLength(String(from), String(Math.min(last, 10 ** String(from).length - 1))));
  }
  const more = String(low).length;
  if (high === undefined && more < maxDigits) ways.push(`[1-9] ${repeat("[0-9]", more, maxDigits - 1)}`);
  return ways.length === 0 ? undefined : anyOf(ways);
}

/** Numbers between two of the same length, digit by digit. */
function sameLength(low: string, high: string): string {
  if (low === high) return literal(low);
  const [first, last] = [low.charAt(0), high.charAt(0)];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  if (lowRest === "") return `[${first}-${last}]`;
  if (first === last) return `${literal(first)} ${sameLength(lowRest, highRest)}`;
  const free = repeat("[0-9]", lowRest.length, lowRest.length);
  const all = lowRest.replace(/./gu, "0");
  const nines = lowRest.replace(/./gu, "9");
  const ways: string[] = [];
  const begin = lowRest === all ? Number(first) : Number(first) + 1;
  const end = highRest === nines ? Number(last) : Number(last) - 1;
  if (lowRest !== all) ways.push(`${literal(first)} ${sameLength(lowRest, nines)}`);
  if (begin <= end) ways.push(`[${begin}-${end}] ${free}`);
  if (highRest !== nines) ways.push(`${literal(last)} ${sameLength(all, highRest)}`);
  return anyOf(ways);
}

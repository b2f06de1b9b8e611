import { isNetwork } from "../lib/cidr.ts";
import { invalid } from "../model/error.ts";
import type { Limits } from "../model/limit.ts";

/** What an operator says of a key. Absent fields stay as they are; `null` takes away. */
export interface KeyInput {
  name?: string;
  owner?: string;
  /** Id of an organisation. */
  organisation?: string | null;
  tags?: readonly string[];
  /** Model names; `null` for all. */
  models?: readonly string[] | null;
  /** Addresses and CIDR ranges; `null` for everywhere. */
  ranges?: readonly string[] | null;
  limits?: Limits;
  /** Milliseconds since the Unix epoch. */
  expiresAt?: number | null;
}

const longestText = 200;
const longestList = 200;

/** Throws `invalid`, naming the field. */
export function checkKeyInput(input: KeyInput): void {
  if (input.name !== undefined) checkName(input.name);
  if (input.owner !== undefined) checkText("owner", input.owner);
  checkList("tags", input.tags);
  checkList("models", input.models);
  checkList("ranges", input.ranges);
  for (const [index, range] of (input.ranges ?? []).entries()) {
    if (!isNetwork(range)) throw invalid(`ranges[${index}]`, `${JSON.stringify(range)} is no address or CIDR range`);
  }
  if (input.limits !== undefined) checkLimits(input.limits);
  const { expiresAt } = input;
  if (expiresAt !== undefined && expiresAt !== null && !Number.isSafeInteger(expiresAt)) {
    throw invalid("expiresAt", "must be a time");
  }
}

export function checkName(name: string): void {
  if (name.trim() === "") throw invalid("name", "must not be empty");
  checkText("name", name);
}

export function checkLimits(limits: Limits): void {
  for (const [name, value] of Object.entries(limits)) {
    const whole = name !== "growth";
    if (!(value >= 1) || (whole && !Number.isSafeInteger(value))) {
      throw invalid(`limits.${name}`, `must be ${whole ? "an integer" : "a number"} of 1 or more`);
    }
  }
}

function checkText(field: string, text: string): void {
  // PostgreSQL keeps no NUL, and nobody needs control characters in a label
  if (text.length > longestText) throw invalid(field, `must have at most ${longestText} characters`);
  if (/\p{Cc}/u.test(text)) throw invalid(field, "must not hold control characters");
}

function checkList(field: string, list: readonly string[] | null | undefined): void {
  if (list === undefined || list === null) return;
  if (list.length > longestList) throw invalid(field, `must have at most ${longestList} entries`);
  for (const [index, text] of list.entries()) {
    if (text.trim() === "") throw invalid(`${field}[${index}]`, "must not be empty");
    checkText(`${field}[${index}]`, text);
  }
}

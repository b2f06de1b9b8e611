import { ParleyError } from "../../model/error.ts";
import type { FaultRule } from "./settings.ts";

/** Decides per request which rule fires, the first that fits. Counts are per rule and per engine. */
export class FaultPlan {
  // fixed at birth
  private readonly rules: readonly FaultRule[];
  private readonly random: () => number;
  // changed by events
  /** Requests each rule has looked at; counted by `next`. */
  private readonly seen: number[];
  /** How often each rule has fired; counted by `next`. */
  private readonly fired: number[];

  /** `seed`: of the numbers that rules with a probability are decided by. */
  constructor(rules: readonly FaultRule[], seed = 0) {
    this.rules = rules;
    this.random = seededRandom(seed);
    this.seen = rules.map(() => 0);
    this.fired = rules.map(() => 0);
  }

  /** The rule for the next request, whose last user text is `userText`. */
  next(userText: string): FaultRule | undefined {
    return this.rules.find((rule, index) => this.fires(rule, index, userText));
  }

  private fires(rule: FaultRule, index: number, userText: string): boolean {
    if (rule.matching !== undefined && !userText.includes(rule.matching)) return false;
    const seen = (this.seen[index] ?? 0) + 1;
    this.seen[index] = seen;
    if (seen % (rule.every ?? 1) !== 0 || (this.fired[index] ?? 0) >= (rule.times ?? Infinity)) return false;
    if (rule.probability !== undefined && this.random() >= rule.probability) return false;
    this.fired[index] = (this.fired[index] ?? 0) + 1;
    return true;
  }
}

export function faultError({ errorKind, message, retryAfter }: FaultRule): ParleyError {
  const detail = retryAfter === undefined ? {} : { retryAfter };
  return new ParleyError(errorKind ?? "upstream", message ?? "the simulated engine failed", detail);
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32, public domain). */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

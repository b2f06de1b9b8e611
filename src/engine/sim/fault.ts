import { type ErrorKind, ParleyError } from "../../model/error.ts";
import type { GenerationRequest } from "../../model/request.ts";
import { readTalk } from "./talk.ts";

/** One thing that goes wrong, and when. A rule without conditions always fires. */
export interface FaultRule {
  /**
   * `error-before`: a failure before the first batch. `error-after`: a failure after `afterTokens` output tokens.
   * `stall`: nothing comes any more after `afterTokens`, until the request is aborted. `slow`: every batch comes
   * `delay` milliseconds later.
   */
  kind: "error-before" | "error-after" | "stall" | "slow";
  /** Output tokens said before it happens; default 0. */
  afterTokens?: number;
  /** Milliseconds, for `slow`; default 1,000. */
  delay?: number;
  /** Default `upstream`. */
  errorKind?: ErrorKind;
  message?: string;
  /** Seconds. */
  retryAfter?: number;
  /** Only every n-th request the rule looks at, the n-th first. */
  every?: number;
  /** At most so many times. */
  times?: number;
  /** Only where the last user message contains this text. */
  matching?: string;
}

/** Decides per request which rule fires, the first that fits. Counts are per rule and per engine. */
export class FaultPlan {
  // fixed at birth
  private readonly rules: readonly FaultRule[];
  // changed by events
  private readonly seen: number[];
  private readonly fired: number[];

  constructor(rules: readonly FaultRule[]) {
    this.rules = rules;
    this.seen = rules.map(() => 0);
    this.fired = rules.map(() => 0);
  }

  next(request: GenerationRequest): FaultRule | undefined {
    if (this.rules.length === 0) return undefined;
    const { asked } = readTalk(request);
    return this.rules.find((rule, index) => this.fires(rule, index, asked));
  }

  private fires(rule: FaultRule, index: number, asked: string): boolean {
    if (rule.matching !== undefined && !asked.includes(rule.matching)) return false;
    const seen = (this.seen[index] ?? 0) + 1;
    this.seen[index] = seen;
    if (seen % (rule.every ?? 1) !== 0 || (this.fired[index] ?? 0) >= (rule.times ?? Infinity)) return false;
    this.fired[index] = (this.fired[index] ?? 0) + 1;
    return true;
  }
}

export function faultError(rule: FaultRule): ParleyError {
  const detail = rule.retryAfter === undefined ? {} : { retryAfter: rule.retryAfter };
  return new ParleyError(rule.errorKind ?? "upstream", rule.message ?? "the simulated engine failed", detail);
}

export interface BreakerOptions {
  /** Failures in a row that open it. */
  failures: number;
  /** Milliseconds it stays open at first; doubles each time the trial request fails. */
  cooldownMs: number;
  /** Milliseconds it stays open at most. */
  maxCooldownMs: number;
}

export const defaultBreaker: BreakerOptions = { failures: 3, cooldownMs: 2_000, maxCooldownMs: 60_000 };

/**
 * Circuit breaker of one replica. Only advice: when every breaker is open, the replica set asks one of them all the
 * same, because a refused request is never better than a tried one.
 */
export class Breaker {
  // fixed at birth
  private readonly options: BreakerOptions;
  private readonly now: () => number;
  // changed by events
  /** Failures since the last success; counted by `recordFailure`. */
  private failuresInRow = 0;
  /** Times it opened since it was last closed; 0: it is closed. */
  private openings = 0;
  /** Times it opened at all; what separates requests from before an opening from later ones. */
  private era = 0;
  /** End of the cooldown, on the clock; set when it opens. */
  private cooldownEnd = 0;
  /** The one trial request of the half-open state waits for its first batch; set by `enter`. */
  private trial = false;
  /** A health probe opened it, so a health probe may close it; set by `markDown`. */
  private openedByProbe = false;

  constructor(options: BreakerOptions, now: () => number) {
    this.options = options;
    this.now = now;
  }

  /** `half-open`: the cooldown is over and one trial request may go. */
  get state(): "closed" | "open" | "half-open" {
    if (this.openings === 0) return "closed";
    return this.now() < this.cooldownEnd || this.trial ? "open" : "half-open";
  }

  /** Milliseconds on the clock until which it is open. */
  get cooldownUntil(): number {
    return this.cooldownEnd;
  }

  /** A request is sent; in half-open state it is the trial. What it returns is handed to `recordSuccess`. */
  enter(): number {
    if (this.state === "half-open") this.trial = true;
    return this.era;
  }

  /** The trial is over without a verdict yet: its answer has begun, or was canceled. The next request may be one. */
  releaseTrial(): void {
    this.trial = false;
  }

  /** An answer ended well. One that was asked for before the breaker opened does not close it. */
  recordSuccess(era: number): void {
    if (era === this.era) this.close();
  }

  recordFailure(): void {
    this.failuresInRow += 1;
    const wasOpen = this.openings > 0;
    if (!wasOpen && this.failuresInRow < this.options.failures) return;
    // Failures of requests that had started before it opened are known already.
    if (wasOpen && !this.trial && this.now() < this.cooldownEnd) return;
    this.openedByProbe = false;
    this.open();
  }

  /** A health probe failed: opens it at once. */
  markDown(): void {
    if (this.state === "open") return;
    this.openedByProbe = true;
    this.open();
  }

  /**
   * A health probe succeeded. That closes only what a probe opened: a replica that answers probes and fails requests has
   * to pass a trial.
   */
  markUp(): void {
    if (this.openedByProbe) this.close();
  }

  private open(): void {
    this.trial = false;
    const { cooldownMs, maxCooldownMs } = this.options;
    this.cooldownEnd = this.now() + Math.min(cooldownMs * 2 ** this.openings, maxCooldownMs);
    this.openings += 1;
    this.era += 1;
  }

  private close(): void {
    this.failuresInRow = 0;
    this.openings = 0;
    this.trial = false;
    this.openedByProbe = false;
  }
}

export interface BreakerOptions {
  /** Failures in a row that open it. */
  failures: number;
  /** Milliseconds it stays open at first; doubles each time the trial fails. */
  openFor: number;
  /** Milliseconds it stays open at most. */
  longest: number;
}

export const defaultBreaker: BreakerOptions = { failures: 3, openFor: 2_000, longest: 60_000 };

/**
 * Circuit breaker of one replica. Fails open by design of its owner: when every breaker refuses, the owner asks anyway,
 * because a refused request is never better than a tried one.
 */
export class Breaker {
  // fixed at birth
  private readonly options: BreakerOptions;
  private readonly now: () => number;
  // changed by events
  private inRow = 0;
  private openings = 0;
  private until = 0;
  private trial = false;
  /** It was a health probe that opened it. */
  private probed = false;

  constructor(options: BreakerOptions, now: () => number) {
    this.options = options;
    this.now = now;
  }

  /** `half-open`: the time is over and one trial request may go. */
  get state(): "closed" | "open" | "half-open" {
    if (this.openings === 0) return "closed";
    return this.now() < this.until || this.trial ? "open" : "half-open";
  }

  /** Milliseconds on the clock until which it is open. */
  get openUntil(): number {
    return this.until;
  }

  /** A request goes through; in half-open state it is the trial. */
  enter(): void {
    if (this.state === "half-open") this.trial = true;
  }

  success(): void {
    this.inRow = 0;
    this.openings = 0;
    this.trial = false;
    this.probed = false;
  }

  failure(): void {
    this.inRow += 1;
    const wasOpen = this.openings > 0;
    if (!wasOpen && this.inRow < this.options.failures) return;
    // Failures of requests that had started before it opened are old news.
    if (wasOpen && !this.trial && this.now() < this.until) return;
    this.probed = false;
    this.open();
  }

  /** Neither good nor bad, such as a canceled trial: the next request may try. */
  neither(): void {
    this.trial = false;
  }

  /** Opens it at once: a health probe says that the replica is away. */
  away(): void {
    if (this.state === "open") return;
    this.probed = true;
    this.open();
  }

  /**
   * A health probe says that the replica is there. That undoes only what a probe said: one that answers probes and
   * fails requests has to pass a trial.
   */
  there(): void {
    if (this.probed) this.success();
  }

  private open(): void {
    this.trial = false;
    this.until = this.now() + Math.min(this.options.openFor * 2 ** this.openings, this.options.longest);
    this.openings += 1;
  }
}

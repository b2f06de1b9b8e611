/**
 * Retry budget: retries may be a share of requests and no more, so that a failing upstream is not hit harder the worse
 * it fares.
 */
export class RetryBudget {
  // fixed at birth
  private readonly share: number;
  private readonly most: number;
  // changed by events
  private left: number;

  /** `share` retries per request on average, at most `most` saved up. */
  constructor(share: number, most: number) {
    this.share = share;
    this.most = most;
    this.left = most;
  }

  /** A request began. */
  earn(): void {
    this.left = Math.min(this.most, this.left + this.share);
  }

  /** Whether a retry may be made now. */
  spend(): boolean {
    if (this.left < 1) return false;
    this.left -= 1;
    return true;
  }
}

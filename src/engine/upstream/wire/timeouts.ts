import { canceled, type ParleyError, plainError } from "../../../model/error.ts";

/** Milliseconds. */
export interface Timeouts {
  /** To open a connection. */
  connect: number;
  /** From the request to the first byte of the answer's body. */
  firstByte: number;
  /** Between two reads. */
  idle: number;
  /** For the whole answer. */
  total: number;
  /** From the finish reason to the end of the stream; from the headers of an error to the end of its body. */
  grace: number;
}

export const defaultTimeouts: Timeouts = {
  connect: 10_000,
  firstByte: 300_000,
  idle: 120_000,
  total: 3_600_000,
  grace: 2_000,
};

export interface DeadlineOptions {
  /** When the answer was asked for first, on the clock of `performance`; default now. */
  begun?: number | undefined;
  /**
   * Of an answer that is not a stream, whose first byte comes with its last: whether the server still serves. Asked where the first
   * byte is late, and after each idle time from then on; never rejects.
   */
  serves?: (() => Promise<boolean>) | undefined;
}

/** The deadlines of one answer, joined with the caller's signal. One timer; a read only notes the time. */
export class Deadlines {
  // fixed at birth
  private readonly timeouts: Timeouts;
  private readonly caller: AbortSignal;
  /** When the answer was asked for first; on the clock of `performance`. */
  private readonly begun: number;
  private readonly serves: (() => Promise<boolean>) | undefined;
  private readonly onAbort = (): void => {
    this.cut(canceled());
  };
  // changed by events
  /** When the last read came, or the ending began, without the time of pauses in it; set by `touch` and `hurry`. */
  private last = performance.now();
  /** `ending`: the finish reason has come; set by `touch` and `hurry`. */
  private phase: "first" | "flowing" | "ending" = "first";
  /** The server was asked whether it serves, and does; set by `ask`. */
  private known = false;
  /** Unset by `stop`. */
  private timer: NodeJS.Timeout | undefined;
  /** Called when the answer is cut off; set by `onCut`. */
  private listener: ((reason: ParleyError) => void) | undefined;
  /** Since when our reader is busy, so that the upstream cannot send; set by `pause`, unset by `touch`. */
  private pausedAt: number | undefined;
  /** Why the answer was cut off; `undefined` while it was not. */
  reason: ParleyError | undefined;
  /** The grace time was what ended it. */
  late = false;

  constructor(timeouts: Timeouts, caller: AbortSignal, { begun, serves }: DeadlineOptions = {}) {
    this.begun = begun ?? this.last;
    this.serves = serves;
    this.timeouts = timeouts;
    this.caller = caller;
    if (caller.aborted) this.onAbort();
    else {
      caller.addEventListener("abort", this.onAbort, { once: true });
      this.arm();
    }
  }

  /** Calls the listener when the answer is cut off, at once where it was; it takes the place of the one before. */
  onCut(listener: (reason: ParleyError) => void): void {
    this.listener = listener;
    if (this.reason !== undefined) listener(this.reason);
  }

  get hurried(): boolean {
    return this.phase === "ending";
  }

  /** The reader is busy: a slow caller is not a silent upstream. */
  pause(): void {
    this.pausedAt = performance.now();
  }

  /** More has come, or the reader is ready for it. What comes after the finish reason does not put off the end. */
  touch(): void {
    this.excludePause();
    this.pausedAt = undefined;
    if (this.phase === "ending") return;
    this.last = performance.now();
    if (this.phase !== "first") return;
    this.phase = "flowing";
    this.rearm();
  }

  hurry(): void {
    if (this.phase === "ending") return;
    this.phase = "ending";
    this.last = performance.now();
    if (this.pausedAt !== undefined) this.pausedAt = this.last;
    this.rearm();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.caller.removeEventListener("abort", this.onAbort);
  }

  private excludePause(): void {
    if (this.pausedAt === undefined) return;
    const now = performance.now();
    this.last += now - this.pausedAt;
    this.pausedAt = now;
  }

  private rearm(): void {
    clearTimeout(this.timer);
    this.arm();
  }

  private arm(): void {
    this.timer = setTimeout(() => this.check(), Math.max(1, this.due() - performance.now()));
    this.timer.unref();
  }

  /** When the next deadline passes, on the clock of `performance`. */
  private due(): number {
    const { firstByte, idle, total, grace } = this.timeouts;
    const first = this.known ? idle : firstByte;
    const allowed = this.phase === "first" ? first : this.phase === "flowing" ? idle : grace;
    return Math.min(this.begun + total, this.last + allowed);
  }

  private check(): void {
    this.excludePause();
    if (performance.now() < this.due()) {
      this.arm();
      return;
    }
    const total = performance.now() >= this.begun + this.timeouts.total;
    if (this.phase === "first" && !total && this.serves !== undefined) void this.ask(this.serves);
    else this.end(total);
  }

  /** Waits on, where the server still serves. */
  private async ask(serves: () => Promise<boolean>): Promise<void> {
    this.known = await serves();
    // meanwhile the answer has come, or it is not wanted any more
    if (this.phase !== "first" || this.timer === undefined) return;
    if (!this.known) return this.end(false);
    this.last = performance.now();
    this.arm();
  }

  /** `total`: the deadline of the whole answer has passed. */
  private end(total: boolean): void {
    this.late = this.phase === "ending";
    const what = total
      ? "did not finish in time"
      : this.phase === "first"
        ? "did not begin to answer in time"
        : "fell silent";
    this.cut(plainError("timeout", `the upstream ${what}`));
  }

  private cut(reason: ParleyError): void {
    this.stop();
    this.reason = reason;
    this.listener?.(reason);
  }
}

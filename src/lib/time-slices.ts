/** A computation that may be interrupted: it yields wherever other work may run, and returns its result. */
export type Steps<Result> = Generator<void, Result, void>;

interface Job {
  /** Runs until it is over, which returns true, or until `deadline` on the clock of `performance.now()`. */
  advance(deadline: number): boolean;
}

/** How long computations hold the event loop in one turn of it, all together, in milliseconds. */
const sliceMs = 10;
/** What a new computation may take at once: most are over by then. */
const firstMs = 1;

/**
 * The one place where long computations share the event loop with everything else: in each turn of the loop they run for one
 * slice, all together, one after the other. The more of them there are, the longer each takes; nobody else waits longer.
 */
export class TimeSlices {
  // changed by events
  /** Computations that are not over, the next one first; each goes to the end after its slice. */
  private readonly waiting: Job[] = [];
  /** Whether the next turn of the event loop is asked for. */
  private scheduled = false;

  /**
   * The result of the steps. What is not over after a millisecond goes on in later turns of the event loop. Rejects with what the
   * steps throw, or with `signal.reason`.
   */
  run<Result>(steps: Steps<Result>, signal?: AbortSignal): Promise<Result> {
    return new Promise((resolve, reject) => {
      const advance = (deadline: number): boolean => {
        try {
          signal?.throwIfAborted();
          do {
            const step = steps.next();
            if (step.done === true) {
              resolve(step.value);
              return true;
            }
          } while (performance.now() < deadline);
          return false;
        } catch (thrown) {
          reject(thrown instanceof Error ? thrown : new Error(String(thrown)));
          return true;
        }
      };
      if (advance(performance.now() + firstMs)) return;
      this.waiting.push({ advance });
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.scheduled || this.waiting.length === 0) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.turn();
      this.schedule();
    });
  }

  private turn(): void {
    const deadline = performance.now() + sliceMs;
    for (let job = this.waiting.shift(); job !== undefined; job = this.waiting.shift()) {
      if (!job.advance(deadline)) this.waiting.push(job);
      if (performance.now() >= deadline) return;
    }
  }
}

/** The result of the steps, now: for what is known to be small. */
export function finish<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

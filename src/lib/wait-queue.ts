import { abortReason, onAbort, type AbortError } from "./abort.ts";

/** A place in the order of asking. A set would not do: to find its first it passes all that were deleted before. */
interface Place<Request, Grant> {
  waiter: Waiter<Request, Grant>;
  before: Place<Request, Grant> | undefined;
  after: Place<Request, Grant> | undefined;
}

/** One who waits: what was asked for, and the two ends of the waiting. */
export interface Waiter<Request, Grant> {
  readonly request: Request;
  /** Takes it out of the queue and resolves its promise. */
  grant(grant: Grant): void;
  refuse(error: Error): void;
}

/**
 * Those who wait, in the order of asking. Who is granted something next is the owner's decision; one whose signal aborts
 * leaves the queue at once.
 */
export class WaitQueue<Request, Grant> {
  // fixed at birth
  private readonly abortError: AbortError;
  // changed by events
  /** Everyone who was neither granted nor refused nor aborted, from here on; `append` and `remove` change the list. */
  private head: Place<Request, Grant> | undefined;
  private tail: Place<Request, Grant> | undefined;
  /** Length of the list. */
  private count = 0;

  /** `abortError`: what an aborted waiter is rejected with. */
  constructor(abortError: AbortError = abortReason) {
    this.abortError = abortError;
  }

  get size(): number {
    return this.count;
  }

  /** The one who waits longest. */
  get first(): Waiter<Request, Grant> | undefined {
    return this.head?.waiter;
  }

  /** Throws what an aborted waiter is rejected with; for owners that can grant without waiting. */
  throwIfAborted(signal: AbortSignal): void {
    if (signal.aborted) throw this.abortError(signal);
  }

  /** `onLeave` runs after the waiter was aborted: its leaving may make room for others. */
  wait(request: Request, signal: AbortSignal, onLeave?: () => void): Promise<Grant> {
    return new Promise((resolve, reject) => {
      this.throwIfAborted(signal);
      const end = (): void => {
        this.remove(place);
        stop();
      };
      const waiter: Waiter<Request, Grant> = {
        request,
        grant: (grant) => {
          end();
          resolve(grant);
        },
        refuse: (error) => {
          end();
          reject(error);
        },
      };
      const place = this.append(waiter);
      const stop = onAbort(signal, () => {
        waiter.refuse(this.abortError(signal));
        onLeave?.();
      });
    });
  }

  private append(waiter: Waiter<Request, Grant>): Place<Request, Grant> {
    const place: Place<Request, Grant> = { waiter, before: this.tail, after: undefined };
    if (this.tail === undefined) this.head = place;
    else this.tail.after = place;
    this.tail = place;
    this.count += 1;
    return place;
  }

  private remove(place: Place<Request, Grant>): void {
    const { before, after } = place;
    if (before === undefined) this.head = after;
    else before.after = after;
    if (after === undefined) this.tail = before;
    else after.before = before;
    this.count -= 1;
  }
}

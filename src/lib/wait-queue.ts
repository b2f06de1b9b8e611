import { abortReason, onAbort, type AbortError } from "./abort.ts";

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
  /** Everyone who was neither granted nor refused nor aborted; changed by `wait` and the ends of a waiter. */
  private readonly waiters = new Set<Waiter<Request, Grant>>();

  /** `abortError`: what an aborted waiter is rejected with. */
  constructor(abortError: AbortError = abortReason) {
    this.abortError = abortError;
  }

  get size(): number {
    return this.waiters.size;
  }

  /** The one who waits longest. */
  get first(): Waiter<Request, Grant> | undefined {
    return this.waiters.values().next().value;
  }

  [Symbol.iterator](): Iterator<Waiter<Request, Grant>> {
    return this.waiters.values();
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
        this.waiters.delete(waiter);
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
      this.waiters.add(waiter);
      const stop = onAbort(signal, () => {
        waiter.refuse(this.abortError(signal));
        onLeave?.();
      });
    });
  }
}

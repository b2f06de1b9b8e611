import { Arrivals } from "./arrivals.ts";
import { Intake } from "./intake.ts";
import { RoundRobin } from "./round-robin.ts";

/** A computation that may be interrupted: it yields wherever other work may run, and returns its result. */
export type Steps<Result> = Generator<void, Result, void>;

interface Job {
  /** Who shares one turn; a job without an owner has one of its own. */
  owner?: string | undefined;
  /** Runs until it is over, which returns true, or until `deadline` on the clock of `performance.now()`. */
  advance(deadline: number): boolean;
}

/** How long computations hold the event loop in one turn of it, all together, in milliseconds. */
export const sliceMs = 2;
/** What a new computation may take at once: most are over by then. */
const firstMs = 1;
/** After a step of this many milliseconds nothing more begins in the same turn: two large texts are never made in one. */
const longStepMs = 10;

/**
 * The one place where long computations share the event loop with everything else: in each turn of the loop they run for one
 * slice, all together. The more of them there are, the longer each takes; no one else waits longer. Owners get equal times: what
 * one of many has to do does not wait for all that another one has sent.
 */
export class TimeSlices {
  // fixed at birth
  /** New connections, which come first. */
  readonly arrivals = new Arrivals();
  /** Bytes of bodies that arrive. */
  readonly intake = new Intake();
  // changed by events
  /** Computations that are not over; each goes to the end of its owner's after its slice. */
  private readonly waiting = new RoundRobin<Job>();
  /** Whose turn it is, and what it has used of it, in milliseconds. */
  private turnOf: unknown;
  private usedMs = 0;
  /** Whether the next turn of the event loop is asked for. */
  private scheduled = false;
  /** Whether this turn of the event loop had a long step. */
  private turnIsOver = false;

  /**
   * The result of the steps. What is not over after a millisecond goes on in later turns of the event loop. Rejects with what the
   * steps throw, or with `signal.reason`. `owner`: whose work it is, such as a key; absent: it counts as an owner of its own.
   */
  run<Result>(steps: Steps<Result>, signal?: AbortSignal, owner?: string): Promise<Result> {
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
      const began = performance.now();
      if (this.turnIsOver || !advance(began + firstMs)) this.wait({ owner, advance });
      this.noteStep(began);
    });
  }

  /** Resolves in a later turn of the event loop, when it is its turn there: what it lets go on counts as a part of the slice. */
  pause(): Promise<void> {
    return new Promise((resolve) => {
      this.wait({
        advance: () => {
          resolve();
          return true;
        },
      });
    });
  }

  private wait(job: Job): void {
    this.waiting.add(job.owner ?? job, job);
    if (this.scheduled) return;
    this.scheduled = true;
    this.nextTurn();
  }

  private nextTurn(): void {
    setImmediate(() => {
      if (this.arrivals.busy) this.nextTurn();
      else this.turn(performance.now() + sliceMs);
    });
  }

  private turn(deadline: number): void {
    for (let began = performance.now(); this.waiting.size > 0 && began < deadline; began = performance.now()) {
      const job = this.waiting.takeMore();
      const owner = job?.owner ?? job;
      const over = job?.advance(deadline) ?? true;
      this.noteStep(began);
      if (job !== undefined && !over) this.waiting.add(owner, job);
      // what waited for it goes on now, at the cost of this slice
      if (over) return afterMicrotasks(() => this.goOn(owner, began, deadline));
      this.count(owner, began);
    }
    this.scheduled = this.waiting.size > 0;
    if (this.scheduled) this.nextTurn();
  }

  /** Ends the turn for computations where a step was long. */
  private noteStep(began: number): void {
    if (this.turnIsOver || performance.now() - began < longStepMs) return;
    this.turnIsOver = true;
    setImmediate(() => (this.turnIsOver = false));
  }

  private goOn(owner: unknown, began: number, deadline: number): void {
    this.count(owner, began);
    this.turn(deadline);
  }

  /** Counts the time of an owner; its turn ends when it has used a slice. */
  private count(owner: unknown, began: number): void {
    if (this.turnOf !== owner) this.usedMs = 0;
    this.turnOf = owner;
    this.usedMs += performance.now() - began;
    if (this.usedMs < sliceMs) return;
    this.waiting.pass(owner);
    this.turnOf = undefined;
  }
}

/** Calls back in this turn of the event loop, when everything that waits for settled promises has gone on. */
export function afterMicrotasks(callback: () => void): void {
  // Node runs its own queue when the queue of microtasks is empty
  queueMicrotask(() => process.nextTick(callback));
}

/** The result of the steps, now: for what is known to be small. */
export function finish<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

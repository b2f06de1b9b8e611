import type { ErrorKind } from "../../model/error.ts";
import type { EndedGeneration } from "../generation.ts";
import type { RaiseAlert } from "./webhooks.ts";

export interface ErrorWatchOptions {
  /** Share of the generations of the last minutes, in percent, from which on an alert is raised. */
  percent: number;
  raise: RaiseAlert;
  /** Milliseconds that never go back. */
  now?: () => number;
}

const minutes = 5;
const minuteMs = 60_000;
/** Fewer generations say nothing. */
const minGenerations = 20;

/** Errors that operators can do something about; the others are the callers'. */
const ours: readonly ErrorKind[] = ["upstream", "overloaded", "timeout", "unavailable", "internal"];
const ourErrors: ReadonlySet<string> = new Set(ours);

interface Minute {
  number: number;
  all: number;
  failed: number;
}

/** Raises an alert when many of the last minutes' generations failed, and again only after the share was half of that. */
export class ErrorWatch {
  // fixed at birth
  private readonly options: ErrorWatchOptions;
  private readonly now: () => number;
  // changed by events
  /** The last minutes in which generations ended, oldest first; changed by `ended`. */
  private counts: Minute[] = [];
  /** Whether the alert was raised and the share has not fallen since; set by `ended`. */
  private isHigh = false;

  constructor(options: ErrorWatchOptions) {
    this.options = options;
    this.now = options.now ?? (() => performance.now());
  }

  /** An observer of generations. */
  readonly ended = ({ outcome }: Pick<EndedGeneration, "outcome">): void => {
    const { percent, raise } = this.options;
    this.count(ourErrors.has(outcome));
    const all = this.counts.reduce((sum, minute) => sum + minute.all, 0);
    const failed = this.counts.reduce((sum, minute) => sum + minute.failed, 0);
    const share = (failed / all) * 100;
    // half of it: a share that swings around the percent is one alert
    if (share < percent / 2) this.isHigh = false;
    else if (!this.isHigh && share >= percent && all >= minGenerations) {
      this.isHigh = true;
      const text = `${failed} of the ${all} answers of the last ${minutes} minutes failed (${Math.round(share)} %).`;
      raise({ event: "errors-high", text, data: { failed, all, percent: Math.round(share), minutes } });
    }
  };

  private count(failed: boolean): void {
    const number = Math.floor(this.now() / minuteMs);
    this.counts = this.counts.filter((minute) => minute.number > number - minutes);
    const last = this.counts.at(-1);
    const current = last?.number === number ? last : { number, all: 0, failed: 0 };
    if (current !== last) this.counts.push(current);
    current.all += 1;
    if (failed) current.failed += 1;
  }
}

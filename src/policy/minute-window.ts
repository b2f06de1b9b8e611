import { windowSeconds } from "../model/limit.ts";

const slotMs = 1_000;

/**
 * How much was used in the last 60 seconds, to the second: what is added at any moment counts for 60 seconds at least
 * and 61 at most, so that a limit held against `used` is never passed in any 60 seconds.
 */
export class MinuteWindow {
  // changed by events
  /** What was added in each second, a ring indexed by the slot's number; `put` changes it, `advance` empties old ones. */
  private readonly slots = Array.from({ length: windowSeconds }, () => 0);
  /** Number of the current slot; `advance` moves it on. */
  private newest = 0;
  /** Sum of all slots. */
  private total = 0;

  /** The slot of a time in milliseconds. */
  static slotOf(now: number): number {
    return Math.floor(now / slotMs);
  }

  used(now: number): number {
    this.advance(now);
    return this.total;
  }

  /** Adds to the current slot; returns it, for a later correction. */
  add(amount: number, now: number): number {
    this.advance(now);
    this.put(this.newest, amount);
    return this.newest;
  }

  /** Subtracts from a slot; nothing where that has left the window already. */
  subtract(amount: number, slot: number, now: number): void {
    this.advance(now);
    if (slot > this.newest - windowSeconds) this.put(slot, -Math.min(amount, this.slots[slot % windowSeconds] ?? 0));
  }

  /** What was added in the `seconds` that end `ago` seconds before now. */
  sum(seconds: number, ago: number, now: number): number {
    this.advance(now);
    let sum = 0;
    for (let at = this.newest - ago; at > this.newest - ago - seconds; at -= 1) sum += this.at(at);
    return sum;
  }

  /** Milliseconds until `used` has fallen to `level` or below, if nothing is added. */
  wait(level: number, now: number): number {
    this.advance(now);
    let left = this.total;
    for (let slot = this.newest - windowSeconds + 1; slot <= this.newest && left > level; slot += 1) {
      left -= this.at(slot);
      if (left <= level) return (slot + windowSeconds) * slotMs - now;
    }
    return 0;
  }

  private at(slot: number): number {
    return slot < 0 ? 0 : (this.slots[slot % windowSeconds] ?? 0);
  }

  private put(slot: number, amount: number): void {
    this.slots[slot % windowSeconds] = this.at(slot) + amount;
    this.total += amount;
  }

  private advance(now: number): void {
    const slot = MinuteWindow.slotOf(now);
    const first = Math.max(this.newest + 1, slot - windowSeconds + 1);
    for (let at = first; at <= slot; at += 1) this.put(at, -this.at(at));
    this.newest = Math.max(this.newest, slot);
  }
}

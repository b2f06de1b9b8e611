import { onceOrAborted, type AbortError } from "./abort.ts";
import { WaitQueue, type Waiter } from "./wait-queue.ts";

/** What one piece of work asks for. */
export interface Turn {
  /** Whose work it is; owners take turns. */
  owner: string;
  /** Share of the capacity that it takes; default 1. More than the capacity counts as the capacity. */
  weight?: number;
  /** Goes before work without it. */
  priority?: boolean;
  /** What can be taken back from it while others wait. */
  holder?: Holder;
}

/** Work under way that can be ended for the sake of others. */
export interface Holder {
  /** Milliseconds for which it has made no use of its turn. */
  idleMs(): number;
  /** Ends the work, and with it its turn. */
  revoke(): void;
}

export interface FairQueueOptions {
  /** How much may run at once; `Infinity` where unknown, 0 while it is not known yet: then no one waits. */
  capacity: () => number;
  /** What an aborted waiter is rejected with; default the signal's reason. */
  abortError?: AbortError | undefined;
  /** Weight that one owner leaves to the others; default 0. A capacity not larger than it is used whole. */
  reserved?: number;
  /** Milliseconds that never go back. */
  now?: () => number;
}

/** How long an owner whose work is over still counts as one of the others, in milliseconds. */
const activeMs = 60_000;
/** Idleness after which work loses its turn to an owner that has none, in milliseconds. */
const maxIdleMs = 5_000;
/** How often idle work is looked for while others wait, in milliseconds. */
const idleCheckMs = 1_000;
/** Waiting after which work without priority counts as if it had it, in milliseconds. */
const agingMs = 60_000;

/**
 * Who is next where not everything can run at once. `priority` goes first, and with it what has waited for a minute; within
 * that, the owner with the least under way, then the one that waited longest since its last turn; within an owner, who came
 * first.
 *
 * With `reserved`, one owner never takes all while there are others: those that wait, run, or ran within the last minute.
 * Alone it may take everything; then the first of the others gets what becomes free next, before any priority of that owner, and
 * what idle work holds that can be taken back.
 */
export class FairQueue {
  // fixed at birth
  private readonly capacity: () => number;
  private readonly reserved: number;
  private readonly abortError: AbortError | undefined;
  private readonly now: () => number;
  // changed by events
  /** Those who wait, by owner and priority; a lane that becomes empty is removed. */
  private readonly lanes = new Map<string, Lane>();
  /** Weight under way by owner; `take` and `giveBack` count. */
  private readonly running = new Map<string, number>();
  /** Weight under way of all owners. */
  private taken = 0;
  /** Turns given so far; numbers them for `lastTurn`. */
  private turns = 0;
  /** Number of each owner's last turn; `take` sets it, and it is cleared when no turn is under way. */
  private readonly lastTurn = new Map<string, number>();
  /** The two owners whose work ended last, the latest first, and when. */
  private ended: readonly { owner: string; at: number }[] = [];
  /** Work under way that can be taken back, by its owner. */
  private readonly holders = new Map<Holder, string>();
  /** Runs while somebody waits although there is room, or although work under way is idle. */
  private timer: NodeJS.Timeout | undefined;

  constructor({ capacity, abortError, reserved = 0, now = () => performance.now() }: FairQueueOptions) {
    this.capacity = capacity;
    this.reserved = reserved;
    this.abortError = abortError;
    this.now = now;
  }

  get waiting(): number {
    let count = 0;
    for (const { queue } of this.lanes.values()) count += queue.size;
    return count;
  }

  /** Resolves when it is this turn; the result ends it (again does nothing), and so does an abort. Rejects on an abort before. */
  async enter(turn: Turn, signal: AbortSignal): Promise<() => void> {
    const { owner, priority = false } = turn;
    const capacity = this.capacity();
    const weight = capacity >= 1 ? Math.min(turn.weight ?? 1, capacity) : 1;
    const name = `${priority ? "priority" : "standard"} ${owner}`;
    const lane = this.lanes.get(name) ?? { owner, priority, queue: new WaitQueue<Wanted, void>(this.abortError) };
    lane.queue.throwIfAborted(signal);
    this.lanes.set(name, lane);
    const granted = lane.queue.wait({ weight, since: this.now() }, signal, () => {
      this.leave(name, lane);
      this.grant();
    });
    this.grant();
    await granted;
    const { holder } = turn;
    if (holder !== undefined) this.holders.set(holder, owner);
    return onceOrAborted(signal, () => {
      if (holder !== undefined) this.holders.delete(holder);
      this.giveBack(owner, weight);
    });
  }

  /** Runs `work` in its turn. */
  async run<Value>(turn: Turn, signal: AbortSignal, work: () => Promise<Value>): Promise<Value> {
    const end = await this.enter(turn, signal);
    try {
      return await work();
    } finally {
      end();
    }
  }

  private giveBack(owner: string, weight: number): void {
    this.taken -= weight;
    const left = this.under(owner) - weight;
    if (left > 0) this.running.set(owner, left);
    else this.running.delete(owner);
    const other = this.ended.find((one) => one.owner !== owner);
    this.ended = [{ owner, at: this.now() }, ...(other === undefined ? [] : [other])];
    this.grant();
    if (this.taken === 0) this.lastTurn.clear();
  }

  /** Gives turns until there is no room, or no one who may take it. */
  private grant(): void {
    clearTimeout(this.timer);
    for (let next = this.next(); next !== undefined; next = this.next()) {
      const { name, lane, waiter } = next;
      const { weight } = waiter.request;
      if (!this.hasRoom(weight)) return this.reclaimSoon(lane.owner);
      this.taken += weight;
      this.running.set(lane.owner, this.under(lane.owner) + weight);
      this.lastTurn.set(lane.owner, ++this.turns);
      waiter.grant();
      this.leave(name, lane);
    }
    if (this.lanes.size > 0) this.timer = setTimeout(() => this.grant(), activeMs).unref();
  }

  /** Takes back the turn of another owner's idle work for an owner that has none, now or when it has been idle for long. */
  private reclaimSoon(owner: string): void {
    if (this.under(owner) > 0 || this.holders.size === 0) return;
    this.timer = setTimeout(() => {
      let longest: Holder | undefined;
      for (const [holder, whose] of this.holders) {
        if (whose !== owner && holder.idleMs() > (longest?.idleMs() ?? maxIdleMs)) longest = holder;
      }
      longest?.revoke();
      this.grant();
    }, idleCheckMs).unref();
  }

  private leave(name: string, lane: Lane): void {
    if (lane.queue.size === 0 && this.lanes.get(name) === lane) this.lanes.delete(name);
  }

  /** The first of the lane whose turn it is. */
  private next(): Head | undefined {
    let best: Head | undefined;
    const now = this.now();
    for (const [name, lane] of this.lanes) {
      const waiter = lane.queue.first;
      if (waiter === undefined || !this.leavesRoom(lane.owner, waiter.request.weight, now)) continue;
      const head = { name, lane, waiter, urgent: lane.priority || now - waiter.request.since >= agingMs };
      if (best === undefined || this.isBefore(head, best)) best = head;
    }
    return best;
  }

  private isBefore(a: Head, b: Head): boolean {
    if (a.urgent !== b.urgent) return a.urgent;
    const [one, other] = [a.lane.owner, b.lane.owner];
    if (this.under(one) !== this.under(other)) return this.under(one) < this.under(other);
    return (this.lastTurn.get(one) ?? 0) < (this.lastTurn.get(other) ?? 0);
  }

  private hasRoom(weight: number): boolean {
    const capacity = this.capacity();
    return capacity < 1 || this.taken + weight <= capacity;
  }

  /** Whether an owner may take as much more beside the others. */
  private leavesRoom(owner: string, weight: number, now: number): boolean {
    const most = this.capacity() - this.reserved;
    return most < 1 || this.under(owner) + weight <= most || !this.hasOthers(owner, now);
  }

  private hasOthers(owner: string, now: number): boolean {
    if (this.running.keys().some((one) => one !== owner)) return true;
    if (this.ended.some((one) => one.owner !== owner && now - one.at < activeMs)) return true;
    return this.lanes.values().some((lane) => lane.owner !== owner);
  }

  private under(owner: string): number {
    return this.running.get(owner) ?? 0;
  }
}

interface Wanted {
  weight: number;
  /** When it began to wait, in milliseconds of `now`. */
  since: number;
}

interface Lane {
  owner: string;
  priority: boolean;
  queue: WaitQueue<Wanted, void>;
}

interface Head {
  name: string;
  lane: Lane;
  waiter: Waiter<Wanted, void>;
  urgent: boolean;
}

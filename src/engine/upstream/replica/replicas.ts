import { setTimeout as wait } from "node:timers/promises";
import { isRetryable, ParleyError, toParleyError, type ErrorKind } from "../../../model/error.ts";
import type { Batch } from "../../../model/event.ts";
import type { GenerationRequest } from "../../../model/request.ts";
import type { Capabilities, Engine, Load } from "../../engine.ts";
import { affinityKey, rendezvous, type Weighted } from "./affinity.ts";
import { Breaker, defaultBreaker, type BreakerOptions } from "./breaker.ts";
import { RetryBudget } from "./budget.ts";
import { InFlight } from "./in-flight.ts";

/** An engine that can be asked whether it is there. */
export interface Member extends Engine {
  /** Rejects while it cannot serve. */
  probe(signal: AbortSignal): Promise<void>;
}

export interface ReplicaOf extends Weighted {
  member: Member;
}

/**
 * Why a replica was chosen. `affinity`: the key's own; `spill`: the own one has its full share of the load; `failover`:
 * the own one is away; `retry`: another failed before it began; `panic`: all seem away, so any may prove otherwise;
 * `load`: affinity is off.
 */
export type RouteReason = "affinity" | "spill" | "failover" | "retry" | "panic" | "load";

export interface Route {
  /** The request's id. */
  id: string;
  replica: string;
  reason: RouteReason;
  /** From 1. */
  attempt: number;
}

export interface ReplicaOptions {
  /** Default true; false chooses the least loaded. */
  affinity?: boolean | undefined;
  /** A replica whose slots are full holds at most this multiple of its fair share. Default 1.25. */
  bound?: number | undefined;
  /** Tries per request, the first included; default one per replica, at least 2, at most 4. */
  attempts?: number | undefined;
  /** Milliseconds before a second try of the same replicas; doubled each time, with jitter. Default 100. */
  backoff?: number | undefined;
  breaker?: Partial<BreakerOptions> | undefined;
  /** Milliseconds between health probes; 0: none. Default 5,000. */
  probeEvery?: number | undefined;
  onRoute?: ((route: Route) => void) | undefined;
  /** Milliseconds; tests give a fixed clock. */
  now?: (() => number) | undefined;
  /** 0 to 1; tests give fixed chance. */
  random?: (() => number) | undefined;
}

interface Replica extends ReplicaOf {
  breaker: Breaker;
  inFlight: InFlight;
  /** It asked to be left alone until then. */
  restUntil: number;
}
/** Errors that tell of a replica that is ill, not of one that is busy. */
const ill: ReadonlySet<ErrorKind> = new Set(["upstream", "timeout", "internal"]);
/** Requests a server of unknown size runs at once without harm to each; llama-server's own default. */
const likelySlots = 4;
const longestRest = 60_000;
const probeTimeout = 3_000;

/** Several servers of one kind as one engine: affinity with bounded load, health, retries before the first batch. */
export class ReplicaSet implements Engine {
  // fixed at birth
  readonly kind = "upstream";
  private readonly replicas: readonly Replica[];
  private readonly options: ReplicaOptions;
  private readonly attempts: number;
  private readonly now: () => number;
  private readonly budget = new RetryBudget(0.2, 10);
  // changed by events
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(members: readonly ReplicaOf[], options: ReplicaOptions = {}) {
    this.options = options;
    this.now = options.now ?? (() => performance.now());
    this.attempts = options.attempts ?? Math.min(4, Math.max(2, members.length));
    const breaker = { ...defaultBreaker, ...options.breaker };
    this.replicas = members.map((member) => ({
      ...member,
      breaker: new Breaker(breaker, this.now),
      inFlight: new InFlight(),
      restUntil: 0,
    }));
  }

  get capabilities(): Capabilities {
    return this.first.member.capabilities;
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<Batch> {
    this.watch();
    this.budget.earn();
    const order = this.order(request);
    const tried = new Set<Replica>();
    for (let attempt = 1; ; attempt++) {
      const { replica, reason } = this.choose(order, tried);
      this.options.onRoute?.({ id: request.id, replica: replica.name, reason, attempt });
      const leave = replica.inFlight.enter(signal);
      try {
        const stream = replica.member.generate(request, signal)[Symbol.asyncIterator]();
        const first = await this.begin(replica, stream, signal);
        if (!(first instanceof ParleyError)) {
          yield* this.rest(replica, first, stream);
          return;
        }
        if (attempt >= this.attempts || signal.aborted || !isRetryable(first)) throw first;
        // One other replica is always asked: when a replica dies, everything it held moves at once. More is rationed.
        if ((attempt > 1 || this.replicas.length === 1) && !this.budget.spend()) throw first;
      } finally {
        leave();
      }
      tried.add(replica);
      if (tried.size >= this.replicas.length) await this.pause(attempt, tried, signal);
    }
  }

  async count(request: GenerationRequest, signal: AbortSignal): Promise<{ tokens: number; exact: boolean }> {
    return this.choose(this.order(request), new Set()).replica.member.count(request, signal);
  }

  load(): Load {
    const loads = this.replicas.map((replica) => replica.member.load());
    const sum = (read: (load: Load) => number): number => loads.reduce((total, load) => total + read(load), 0);
    return {
      running: sum((load) => load.running),
      waiting: sum((load) => load.waiting),
      slots: sum((load) => load.slots),
    };
  }

  /** What is known of each replica, for people and metrics. */
  status(): { name: string; state: "closed" | "open" | "half-open"; running: number }[] {
    return this.replicas.map(({ name, breaker, inFlight }) => ({
      name,
      state: breaker.state,
      running: inFlight.count,
    }));
  }

  members(): { name: string; up: boolean; running: number }[] {
    return this.status().map(({ name, state, running }) => ({ name, up: state === "closed", running }));
  }

  async open(): Promise<void> {
    this.watch();
    await this.probeAll();
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.timer);
    await Promise.all(this.replicas.map((replica) => replica.member.close()));
  }

  private get first(): Replica {
    const [first] = this.replicas;
    if (first === undefined) throw new Error("a replica set needs a replica");
    return first;
  }

  /** The replicas in the order this request prefers them. */
  private order(request: GenerationRequest): readonly Replica[] {
    if (this.options.affinity !== false) return rendezvous(affinityKey(request), this.replicas);
    return this.replicas.toSorted((a, b) => a.inFlight.count / a.weight - b.inFlight.count / b.weight);
  }

  private choose(order: readonly Replica[], tried: ReadonlySet<Replica>): { replica: Replica; reason: RouteReason } {
    const now = this.now();
    const fresh = order.filter((replica) => !tried.has(replica));
    const there = fresh.filter((replica) => replica.breaker.state !== "open" && replica.restUntil <= now);
    const [own = this.first] = order;
    const chosen = there.find((replica) => this.hasRoom(replica, there)) ?? there[0];
    if (chosen === undefined) {
      const soonest = (replica: Replica): number => Math.max(replica.breaker.openUntil, replica.restUntil);
      const [replica = own] = (fresh.length > 0 ? fresh : order).toSorted((a, b) => soonest(a) - soonest(b));
      return { replica, reason: "panic" };
    }
    if (tried.size > 0) return { replica: chosen, reason: "retry" };
    if (this.options.affinity === false) return { replica: chosen, reason: "load" };
    if (chosen === own) return { replica: chosen, reason: "affinity" };
    return { replica: chosen, reason: there.includes(own) ? "spill" : "failover" };
  }

  /**
   * Bounded load: one more request must not take it over a multiple of its fair share of what is running. Below its
   * slots a replica always has room: moving a conversation costs its cache and wins nothing.
   */
  private hasRoom(replica: Replica, there: readonly Replica[]): boolean {
    const { bound = 1.25 } = this.options;
    const { slots } = replica.member.load();
    const free = Number.isFinite(slots) ? slots : likelySlots;
    const running = there.reduce((sum, one) => sum + one.inFlight.count, 1);
    const weight = there.reduce((sum, one) => sum + one.weight, 0);
    const share = Math.ceil((bound * running * replica.weight) / weight);
    return replica.inFlight.count + 1 <= Math.max(share, free);
  }

  /** The first batch, or the error that came instead of it. */
  private async begin(
    replica: Replica,
    stream: AsyncIterator<Batch>,
    signal: AbortSignal,
  ): Promise<Batch | ParleyError> {
    replica.breaker.enter();
    try {
      const first = await stream.next();
      if (first.done === true) throw new ParleyError("upstream", "the upstream ended without an answer");
      replica.breaker.success();
      return first.value;
    } catch (thrown) {
      const error = toParleyError(thrown);
      this.learn(replica, signal.aborted ? new ParleyError("canceled", "") : error);
      return error;
    }
  }

  /** Hands the answer on and notes how it ended. */
  private async *rest(replica: Replica, first: Batch, stream: AsyncIterator<Batch>): AsyncGenerator<Batch> {
    try {
      for (let batch = first; ;) {
        const last = batch.at(-1);
        if (last?.type === "finish" && last.error !== undefined) this.learn(replica, last.error);
        yield batch;
        const next = await stream.next();
        if (next.done === true) return;
        batch = next.value;
      }
    } finally {
      await stream.return?.();
    }
  }

  private learn(replica: Replica, error: ParleyError): void {
    if (ill.has(error.kind)) replica.breaker.failure();
    else replica.breaker.neither();
    if (error.kind !== "rate-limit" && error.kind !== "overloaded") return;
    const rest = Math.min((error.retryAfter ?? 1) * 1_000, longestRest);
    replica.restUntil = Math.max(replica.restUntil, this.now() + rest);
  }

  /** All were tried: a moment before the next round, longer each time, with jitter so that requests do not march. */
  private async pause(attempt: number, tried: Set<Replica>, signal: AbortSignal): Promise<void> {
    tried.clear();
    const { backoff = 100, random = Math.random } = this.options;
    const longest = backoff * 2 ** Math.max(0, attempt - this.replicas.length);
    try {
      await wait(longest * (0.5 + random() / 2), undefined, { signal });
    } catch {
      throw new ParleyError("canceled", "the request was canceled");
    }
  }

  private watch(): void {
    const { probeEvery = 5_000 } = this.options;
    if (this.closed || this.timer !== undefined || probeEvery === 0) return;
    this.timer = setInterval(() => void this.probeAll(), probeEvery);
    this.timer.unref();
  }

  private async probeAll(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => this.probe(replica)));
  }

  private async probe(replica: Replica): Promise<void> {
    try {
      await replica.member.probe(AbortSignal.timeout(probeTimeout));
      replica.breaker.there();
    } catch {
      if (!this.closed) replica.breaker.away();
    }
  }
}

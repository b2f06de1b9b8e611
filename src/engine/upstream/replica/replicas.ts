import { setTimeout as wait } from "node:timers/promises";
import { DeferredIterator } from "../../../lib/deferred-iterator.ts";
import { canceled, isRetryable, ParleyError, toParleyError, type ErrorKind, plainError } from "../../../model/error.ts";
import { isVisible, type Batch, type GenerationEvent, type ServedBy } from "../../../model/event.ts";
import type { GenerationRequest } from "../../../model/request.ts";
import type { Capabilities, Engine, EngineMember, Load, ServedModel } from "../../engine.ts";
import { isUnknownThere } from "../wire/failure.ts";
import { affinityKey, rendezvous, type Weighted } from "./affinity.ts";
import { Breaker, defaultBreaker } from "./breaker.ts";
import { RetryBudget } from "./budget.ts";
import { HealthLog } from "./health-log.ts";
import { InFlight } from "./in-flight.ts";
import { ReplicaAnswer } from "./replica-answer.ts";
import { defaultTuning, type ReplicaOptions, type ReplicaTuning, type RouteReason } from "./options.ts";

/** An engine whose health can be probed. */
export interface Member extends Engine {
  /** Rejects while it cannot serve. */
  probe(signal: AbortSignal): Promise<void>;
}

export interface ReplicaOf extends Weighted {
  member: Member;
}

interface Replica extends ReplicaOf {
  breaker: Breaker;
  inFlight: InFlight;
  /** It asked to be left alone until then, on the clock; set from `Retry-After`. */
  cooldownUntil: number;
}

/** One try of a request at one replica. */
interface Attempt {
  replica: Replica;
  /** What the breaker returned when the request was sent. */
  era: number;
  servedBy: ServedBy | undefined;
}

/** Errors of a replica that is broken, not of one that is busy: they open its breaker. */
const countsAsFailure: ReadonlySet<ErrorKind> = new Set(["upstream", "timeout", "internal"]);
/** Requests a server of unknown size runs at once without harm to each; llama-server's own default. */
const likelySlots = 4;
const maxRetryAfterMs = 60_000;
const probeTimeoutMs = 3_000;

/** Whether the only server is asked once more at once: not where it was slow, or wants to be left alone for longer. */
function worthRepeating(error: ParleyError): boolean {
  const { kind, retryAfter = 0 } = error;
  return kind !== "timeout" && retryAfter <= 1 && !isUnknownThere(error);
}

/** One server, or several of one kind, as one engine: affinity with bounded load, health, retries before the first batch. */
export class ReplicaSet implements Engine {
  // fixed at birth
  readonly kind = "upstream";
  private readonly replicas: readonly Replica[];
  private readonly options: ReplicaOptions;
  private readonly tuning: ReplicaTuning;
  private readonly attempts: number;
  private readonly budget = new RetryBudget(0.2, 10);
  private readonly health: HealthLog;
  // changed by events
  /** Sends the health probes; set by the first request or by `open`. */
  private timer: NodeJS.Timeout | undefined;
  /** Set by `close`: no more probes. */
  private closed = false;

  constructor(members: readonly ReplicaOf[], options: ReplicaOptions = {}) {
    this.options = options;
    this.tuning = { ...defaultTuning, ...options.tuning };
    this.health = new HealthLog(options.log, options.onHealth);
    this.attempts = options.attempts ?? Math.min(4, Math.max(2, members.length));
    const { failures = defaultBreaker.failures, cooldownMs = defaultBreaker.cooldownMs } = options;
    const breaker = { failures, cooldownMs, maxCooldownMs: Math.max(cooldownMs, defaultBreaker.maxCooldownMs) };
    this.replicas = members.map((member) => ({
      ...member,
      breaker: new Breaker(breaker, this.tuning.now),
      inFlight: new InFlight(),
      cooldownUntil: 0,
    }));
  }

  /** The one base URL, where there is only one. */
  get address(): string | undefined {
    return this.replicas.length === 1 ? this.first.member.address : undefined;
  }

  get capabilities(): Capabilities {
    return this.first.member.capabilities;
  }

  generate(request: GenerationRequest, signal: AbortSignal): DeferredIterator<Batch> {
    return new DeferredIterator(() => this.answered(request, signal));
  }

  /** The answer of the first replica that begins one. */
  private async answered(request: GenerationRequest, signal: AbortSignal): Promise<AsyncIterator<Batch, undefined>> {
    this.watch();
    const { brokenTries: broken = [] } = request;
    const last = broken.at(-1);
    if (last === undefined) this.budget.earn();
    else if (!this.mayRetry(last.attempt, last.error)) throw last.error;
    const order = this.order(request);
    const tried = new Set(this.replicas.filter(({ name }) => broken.some(({ replica = name }) => replica === name)));
    for (let attempt = (last?.attempt ?? 0) + 1; ; attempt++) {
      if (tried.size >= this.replicas.length) await this.pause(attempt - 1, tried, signal);
      const { replica, reason } = this.choose(order, tried);
      this.options.onReplicaChosen?.({ replica: replica.name, reason });
      const leave = replica.inFlight.enter(signal);
      // Where there is one, the engine's name says it.
      const servedBy = this.replicas.length === 1 ? undefined : { replica: replica.name, reason, attempt };
      const current: Attempt = { replica, era: replica.breaker.enter(), servedBy };
      const stream = replica.member.generate(request, signal)[Symbol.asyncIterator]();
      const first = await this.begin(current, stream, signal);
      if (!(first instanceof ParleyError)) {
        const recorded = (error: ParleyError | undefined): void => this.recordEnd(current, error);
        return new ReplicaAnswer({ first, stream, recorded, leave });
      }
      leave();
      if (signal.aborted || !this.mayRetry(attempt, first)) throw first;
      tried.add(replica);
    }
  }

  /** Whether a request may be sent once more after its n-th try failed; takes from the budget. */
  private mayRetry(attempt: number, error: ParleyError): boolean {
    if (attempt >= this.attempts || !isRetryable(error)) return false;
    const alone = this.replicas.length === 1;
    if (alone && !worthRepeating(error)) return false;
    // One other replica is always asked: when a replica dies, everything it held moves at once. More is rationed.
    return (attempt === 1 && !alone) || this.budget.spend();
  }

  async count(request: GenerationRequest, signal: AbortSignal): Promise<{ tokens: number; exact: boolean }> {
    return this.choose(this.order(request), new Set()).replica.member.count(request, signal);
  }

  /** As a replica knows it that is up; all of them serve the same. */
  async resolve(model: string): Promise<ServedModel> {
    const up = this.replicas.find(({ breaker }) => breaker.state === "closed") ?? this.first;
    return (await up.member.resolve?.(model)) ?? { model };
  }

  get models(): readonly string[] {
    return this.replicas.map(({ member }) => member.models ?? []).find((names) => names.length > 0) ?? [];
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

  /** State of each replica, for people and metrics. */
  status(): { name: string; state: "closed" | "open" | "half-open"; running: number }[] {
    return this.replicas.map(({ name, breaker, inFlight }) => ({
      name,
      state: breaker.state,
      running: inFlight.count,
    }));
  }

  members(): EngineMember[] {
    return this.status().map(({ name, state, running }) => {
      return { name, up: state === "closed", running, reason: this.health.reason(name) };
    });
  }

  async open(): Promise<void> {
    this.watch();
    await this.probeAll();
    const up = this.replicas.filter(({ breaker }) => breaker.state === "closed");
    await Promise.all(up.map(async ({ member }) => member.open?.()));
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
    if (this.replicas.length === 1) return this.replicas;
    if (this.options.affinity !== false) return rendezvous(affinityKey(request), this.replicas);
    return this.replicas.toSorted((a, b) => a.inFlight.count / a.weight - b.inFlight.count / b.weight);
  }

  private choose(order: readonly Replica[], tried: ReadonlySet<Replica>): { replica: Replica; reason: RouteReason } {
    const now = this.tuning.now();
    const fresh = order.filter((replica) => !tried.has(replica));
    const available = fresh.filter((replica) => replica.breaker.state !== "open" && replica.cooldownUntil <= now);
    const [own = this.first] = order;
    const chosen = available.find((replica) => this.hasRoom(replica, available)) ?? available[0];
    if (chosen === undefined) {
      const soonest = (replica: Replica): number => Math.max(replica.breaker.cooldownUntil, replica.cooldownUntil);
      const [replica = own] = (fresh.length > 0 ? fresh : order).toSorted((a, b) => soonest(a) - soonest(b));
      return { replica, reason: "panic" };
    }
    if (tried.size > 0) return { replica: chosen, reason: "retry" };
    if (this.options.affinity === false) return { replica: chosen, reason: "load" };
    if (chosen === own) return { replica: chosen, reason: "affinity" };
    return { replica: chosen, reason: available.includes(own) ? "spill" : "failover" };
  }

  /**
   * Bounded load: one more request must not take it over a multiple of its fair share of what is running. Below its
   * slots a replica always has room: moving a conversation costs its cache and wins nothing.
   */
  private hasRoom(replica: Replica, available: readonly Replica[]): boolean {
    const { slots } = replica.member.load();
    const free = Number.isFinite(slots) ? slots : likelySlots;
    const running = available.reduce((sum, one) => sum + one.inFlight.count, 1);
    const weight = available.reduce((sum, one) => sum + one.weight, 0);
    const share = Math.ceil((this.tuning.loadBound * running * replica.weight) / weight);
    return replica.inFlight.count + 1 <= Math.max(share, free);
  }

  /** All up to the first event that a caller sees, as one batch, or the error that came instead of it. */
  private async begin(
    { replica, servedBy }: Attempt,
    stream: AsyncIterator<Batch>,
    signal: AbortSignal,
  ): Promise<Batch | ParleyError> {
    try {
      const first: GenerationEvent[] = [];
      while (!first.some(isVisible)) {
        const next = await stream.next();
        if (next.done === true) throw plainError("upstream", "the upstream ended without an answer");
        first.push(...next.value);
      }
      const seen = first.find(isVisible);
      // an answer that was aborted has begun: what it used is charged
      if (seen?.type === "finish" && seen.error !== undefined && seen.error.kind !== "canceled") throw seen.error;
      replica.breaker.releaseTrial();
      return first.map((event) => (event.type === "begin" && servedBy ? { ...event, servedBy } : event));
    } catch (thrown) {
      const error = toParleyError(thrown);
      this.recordError(replica, signal.aborted ? canceled() : error);
      return error;
    }
  }

  private recordEnd({ replica, era }: Attempt, error: ParleyError | undefined): void {
    if (error !== undefined) return this.recordError(replica, error);
    replica.breaker.recordSuccess(era);
    if (replica.breaker.state === "closed") this.health.up(replica.name);
  }

  private recordError(replica: Replica, error: ParleyError): void {
    if (countsAsFailure.has(error.kind) && !isUnknownThere(error)) this.recordFailure(replica, error);
    else replica.breaker.releaseTrial();
    if (error.kind !== "rate-limit" && error.kind !== "overloaded") return;
    const cooldownMs = Math.min((error.retryAfter ?? 1) * 1_000, maxRetryAfterMs);
    replica.cooldownUntil = Math.max(replica.cooldownUntil, this.tuning.now() + cooldownMs);
  }

  private recordFailure(replica: Replica, error: ParleyError): void {
    replica.breaker.recordFailure();
    if (replica.breaker.state === "open") this.health.down(replica.name, error);
  }

  /** All were tried: a moment before the next round, longer each time, with jitter so that requests do not march. */
  private async pause(attempt: number, tried: Set<Replica>, signal: AbortSignal): Promise<void> {
    tried.clear();
    const { backoffMs, random } = this.tuning;
    const longestMs = backoffMs * 2 ** Math.max(0, attempt - this.replicas.length);
    try {
      await wait(longestMs * (0.5 + random() / 2), undefined, { signal });
    } catch {
      throw canceled();
    }
  }

  private watch(): void {
    const { probeMs = 5_000 } = this.options;
    if (this.closed || this.timer !== undefined || probeMs === 0) return;
    this.timer = setInterval(() => void this.probeAll(), probeMs);
    this.timer.unref();
  }

  private async probeAll(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => this.probe(replica)));
  }

  private async probe(replica: Replica): Promise<void> {
    try {
      await replica.member.probe(AbortSignal.timeout(probeTimeoutMs));
      replica.breaker.markUp();
      if (replica.breaker.state === "closed") this.health.up(replica.name);
    } catch (error) {
      if (this.closed) return;
      replica.breaker.markDown();
      this.health.down(replica.name, error);
    }
  }
}

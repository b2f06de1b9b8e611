/**
 * Compares ways to spread agents' conversations over replicas, in virtual time: `node test/engine/upstream/replica/routing.ts`
 * prints the tables of docs/routing.md. The replicas are simulators with slots and prefix caches; the routing is the
 * product's own, but for round robin, which it does not have.
 */
import { setImmediate as breathe } from "node:timers/promises";
import type { Engine } from "../../../../src/engine/engine.ts";
import type { Clock } from "../../../../src/engine/sim/clock.ts";
import { simEngine } from "../../../../src/engine/sim/engine.ts";
import type { ReplicaOptions, ReplicaTuning } from "../../../../src/engine/upstream/replica/options.ts";
import { ReplicaSet, type Member } from "../../../../src/engine/upstream/replica/replicas.ts";
import { ParleyError } from "../../../../src/model/error.ts";
import type { Batch } from "../../../../src/model/event.ts";
import { textPart, type Item } from "../../../../src/model/item.ts";
import type { GenerationRequest } from "../../../../src/model/request.ts";
import { generationRequest } from "../../../support/request.ts";

export interface World {
  replicas: number;
  conversations: number;
  /** Turns of one conversation. */
  turns: number;
  /** A replica is lost from the second to the fourth minute. */
  lose?: boolean;
  /** Half of the conversations say the same `prompt_cache_key`. */
  hot?: boolean;
}

export interface Outcome {
  /** Input tokens that a prefix cache held, of all. */
  hitRate: number;
  /** Milliseconds to the first batch. */
  firstMean: number;
  first95: number;
  /** Busiest replica's requests, over their mean. */
  imbalance: number;
  /** Turns that went elsewhere than the turn before; of those, the turns that had been on the lost replica or came back. */
  moved: number;
  movedByLoss: number;
  turns: number;
  failed: number;
}

/** Time that passes only when everybody waits. */
class VirtualClock implements Clock {
  private time = 0;
  private waiting: { at: number; wake: () => void }[] = [];

  now(): number {
    return this.time;
  }

  sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (milliseconds <= 0 || signal.aborted) return Promise.resolve();
    return new Promise((wake) => this.add(this.time + milliseconds, wake));
  }

  async run(until: Promise<unknown>): Promise<void> {
    let over = false;
    void until.finally(() => (over = true));
    await breathe();
    while (!over) {
      const next = this.waiting.pop();
      if (next === undefined) throw new Error("everybody waits and nothing is due");
      this.time = next.at;
      next.wake();
      await breathe();
    }
  }

  private add(at: number, wake: () => void): void {
    let low = 0;
    let high = this.waiting.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.waiting[middle]?.at ?? 0) > at) low = middle + 1;
      else high = middle;
    }
    this.waiting.splice(low, 0, { at, wake });
  }
}

/** Chance that is the same in every run (mulberry32). */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class SimMember implements Member {
  readonly kind = "sim";
  readonly capabilities;
  lost = false;
  asked = 0;
  private readonly engine: Engine;

  constructor(clock: Clock) {
    this.engine = simEngine({
      prefillTokensPerSecond: 4_000,
      decodeTokensPerSecond: 60,
      slots: 8,
      cacheTokens: 120_000,
      clock,
    });
    this.capabilities = this.engine.capabilities;
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<Batch> {
    if (this.lost) throw new ParleyError("upstream", "lost");
    this.asked += 1;
    yield* this.engine.generate(request, signal);
  }

  count(request: GenerationRequest, signal: AbortSignal): Promise<{ tokens: number; exact: boolean }> {
    return this.engine.count(request, signal);
  }

  load(): ReturnType<Engine["load"]> {
    return this.engine.load();
  }

  async probe(): Promise<void> {
    if (this.lost) throw new Error("lost");
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}

export type Strategy = "round robin" | "least loaded" | "plain hashing" | "affinity, bounded load";

const strategies: Readonly<Record<Strategy, { options?: ReplicaOptions; tuning?: Partial<ReplicaTuning> }>> = {
  "round robin": {},
  "least loaded": { options: { affinity: false } },
  "plain hashing": { tuning: { loadBound: Infinity } },
  "affinity, bounded load": {},
};
export const strategyNames = Object.keys(strategies) as Strategy[];

function words(random: () => number, count: number): string {
  return Array.from({ length: count }, () => `w${Math.floor(random() * 5_000)}`).join(" ");
}

function say(role: "system" | "user" | "assistant", text: string): Item {
  return { type: "message", role, parts: [textPart(text)] };
}

/** One run; the same world and strategy give the same outcome. */
export async function simulate(world: World, strategy: Strategy): Promise<Outcome> {
  const clock = new VirtualClock();
  const random = chance(7);
  const members = Array.from({ length: world.replicas }, () => new SimMember(clock));
  const places = new Map<string, string>();
  const set = new ReplicaSet(
    members.map((member, at) => ({ name: `http://replica-${at}/v1`, weight: 1, member })),
    {
      ...strategies[strategy].options,
      probeMs: 0,
      tuning: { backoffMs: 1, now: () => clock.now(), random, ...strategies[strategy].tuning },
    },
  );
  let next = 0;
  const generate = (request: GenerationRequest, signal: AbortSignal): AsyncIterable<Batch> => {
    if (strategy !== "round robin") return set.generate(request, signal);
    const at = next++ % members.length;
    places.set(request.id, `http://replica-${at}/v1`);
    return (members[at] ?? set).generate(request, signal);
  };
  const tally = new Tally();
  // A few applications, the first far more used than the last, each with its own long instructions.
  const applications = Array.from({ length: 12 }, () => words(random, 1_200));
  const conversations = Array.from({ length: world.conversations }, async (_, at) => {
    const own = chance(at + 1);
    await clock.sleep(own() * 120_000, never);
    await converse({ world, at, own, applications, clock, generate, places, tally });
  });
  const all = Promise.all(conversations);
  if (world.lose === true) void loseOne(members[0], clock);
  await clock.run(all);
  await all;
  await set.close();
  return tally.outcome(members.map(({ asked }) => asked));
}

const never = new AbortController().signal;

/** Away from the second to the fourth minute. */
async function loseOne(member: SimMember | undefined, clock: Clock): Promise<void> {
  if (member === undefined) return;
  await clock.sleep(120_000, never);
  member.lost = true;
  await clock.sleep(120_000, never);
  member.lost = false;
}

interface Conversation {
  world: World;
  at: number;
  own: () => number;
  applications: readonly string[];
  clock: Clock;
  generate: (request: GenerationRequest, signal: AbortSignal) => AsyncIterable<Batch>;
  places: Map<string, string>;
  tally: Tally;
}

/** An agent: asks, reads what the tool said, thinks for a moment, asks again with all that was said before. */
async function converse({ world, at, own, applications, clock, generate, places, tally }: Conversation): Promise<void> {
  const application = applications[Math.floor(own() ** 2 * applications.length)] ?? "";
  const items: Item[] = [say("system", application), say("user", `Task ${at}. ${words(own, 120)}`)];
  let before = "";
  for (let turn = 0; turn < world.turns; turn++) {
    const id = `${at}-${turn}`;
    const hot = world.hot === true && at % 2 === 0;
    const request = { ...requestFor(id, items), ...(hot ? { cacheKey: "hot" } : {}) };
    const place = (await tally.answer(generate(request, never), clock)) ?? places.get(id) ?? "";
    tally.place(before, place);
    before = place;
    items.push(say("assistant", words(own, 60)), say("user", words(own, 100 + Math.floor(own() * 500))));
    await clock.sleep(1_000 + own() * 6_000, never);
  }
}

function requestFor(id: string, items: readonly Item[]): GenerationRequest {
  return generationRequest({
    id,
    createdAt: 0,
    model: "sim",
    items: [...items],
    sampling: { stop: [], maxTokens: 48 },
  });
}

class Tally {
  private input = 0;
  private cached = 0;
  private readonly firsts: number[] = [];
  private moved = 0;
  private movedByLoss = 0;
  failed = 0;

  /** Reads an answer to its end; which replica gave it, where the engine says so. */
  async answer(batches: AsyncIterable<Batch>, clock: Clock): Promise<string | undefined> {
    const begun = clock.now();
    let replica: string | undefined;
    let started = false;
    try {
      for await (const batch of batches) {
        if (!started) this.firsts.push(clock.now() - begun);
        started = true;
        const [begin] = batch;
        if (begin?.type === "begin") replica = begin.servedBy?.replica;
        this.batch(batch);
      }
    } catch {
      this.failed += 1;
    }
    return replica;
  }

  place(before: string, place: string): void {
    if (before === "" || before === place) return;
    this.moved += 1;
    if ([before, place].includes("http://replica-0/v1")) this.movedByLoss += 1;
  }

  private batch(batch: Batch): void {
    for (const event of batch) {
      if (event.type !== "usage") continue;
      this.input += event.usage.input;
      this.cached += event.usage.cached;
    }
  }

  outcome(asked: readonly number[]): Outcome {
    const sorted = this.firsts.toSorted((a, b) => a - b);
    const turns = asked.reduce((sum, one) => sum + one, 0);
    return {
      hitRate: this.cached / this.input,
      firstMean: sorted.reduce((sum, one) => sum + one, 0) / sorted.length,
      first95: sorted[Math.floor(sorted.length * 0.95)] ?? 0,
      imbalance: (Math.max(...asked) * asked.length) / turns,
      moved: this.moved,
      movedByLoss: this.movedByLoss,
      turns,
      failed: this.failed,
    };
  }
}

async function table(world: World): Promise<string[]> {
  const lines = [
    "| way | tokens from cache | first word, mean | 95 of 100 | busiest over mean | moved turns | failed |",
    "| --- | --- | --- | --- | --- | --- | --- |",
  ];
  for (const name of strategyNames) {
    const { hitRate, firstMean, first95, imbalance, moved, movedByLoss, turns, failed } = await simulate(world, name);
    const times = `${firstMean.toFixed(0)} ms | ${first95.toFixed(0)} ms`;
    const moves = `${percent(moved / turns)}${world.lose === true ? ` (${percent((moved - movedByLoss) / turns)} among the others)` : ""}`;
    lines.push(`| ${name} | ${percent(hitRate)} | ${times} | ${imbalance.toFixed(2)} | ${moves} | ${failed} |`);
  }
  return lines;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

const worlds: readonly (World & { title: string })[] = [
  { title: "4 replicas, 160 conversations", replicas: 4, conversations: 160, turns: 8 },
  { title: "16 replicas, 640 conversations", replicas: 16, conversations: 640, turns: 8 },
  { title: "4 replicas, one lost for two minutes", replicas: 4, conversations: 160, turns: 8, lose: true },
  { title: "16 replicas, one lost for two minutes", replicas: 16, conversations: 640, turns: 8, lose: true },
  { title: "4 replicas, 320 conversations: more than they can take", replicas: 4, conversations: 320, turns: 8 },
  {
    title: "4 replicas, half of the conversations with one cache key",
    replicas: 4,
    conversations: 160,
    turns: 8,
    hot: true,
  },
];

if (import.meta.main) {
  for (const { title, ...world } of worlds) {
    const lines = await table(world);
    process.stdout.write(`### ${title}\n\n${lines.join("\n")}\n\n`);
  }
}

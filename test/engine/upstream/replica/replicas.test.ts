import { describe, expect, it } from "vitest";
import type { Load } from "../../../../src/engine/engine.ts";
import { upstreamEngine } from "../../../../src/engine/upstream/engine.ts";
import type { ReplicaOptions, ReplicaChoice, ReplicaTuning } from "../../../../src/engine/upstream/replica/options.ts";
import { ReplicaSet, type Member } from "../../../../src/engine/upstream/replica/replicas.ts";
import { ParleyError, type ErrorDetail, type ErrorKind } from "../../../../src/model/error.ts";
import type { Batch, GenerationEvent, ServedBy } from "../../../../src/model/event.ts";
import type { BrokenTry, GenerationRequest } from "../../../../src/model/request.ts";
import { doneFrame, fakeServer, fold, frame, requestOf, sse, usageFrame, user, type FakeServer } from "../fake.ts";
import { closeLater } from "../../../support/close-later.ts";

const never = new AbortController().signal;

/** A replica that does as told, without a network. */
class Puppet implements Member {
  readonly kind = "upstream";
  readonly capabilities = { constrained: true, image: true, video: "none" } as const;
  asked = 0;
  /** Thrown before the first batch. */
  trouble: ParleyError | undefined;
  /** The finish of every answer. */
  ending: ParleyError | undefined;
  /** The finish of every answer, before anything of it is seen. */
  mute: ParleyError | undefined;
  there = true;
  hold: Promise<void> | undefined;

  async *generate(_: GenerationRequest, signal: AbortSignal): AsyncGenerator<Batch> {
    this.asked += 1;
    if (signal.aborted) throw new ParleyError("canceled", "");
    if (this.trouble !== undefined) throw this.trouble;
    yield [{ type: "begin" }];
    if (this.mute !== undefined) {
      yield [{ type: "finish", reason: "error", error: this.mute }];
      return;
    }
    yield [
      { type: "text-start", index: 0 },
      { type: "text-delta", index: 0, text: "a" },
    ];
    await this.hold;
    yield [
      { type: "text-end", index: 0 },
      this.ending === undefined
        ? { type: "finish", reason: "stop" }
        : { type: "finish", reason: "error", error: this.ending },
    ];
  }

  async count(): Promise<{ tokens: number; exact: boolean }> {
    return { tokens: 1, exact: true };
  }

  load(): Load {
    return { running: 0, waiting: 0, slots: 2 };
  }

  async probe(): Promise<void> {
    if (!this.there) throw new Error("away");
  }

  async close(): Promise<void> {}
}

interface Stage {
  set: ReplicaSet;
  puppets: Puppet[];
  choices: ReplicaChoice[];
  /** Of each answer that began. */
  servedBy: (ServedBy | undefined)[];
  clock: { at: number };
  ask: (text: string) => Promise<string>;
}

function stage(count: number, options: ReplicaOptions = {}, tuning: Partial<ReplicaTuning> = {}): Stage {
  const puppets = Array.from({ length: count }, () => new Puppet());
  const choices: ReplicaChoice[] = [];
  const servedBy: (ServedBy | undefined)[] = [];
  const clock = { at: 0 };
  const members = puppets.map((member, at) => ({ name: `r${at}`, weight: 1, member }));
  const set = new ReplicaSet(members, {
    probeMs: 0,
    onReplicaChosen: (choice) => choices.push(choice),
    tuning: { backoffMs: 1, now: () => clock.at, random: () => 0, ...tuning },
    ...options,
  });
  const ask = async (text: string): Promise<string> => {
    const { transcript, events } = await fold(set.generate(requestOf({ items: [user(text)] }), never));
    const [begin] = events;
    servedBy.push(begin?.type === "begin" ? begin.servedBy : undefined);
    return transcript.finish?.error?.kind ?? "answered";
  };
  return { set, puppets, choices, servedBy, clock, ask };
}

const error = (kind: ErrorKind, detail: ErrorDetail = {}): ParleyError => new ParleyError(kind, "no", detail);
const at = <T>(list: readonly T[], index: number): T => {
  const found = list[index];
  if (found === undefined) throw new Error(`nothing at ${index}`);
  return found;
};
const owner = (choices: readonly ReplicaChoice[]): number => Number(at(choices, 0).replica.slice(1));

describe("a replica set", () => {
  it("sends a conversation where it was before", async () => {
    const { choices, servedBy, ask } = stage(4);
    for (let i = 0; i < 5; i++) await ask("hello");
    expect(new Set(choices.map(({ replica, reason }) => `${replica} ${reason}`)).size).toBe(1);
    expect(servedBy).toEqual(choices.map((choice) => ({ ...choice, attempt: 1 })));
    for (let i = 0; i < 40; i++) await ask(`other ${i}`);
    expect(new Set(choices.map((choice) => choice.replica)).size).toBe(4);
    expect(choices.every((choice) => choice.reason === "affinity")).toBe(true);
  });

  it("lets no replica hold more than its bounded share", async () => {
    const { set, puppets, choices, ask } = stage(4);
    let release: () => void = () => {};
    const hold = new Promise<void>((resolve) => (release = resolve));
    for (const puppet of puppets) puppet.hold = hold;
    const answers = Array.from({ length: 40 }, () => ask("the same"));
    await Promise.resolve();
    expect(Math.max(...set.status().map(({ running }) => running))).toBeLessThanOrEqual(13);
    expect(set.status().reduce((sum, { running }) => sum + running, 0)).toBe(40);
    release();
    await Promise.all(answers);
    expect(new Set(choices.map(({ reason }) => reason))).toEqual(new Set(["affinity", "spill"]));
    expect(set.status().every(({ running }) => running === 0)).toBe(true);
  });

  it("takes the least loaded when affinity is off", async () => {
    const { puppets, choices, ask } = stage(3, { affinity: false });
    let release: () => void = () => {};
    const hold = new Promise<void>((resolve) => (release = resolve));
    for (const puppet of puppets) puppet.hold = hold;
    const answers = Array.from({ length: 9 }, () => ask("the same"));
    await Promise.resolve();
    expect(puppets.map((puppet) => puppet.asked)).toEqual([3, 3, 3]);
    release();
    await Promise.all(answers);
    expect(new Set(choices.map(({ reason }) => reason))).toEqual(new Set(["load"]));
  });

  it.each(["upstream", "overloaded", "timeout", "rate-limit"] as const)(
    "tries another replica after %s",
    async (kind) => {
      const { puppets, choices, servedBy, ask } = stage(3);
      await ask("x");
      at(puppets, owner(choices)).trouble = error(kind);
      choices.length = 0;
      expect(await ask("x")).toBe("answered");
      expect(choices.map(({ reason }) => reason)).toEqual(["affinity", "retry"]);
      expect(servedBy.at(-1)).toEqual({ ...at(choices, 1), attempt: 2 });
      expect(new Set(choices.map(({ replica }) => replica)).size).toBe(2);
    },
  );

  it.each(["invalid", "context", "not-found", "input-sensitive", "token-limit"] as const)(
    "does not hand %s around",
    async (kind) => {
      const { puppets, ask } = stage(3);
      for (const puppet of puppets) puppet.trouble = error(kind);
      await expect(ask("x")).rejects.toMatchObject({ kind });
      expect(puppets.map((puppet) => puppet.asked).toSorted((a, b) => a - b)).toEqual([0, 0, 1]);
    },
  );

  it("does not retry an answer that has begun", async () => {
    const { puppets, ask } = stage(2);
    for (const puppet of puppets) puppet.ending = error("upstream");
    expect(await ask("x")).toBe("upstream");
    expect(puppets.reduce((sum, puppet) => sum + puppet.asked, 0)).toBe(1);
  });

  it("retries an answer of which nothing was seen", async () => {
    const { puppets, choices, servedBy, ask } = stage(2);
    await ask("x");
    at(puppets, owner(choices)).mute = error("upstream");
    expect(await ask("x")).toBe("answered");
    expect(servedBy.at(-1)).toMatchObject({ reason: "retry", attempt: 2 });
  });

  it("asks another replica where earlier tries of a request broke off, and counts them", async () => {
    const { set, choices, ask } = stage(3);
    await ask("x");
    const own = at(choices, 0).replica;
    const again = (brokenTries: BrokenTry[]): Promise<{ events: GenerationEvent[] }> =>
      fold(set.generate({ ...requestOf({ items: [user("x")] }), brokenTries }, never));
    const broken = { replica: own, attempt: 1, error: error("upstream"), askedAt: 0 };
    const [begin] = (await again([broken])).events;
    expect(begin).toMatchObject({ type: "begin", servedBy: { reason: "retry", attempt: 2 } });
    const second = choices.at(-1)?.replica ?? "";
    expect(second).not.toBe(own);
    await again([broken, { ...broken, replica: second, attempt: 2 }]);
    expect([own, second]).not.toContain(choices.at(-1)?.replica);
    const asked = choices.length;
    await expect(again([broken, { ...broken, attempt: 3 }])).rejects.toMatchObject({ kind: "upstream" });
    await expect(again([{ ...broken, error: error("invalid") }])).rejects.toMatchObject({ kind: "invalid" });
    expect(choices).toHaveLength(asked);
  });

  it("gives up after its attempts with the last error", async () => {
    const { puppets, ask } = stage(2, { attempts: 3 });
    for (const puppet of puppets) puppet.trouble = error("upstream");
    await expect(ask("x")).rejects.toMatchObject({ kind: "upstream" });
    expect(puppets.map((puppet) => puppet.asked).toSorted((a, b) => a - b)).toEqual([1, 2]);
  });

  it("retries no more than its budget allows", async () => {
    const { puppets, ask } = stage(2, { attempts: 3, failures: 1_000 });
    for (const puppet of puppets) puppet.trouble = error("upstream");
    for (let i = 0; i < 100; i++) await ask(`${i}`).catch(() => undefined);
    const asked = puppets.reduce((sum, puppet) => sum + puppet.asked, 0);
    // Each asks one other replica; a third try is rationed.
    expect(asked).toBeGreaterThan(210);
    expect(asked).toBeLessThan(235);
  });

  it("stays away from a replica that failed, tries it again later, and comes back", async () => {
    const { set, puppets, choices, clock, ask } = stage(3);
    await ask("x");
    const own = owner(choices);
    at(puppets, own).trouble = error("upstream");
    for (let i = 0; i < 3; i++) await ask("x");
    expect(at(set.status(), own).state).toBe("open");
    choices.length = 0;
    await ask("x");
    expect(choices.map(({ reason }) => reason)).toEqual(["failover"]);
    clock.at = 2_000;
    at(puppets, own).trouble = undefined;
    choices.length = 0;
    await ask("x");
    expect(choices).toMatchObject([{ replica: `r${own}`, reason: "affinity" }]);
    expect(at(set.status(), own).state).toBe("closed");
  });

  it("counts answers that break off against their replica", async () => {
    const { set, puppets, choices, clock, ask } = stage(2);
    await ask("x");
    const own = owner(choices);
    at(puppets, own).ending = error("upstream");
    const endings = [];
    for (let i = 0; i < 12; i++) endings.push(await ask("x"));
    expect(endings.filter((ending) => ending === "upstream")).toHaveLength(3);
    expect(at(puppets, own).asked).toBe(4);
    expect(at(set.status(), own).state).toBe("open");
    expect(at(set.members(), own).up).toBe(false);
    clock.at = 2_000;
    expect(await ask("x")).toBe("upstream");
    expect(at(set.status(), own).state).toBe("open");
    clock.at = 6_000;
    at(puppets, own).ending = undefined;
    expect(await ask("x")).toBe("answered");
    expect(at(set.status(), own).state).toBe("closed");
  });

  it("counts failures in a row only: an answer that ends well begins a new row", async () => {
    const { set, puppets, choices, ask } = stage(2);
    await ask("x");
    const own = owner(choices);
    for (let i = 0; i < 4; i++) {
      at(puppets, own).ending = error("upstream");
      await ask("x");
      await ask("x");
      at(puppets, own).ending = undefined;
      await ask("x");
    }
    expect(at(set.status(), own).state).toBe("closed");
  });

  it("sends no second trial before the first has begun to answer, and a second one then", async () => {
    const { set, puppets, choices, clock, ask } = stage(2);
    await ask("x");
    const own = owner(choices);
    at(puppets, own).trouble = error("upstream");
    for (let i = 0; i < 3; i++) await ask("x");
    at(puppets, own).trouble = undefined;
    clock.at = 2_000;
    let end: () => void = () => {};
    at(puppets, own).hold = new Promise<void>((resolve) => (end = resolve));
    const trial = set.generate(requestOf({ items: [user("x")] }), never);
    const first = trial.next();
    expect(at(set.status(), own).state).toBe("open");
    await first;
    expect(at(set.status(), own).state).toBe("half-open");
    end();
    await trial.next();
    expect(at(set.status(), own).state).toBe("closed");
    await trial.return();
  });

  it("leaves a busy replica alone for as long as it asks", async () => {
    const { puppets, choices, clock, ask } = stage(2);
    await ask("x");
    const own = owner(choices);
    at(puppets, own).trouble = error("rate-limit", { retryAfter: 5 });
    await ask("x");
    at(puppets, own).trouble = undefined;
    choices.length = 0;
    clock.at = 4_999;
    await ask("x");
    clock.at = 5_000;
    await ask("x");
    expect(choices.map(({ reason }) => reason)).toEqual(["failover", "affinity"]);
  });

  it("asks all the same when all seem away", async () => {
    const { set, puppets, choices, ask } = stage(2, { failures: 1 });
    for (const puppet of puppets) puppet.trouble = error("upstream");
    await ask("x").catch(() => undefined);
    expect(set.status().map(({ state }) => state)).toEqual(["open", "open"]);
    for (const puppet of puppets) puppet.trouble = undefined;
    choices.length = 0;
    expect(await ask("x")).toBe("answered");
    expect(at(choices, 0).reason).toBe("panic");
  });

  it("learns from probes", async () => {
    const { set, puppets, choices, ask } = stage(2);
    await ask("x");
    const own = owner(choices);
    at(puppets, own).there = false;
    await set.open();
    choices.length = 0;
    await ask("x");
    at(puppets, own).there = true;
    await set.open();
    await ask("x");
    expect(choices.map(({ reason }) => reason)).toEqual(["failover", "affinity"]);
  });

  it("ends at once when the caller goes away between tries", async () => {
    const { set, puppets } = stage(1, { attempts: 2 }, { backoffMs: 60_000 });
    at(puppets, 0).trouble = error("upstream");
    const abort = new AbortController();
    const answer = fold(set.generate(requestOf(), abort.signal));
    setTimeout(() => abort.abort(), 10);
    await expect(answer).rejects.toMatchObject({ kind: "canceled" });
  });

  it("sums the load", () => {
    expect(stage(3).set.load()).toEqual({ running: 0, waiting: 0, slots: 6 });
  });
});

describe("several base URLs", () => {
  const answer = frame({ content: "a" }) + frame({}, "stop") + usageFrame(1, 1) + doneFrame;

  async function server(): Promise<FakeServer> {
    const one = await fakeServer((asked, response) => {
      if (asked.path === "/v1/models") response.end('{"data":[]}');
      else sse(response).end(answer);
    });
    closeLater(one);
    return one;
  }

  it("lose no request when one of them dies under load", async () => {
    const servers = [await server(), await server()];
    const engine = upstreamEngine({ url: servers.map(({ url }) => url), replicas: { probeMs: 50 } });
    closeLater(engine);
    const ask = async (i: number): Promise<string> => {
      const { transcript } = await fold(engine.generate(requestOf({ items: [user(`${i}`)] }), never));
      return transcript.text();
    };
    const before = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(i)));
    await at(servers, 0).close();
    const after = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(i)));
    const later = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(i)));
    expect(new Set([...before, ...after, ...later])).toEqual(new Set(["a"]));
    expect(at(servers, 0).asked.length).toBeGreaterThan(0);
  });

  it("move everything a dying one held before its first byte", async () => {
    const dying = await fakeServer(() => {});
    const well = await server();
    const engine = upstreamEngine({ url: [dying.url, well.url], replicas: { probeMs: 0 } });
    closeLater(engine);
    const answers = Array.from({ length: 30 }, (_, i) =>
      fold(engine.generate(requestOf({ items: [user(`${i}`)] }), never)),
    );
    while (dying.asked.length < 8) await new Promise((resolve) => setTimeout(resolve, 2));
    await dying.close();
    for (const { transcript } of await Promise.all(answers)) expect(transcript.text()).toBe("a");
  });

  it("weigh as they are told", async () => {
    const [light, heavy] = [await server(), await server()];
    const url = [light.url, { url: heavy.url, weight: 4 }];
    const engine = upstreamEngine({ url, replicas: { probeMs: 0 } });
    closeLater(engine);
    for (let i = 0; i < 200; i++) await fold(engine.generate(requestOf({ items: [user(`${i}`)] }), never));
    expect(heavy.asked.length).toBeGreaterThan(light.asked.length * 2);
  });
});

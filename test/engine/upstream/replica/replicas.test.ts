import { afterEach, describe, expect, it } from "vitest";
import type { Load } from "../../../../src/engine/engine.ts";
import { upstreamEngine } from "../../../../src/engine/upstream/engine.ts";
import {
  ReplicaSet,
  type Member,
  type ReplicaOptions,
  type Route,
} from "../../../../src/engine/upstream/replica/replicas.ts";
import { ParleyError, type ErrorDetail, type ErrorKind } from "../../../../src/model/error.ts";
import type { Batch } from "../../../../src/model/event.ts";
import type { GenerationRequest } from "../../../../src/model/request.ts";
import { doneFrame, fakeServer, fold, frame, requestOf, sse, usageFrame, user, type FakeServer } from "../fake.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

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
  there = true;
  hold: Promise<void> | undefined;

  async *generate(_: GenerationRequest, signal: AbortSignal): AsyncGenerator<Batch> {
    this.asked += 1;
    if (signal.aborted) throw new ParleyError("canceled", "");
    if (this.trouble !== undefined) throw this.trouble;
    yield [{ type: "begin" }];
    await this.hold;
    yield [
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
  routes: Route[];
  clock: { at: number };
  ask: (text: string) => Promise<string>;
}

function stage(count: number, options: ReplicaOptions = {}): Stage {
  const puppets = Array.from({ length: count }, () => new Puppet());
  const routes: Route[] = [];
  const clock = { at: 0 };
  const members = puppets.map((member, at) => ({ name: `r${at}`, weight: 1, member }));
  const set = new ReplicaSet(members, {
    backoff: 1,
    probeEvery: 0,
    now: () => clock.at,
    random: () => 0,
    onRoute: (route) => routes.push(route),
    ...options,
  });
  const ask = async (text: string): Promise<string> => {
    const { transcript } = await fold(set.generate(requestOf({ items: [user(text)] }), never));
    return transcript.finish?.error?.kind ?? "answered";
  };
  return { set, puppets, routes, clock, ask };
}

const error = (kind: ErrorKind, detail: ErrorDetail = {}): ParleyError => new ParleyError(kind, "no", detail);
const at = <T>(list: readonly T[], index: number): T => {
  const found = list[index];
  if (found === undefined) throw new Error(`nothing at ${index}`);
  return found;
};
const owner = (routes: readonly Route[]): number => Number(at(routes, 0).replica.slice(1));

describe("a replica set", () => {
  it("sends a conversation where it was before", async () => {
    const { routes, ask } = stage(4);
    for (let i = 0; i < 5; i++) await ask("hello");
    expect(new Set(routes.map((route) => `${route.replica} ${route.reason} ${route.attempt}`)).size).toBe(1);
    for (let i = 0; i < 40; i++) await ask(`other ${i}`);
    expect(new Set(routes.map((route) => route.replica)).size).toBe(4);
    expect(routes.every((route) => route.reason === "affinity")).toBe(true);
  });

  it("lets no replica hold more than its bounded share", async () => {
    const { set, puppets, routes, ask } = stage(4);
    let release: () => void = () => {};
    const hold = new Promise<void>((resolve) => (release = resolve));
    for (const puppet of puppets) puppet.hold = hold;
    const answers = Array.from({ length: 40 }, () => ask("the same"));
    await Promise.resolve();
    expect(Math.max(...set.status().map(({ running }) => running))).toBeLessThanOrEqual(13);
    expect(set.status().reduce((sum, { running }) => sum + running, 0)).toBe(40);
    release();
    await Promise.all(answers);
    expect(new Set(routes.map(({ reason }) => reason))).toEqual(new Set(["affinity", "spill"]));
    expect(set.status().every(({ running }) => running === 0)).toBe(true);
  });

  it("takes the least loaded when affinity is off", async () => {
    const { puppets, routes, ask } = stage(3, { affinity: false });
    let release: () => void = () => {};
    const hold = new Promise<void>((resolve) => (release = resolve));
    for (const puppet of puppets) puppet.hold = hold;
    const answers = Array.from({ length: 9 }, () => ask("the same"));
    await Promise.resolve();
    expect(puppets.map((puppet) => puppet.asked)).toEqual([3, 3, 3]);
    release();
    await Promise.all(answers);
    expect(new Set(routes.map(({ reason }) => reason))).toEqual(new Set(["load"]));
  });

  it.each(["upstream", "overloaded", "timeout", "rate-limit"] as const)(
    "tries another replica after %s",
    async (kind) => {
      const { puppets, routes, ask } = stage(3);
      await ask("x");
      at(puppets, owner(routes)).trouble = error(kind);
      routes.length = 0;
      expect(await ask("x")).toBe("answered");
      expect(routes.map(({ reason, attempt }) => [reason, attempt])).toEqual([
        ["affinity", 1],
        ["retry", 2],
      ]);
      expect(new Set(routes.map(({ replica }) => replica)).size).toBe(2);
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

  it("gives up after its attempts with the last error", async () => {
    const { puppets, ask } = stage(2, { attempts: 3 });
    for (const puppet of puppets) puppet.trouble = error("upstream");
    await expect(ask("x")).rejects.toMatchObject({ kind: "upstream" });
    expect(puppets.map((puppet) => puppet.asked).toSorted((a, b) => a - b)).toEqual([1, 2]);
  });

  it("retries no more than its budget allows", async () => {
    const { puppets, ask } = stage(2, { attempts: 3, breaker: { failures: 1_000 } });
    for (const puppet of puppets) puppet.trouble = error("upstream");
    for (let i = 0; i < 100; i++) await ask(`${i}`).catch(() => undefined);
    const asked = puppets.reduce((sum, puppet) => sum + puppet.asked, 0);
    // Each asks one other replica; a third try is rationed.
    expect(asked).toBeGreaterThan(210);
    expect(asked).toBeLessThan(235);
  });

  it("stays away from a replica that failed, tries it again later, and comes back", async () => {
    const { set, puppets, routes, clock, ask } = stage(3);
    await ask("x");
    const own = owner(routes);
    at(puppets, own).trouble = error("upstream");
    for (let i = 0; i < 3; i++) await ask("x");
    expect(at(set.status(), own).state).toBe("open");
    routes.length = 0;
    await ask("x");
    expect(routes.map(({ reason }) => reason)).toEqual(["failover"]);
    clock.at = 2_000;
    at(puppets, own).trouble = undefined;
    routes.length = 0;
    await ask("x");
    expect(routes).toMatchObject([{ replica: `r${own}`, reason: "affinity" }]);
    expect(at(set.status(), own).state).toBe("closed");
  });

  it("counts answers that break off against their replica", async () => {
    const { set, puppets, routes, ask } = stage(2);
    await ask("x");
    at(puppets, owner(routes)).ending = error("upstream");
    for (let i = 0; i < 4; i++) await ask("x");
    expect(at(set.status(), owner(routes)).state).toBe("closed");
  });

  it("leaves a busy replica alone for as long as it asks", async () => {
    const { puppets, routes, clock, ask } = stage(2);
    await ask("x");
    const own = owner(routes);
    at(puppets, own).trouble = error("rate-limit", { retryAfter: 5 });
    await ask("x");
    at(puppets, own).trouble = undefined;
    routes.length = 0;
    clock.at = 4_999;
    await ask("x");
    clock.at = 5_000;
    await ask("x");
    expect(routes.map(({ reason }) => reason)).toEqual(["failover", "affinity"]);
  });

  it("asks all the same when all seem away", async () => {
    const { set, puppets, routes, ask } = stage(2, { breaker: { failures: 1 } });
    for (const puppet of puppets) puppet.trouble = error("upstream");
    await ask("x").catch(() => undefined);
    expect(set.status().map(({ state }) => state)).toEqual(["open", "open"]);
    for (const puppet of puppets) puppet.trouble = undefined;
    routes.length = 0;
    expect(await ask("x")).toBe("answered");
    expect(at(routes, 0).reason).toBe("panic");
  });

  it("learns from probes", async () => {
    const { set, puppets, routes, ask } = stage(2);
    await ask("x");
    const own = owner(routes);
    at(puppets, own).there = false;
    await set.open();
    routes.length = 0;
    await ask("x");
    at(puppets, own).there = true;
    await set.open();
    await ask("x");
    expect(routes.map(({ reason }) => reason)).toEqual(["failover", "affinity"]);
  });

  it("ends at once when the caller goes away between tries", async () => {
    const { set, puppets } = stage(1, { backoff: 60_000, attempts: 2 });
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
    open.push(one);
    return one;
  }

  it("lose no request when one of them dies under load", async () => {
    const servers = [await server(), await server()];
    const engine = upstreamEngine({ url: servers.map(({ url }) => url), replicas: { probeEvery: 50 } });
    open.push(engine);
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
    const engine = upstreamEngine({ url: [dying.url, well.url], replicas: { probeEvery: 0 } });
    open.push(engine);
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
    const engine = upstreamEngine({ url, replicas: { probeEvery: 0 } });
    open.push(engine);
    for (let i = 0; i < 200; i++) await fold(engine.generate(requestOf({ items: [user(`${i}`)] }), never));
    expect(heavy.asked.length).toBeGreaterThan(light.asked.length * 2);
  });
});

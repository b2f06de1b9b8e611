import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseSubject } from "../../src/model/account.ts";
import type { ParleyError } from "../../src/model/error.ts";
import type { Limits } from "../../src/model/limit.ts";
import { MemoryLimiter, type Limited, type Reservation } from "../../src/policy/limiter.ts";

function make(start = 0) {
  const clock = { now: start };
  return { clock, limiter: new MemoryLimiter(() => clock.now) };
}

const key = (limits: Limits, text = "key:a"): Limited => {
  const subject = parseSubject(text);
  if (subject === undefined) throw new Error(text);
  return { subject, limits };
};
const refused = (work: Promise<unknown>): Promise<ParleyError> =>
  work.then(
    () => expect.unreachable("was admitted"),
    (error: unknown) => error as ParleyError,
  );

describe("MemoryLimiter", () => {
  it("lets everything through where nothing is limited, and counts nothing", async () => {
    const { limiter } = make();
    for (let times = 0; times < 100; times += 1) expect((await limiter.reserve([key({})], 1e9)).rateLimit).toEqual({});
    expect(limiter.size).toBe(0);
  });

  it("shows what is left of every limit and takes nothing", async () => {
    const { limiter } = make();
    const all = [
      key({ requestsPerMinute: 5, streams: 2 }),
      key({ requestsPerMinute: 9, tokensPerMinute: 100 }, "organisation:o"),
    ];
    const whole = {
      requests: { limit: 5, remaining: 5 },
      tokens: { limit: 100, remaining: 100 },
      streams: { limit: 2, remaining: 2 },
    };
    expect(await limiter.left(all)).toMatchObject(whole);
    expect(limiter.size).toBe(0);
    await limiter.reserve(all, 30);
    const left = { requests: { remaining: 4 }, tokens: { remaining: 70 }, streams: { remaining: 1 } };
    expect([await limiter.left(all), await limiter.left(all)]).toMatchObject([left, left]);
    expect(await limiter.left([key({})])).toEqual({});
  });

  it("refuses the request above the limit, tells when to come back, and lets it in then", async () => {
    const { clock, limiter } = make(500);
    const all = [key({ requestsPerMinute: 2 })];
    expect((await limiter.reserve(all, 0)).rateLimit).toEqual({ requests: { limit: 2, remaining: 1, reset: 60.5 } });
    clock.now = 10_000;
    await limiter.reserve(all, 0);
    const error = await refused(limiter.reserve(all, 0));
    expect(error).toMatchObject({ kind: "rate-limit", retryAfter: 51 });
    expect(error.message).toContain("2 requests per minute (key)");
    expect(error.rateLimit).toEqual({ requests: { limit: 2, remaining: 0, reset: 61 } });
    clock.now += 51_000 - 1;
    await refused(limiter.reserve(all, 0));
    clock.now += 1;
    await limiter.reserve(all, 0);
  });

  it("counts tokens by estimate until the truth is told", async () => {
    const { limiter } = make();
    const all = [key({ tokensPerMinute: 100 })];
    const first = await limiter.reserve(all, 60);
    expect(first.rateLimit.tokens).toMatchObject({ limit: 100, remaining: 40 });
    expect(await refused(limiter.reserve(all, 41))).toMatchObject({ kind: "rate-limit" });
    first.commit(10);
    first.commit(0);
    const second = await limiter.reserve(all, 41);
    expect(second.rateLimit.tokens?.remaining).toBe(49);
    second.commit(95);
    expect(await refused(limiter.reserve(all, 1))).toMatchObject({ kind: "rate-limit" });
  });

  it("lets a request that no limit could hold pass when nothing else does", async () => {
    const { limiter } = make();
    const all = [key({ tokensPerMinute: 100 })];
    const large = await limiter.reserve(all, 5_000);
    expect(large.rateLimit.tokens?.remaining).toBe(0);
    large.commit(0);
    (await limiter.reserve(all, 1)).commit(1);
    await refused(limiter.reserve(all, 5_000));
  });

  it("holds streams until they are settled", async () => {
    const { limiter } = make();
    const all = [key({ streams: 2 })];
    const first = await limiter.reserve(all, 0);
    await limiter.reserve(all, 0);
    expect(await refused(limiter.reserve(all, 0))).toMatchObject({ kind: "connection-limit", retryAfter: 1 });
    first.commit(0);
    first.commit(0);
    await limiter.reserve(all, 0);
    await refused(limiter.reserve(all, 0));
  });

  it("gives the stream back before the tokens are known, once", async () => {
    const { limiter } = make();
    const all = [key({ streams: 1, tokensPerMinute: 100 })];
    const first = await limiter.reserve(all, 60);
    first.releaseStream();
    first.releaseStream();
    const second = await limiter.reserve(all, 40);
    expect(second.rateLimit.tokens?.remaining).toBe(0);
    first.commit(10);
    expect(await refused(limiter.reserve(all, 1))).toMatchObject({ kind: "connection-limit" });
    second.commit(40);
    expect((await limiter.reserve(all, 1)).rateLimit.tokens?.remaining).toBe(49);
  });

  it("refuses too fast a growth, but not a steady stream or a handful", async () => {
    const { clock, limiter } = make();
    const all = [key({ growth: 2 })];
    const times = async (count: number): Promise<void> => {
      for (let done = 0; done < count; done += 1) (await limiter.reserve(all, 0)).commit(0);
    };
    await times(10);
    expect(await refused(limiter.reserve(all, 0))).toMatchObject({ kind: "growth-limit", retryAfter: 10 });
    clock.now = 10_000;
    await times(20);
    await refused(limiter.reserve(all, 0));
    clock.now = 20_000;
    await times(40);
    clock.now = 60_000;
    await times(10);
    await refused(limiter.reserve(all, 0));
  });

  it("takes from everyone or from nobody", async () => {
    const { limiter } = make();
    const mine = key({ requestsPerMinute: 5, streams: 5, tokensPerMinute: 50 });
    const full = key({ requestsPerMinute: 1 }, "model:m");
    await limiter.reserve([full], 0);
    await refused(limiter.reserve([mine, full], 10));
    const { rateLimit } = await limiter.reserve([mine], 0);
    expect(rateLimit).toMatchObject({ requests: { remaining: 4 }, tokens: { remaining: 50 } });
  });

  it("tells the tightest of several limits", async () => {
    const { limiter } = make();
    const all = [key({ requestsPerMinute: 9 }), key({ requestsPerMinute: 3, tokensPerMinute: 70 }, "organisation:o")];
    expect((await limiter.reserve(all, 20)).rateLimit).toMatchObject({
      requests: { limit: 3, remaining: 2 },
      tokens: { limit: 70, remaining: 50 },
    });
  });

  it("forgets those that count nothing any more", async () => {
    const { clock, limiter } = make();
    const kept = await limiter.reserve([key({ streams: 1 }, "key:kept")], 0);
    for (let number = 0; number < 1_500; number += 1) {
      (await limiter.reserve([key({ requestsPerMinute: 1 }, `key:${number}`)], 0)).commit(0);
    }
    clock.now = 130_000;
    await limiter.reserve([key({ requestsPerMinute: 1 })], 0);
    expect(limiter.size).toBe(2);
    kept.commit(0);
  });
});

type Step = { after: number; estimate: number; part: number; holdFor: number };

describe("the arithmetic, whatever happens", () => {
  const step: fc.Arbitrary<Step> = fc.record({
    after: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20_000 })),
    estimate: fc.integer({ min: 0, max: 60 }),
    part: fc.double({ min: 0, max: 1, noNaN: true }),
    holdFor: fc.integer({ min: 0, max: 90_000 }),
  });

  it("no 60 seconds hold more than the limits, and nothing leaks", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const limits = { requestsPerMinute: 7, tokensPerMinute: 120, streams: 3 };
        const { clock, limiter } = make();
        const admitted: { at: number; used: number }[] = [];
        let open: { until: number; used: number; reservation: Reservation }[] = [];
        const settle = (): void => {
          for (const one of open.filter(({ until }) => until <= clock.now)) one.reservation.commit(one.used);
          open = open.filter(({ until }) => until > clock.now);
        };
        for (const { after, estimate, part, holdFor } of steps) {
          clock.now += after;
          settle();
          const reservation = await limiter.reserve([key(limits)], estimate).catch(() => undefined);
          if (reservation === undefined) continue;
          const used = Math.floor(estimate * part);
          admitted.push({ at: clock.now, used });
          open.push({ until: clock.now + holdFor, used, reservation });
          const minute = admitted.filter(({ at }) => at > clock.now - 60_000);
          expect(minute.length).toBeLessThanOrEqual(limits.requestsPerMinute);
          expect(minute.reduce((sum, one) => sum + one.used, 0)).toBeLessThanOrEqual(limits.tokensPerMinute);
          expect(open.length).toBeLessThanOrEqual(limits.streams);
        }
        clock.now += 100_000;
        settle();
        clock.now += 61_000;
        const { rateLimit } = await limiter.reserve([key(limits)], 0);
        expect(rateLimit).toMatchObject({ requests: { remaining: 6 }, tokens: { remaining: 120 } });
      }),
      { numRuns: 300 },
    );
  });
});

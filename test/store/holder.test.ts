import { describe, expect, it } from "vitest";
import { isGone } from "../../src/store/holder.ts";

const own = "host/10/aaa";
const now = 1_000_000;
const alive =
  (...pids: number[]) =>
  (pid: number) =>
    pids.includes(pid);

interface Case {
  who: string;
  id: string;
  renewedAt?: number;
  exists?: (pid: number) => boolean;
  gone: boolean;
}

const cases: readonly Case[] = [
  { who: "oneself, whatever the word", id: own, exists: alive(), gone: false },
  { who: "one that gave word, of whom nothing else is known", id: "host/11/bbb", renewedAt: now - 30_000, gone: false },
  { who: "one that has been silent", id: "host/11/bbb", renewedAt: now - 30_001, gone: true },
  { who: "one that said good-bye", id: "host/11/bbb", gone: true },
  { who: "nobody", id: "", exists: alive(), gone: true },
  { who: "a process that runs here", id: "host/11/bbb", renewedAt: now, exists: alive(11), gone: false },
  { who: "a process that ran here", id: "host/11/bbb", renewedAt: now, exists: alive(12), gone: true },
  { who: "the process that had this number before", id: "host/10/bbb", renewedAt: now, exists: alive(10), gone: true },
  { who: "a process of another machine", id: "other/11/bbb", renewedAt: now, exists: alive(), gone: false },
];

describe("isGone", () => {
  it.each(cases)("of $who: $gone", ({ id, renewedAt, exists, gone }) => {
    expect(isGone({ id, renewedAt }, own, now, exists)).toBe(gone);
  });
});

import { describe, expect, it } from "vitest";
import type { Item } from "../../../src/model/item.ts";
import { CachePool } from "../../../src/lib/cache-pool.ts";
import { ConversationMemory } from "../../../src/service/responses/memory.ts";
import { RecentAnswers } from "../../../src/service/responses/recent.ts";

const message = (text: string): Item => ({ type: "message", role: "user", parts: [{ type: "text", text }] });

describe("what a connection remembers", () => {
  it("is bounded in turns", () => {
    const memory = new ConversationMemory();
    for (let turn = 0; turn < 100; turn++) memory.keep(`r${turn}`, [message("x")]);
    expect(memory.history("r0")).toBeUndefined();
    expect(memory.history("r99")).toHaveLength(1);
  });

  it("is bounded in size: 35 turns of 4 MB do not stay in memory", () => {
    const memory = new ConversationMemory();
    for (let turn = 0; turn < 35; turn++) memory.keep(`r${turn}`, [message("x".repeat(4_000_000))]);
    const kept = Array.from({ length: 35 }, (_, turn) => memory.history(`r${turn}`)).filter(Boolean);
    expect(kept).toHaveLength(8);
    expect(memory.history("r34")).toHaveLength(1);
    memory.keep("huge", [message("x".repeat(40_000_000))]);
    expect(memory.history("huge")).toBeUndefined();
    expect(memory.history("r34")).toHaveLength(1);
  });

  it("counts two bytes a character outside ASCII", () => {
    const memory = new ConversationMemory();
    memory.keep("wide", [message(`${"x".repeat(17_000_000)}中`)]);
    expect([memory.history("wide"), memory.size]).toEqual([undefined, 0]);
    memory.keep("narrow", [message("x".repeat(17_000_000))]);
    expect(memory.size).toBeGreaterThan(17_000_000);
    expect(memory.size).toBeLessThan(17_001_000);
  });

  it("counts an item that several turns share once", () => {
    const memory = new ConversationMemory();
    const conversation: Item[] = [];
    for (let turn = 0; turn < 60; turn++) {
      conversation.push(message("x".repeat(400_000)));
      memory.keep(`r${turn}`, [...conversation]);
    }
    expect(memory.size).toBeLessThan(60 * 401_000);
    expect(memory.history("r0")).toHaveLength(1);
    expect(memory.history("r59")).toHaveLength(60);
    for (let turn = 0; turn < 59; turn++) memory.forget(`r${turn}`);
    expect(memory.size).toBeGreaterThan(60 * 400_000);
    memory.forget("r59");
    expect(memory.size).toBe(0);
  });

  it("stays within the bounds of its key and of all, at the cost of those who remember most", () => {
    const pool = new CachePool({ perOwner: 10_000_000, total: 16_000_000 });
    const memories = Array.from(
      { length: 1_000 },
      (_, at) => new ConversationMemory(pool, at < 900 ? "greedy" : "other"),
    );
    const small = new ConversationMemory(pool, "small");
    small.keep("s", [message("x".repeat(1_000_000))]);
    for (const [at, memory] of memories.entries()) memory.keep(`r${at}`, [message("x".repeat(500_000))]);
    expect(pool.size).toBeLessThanOrEqual(16_000_000);
    expect(pool.size).toBeGreaterThan(15_000_000);
    expect(small.history("s")).toHaveLength(1);
    for (const memory of [...memories, small]) memory.close();
    expect(pool.size).toBe(0);
    memories[0]?.keep("late", [message("x")]);
    expect(pool.size).toBe(0);
  });
});

describe("recent answers", () => {
  it("of one key do not push out those of another", () => {
    const pool = new CachePool({ perOwner: 10_000_000, total: 12_000_000 });
    const recent = new RecentAnswers(pool);
    recent.keep("quiet", "a", message("mine"));
    for (let at = 0; at < 50; at++) recent.keep(`busy${at % 3}`, `i${at}`, message("x".repeat(1_000_000)));
    expect(recent.find("quiet", "a")).toEqual(message("mine"));
    expect(recent.find("busy1", "i49")).toBeDefined();
    expect(pool.size).toBeLessThanOrEqual(12_000_000);
  });

  it("belong to their owner and are bounded in size", () => {
    const recent = new RecentAnswers();
    recent.keep("k1", "a", message("mine"));
    expect(recent.find("k1", "a")).toEqual(message("mine"));
    expect(recent.find("k2", "a")).toBeUndefined();
    for (let turn = 0; turn < 10; turn++) {
      recent.keepTurn("k1", `r${turn}`, { previous: undefined, items: [message("x".repeat(4_000_000))] });
    }
    expect(recent.turn("k1", "r0")).toBeUndefined();
    expect(recent.turn("k1", "r9")?.items).toHaveLength(1);
  });
});

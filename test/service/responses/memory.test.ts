import { describe, expect, it } from "vitest";
import type { Item } from "../../../src/model/item.ts";
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
    const large = message("x".repeat(4_000_000));
    for (let turn = 0; turn < 35; turn++) memory.keep(`r${turn}`, [large]);
    const kept = Array.from({ length: 35 }, (_, turn) => memory.history(`r${turn}`)).filter(Boolean);
    expect(kept).toHaveLength(8);
    expect(memory.history("r34")).toHaveLength(1);
    memory.keep("huge", [message("x".repeat(40_000_000))]);
    expect(memory.history("huge")).toBeUndefined();
  });
});

describe("recent answers", () => {
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

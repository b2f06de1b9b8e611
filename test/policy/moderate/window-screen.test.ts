import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ParleyError } from "../../../src/model/error.ts";
import type { Batch, GenerationEvent } from "../../../src/model/event.ts";
import type { Check, Verdict } from "../../../src/policy/moderate/finding.ts";
import { screenWindows } from "../../../src/policy/moderate/window-screen.ts";
import { contents, folded, play, type Said } from "./support.ts";

const signal = new AbortController().signal;
const severe: Verdict = { category: 4, severity: "severe" };
const mild: Verdict = { category: 5, severity: "mild" };

/** A judge that finds "BAD" and "rude", and remembers what it was shown. */
function judge(): { check: Check; seen: string[] } {
  const seen: string[] = [];
  const check: Check = (text) => {
    seen.push(text);
    return Promise.resolve(text.includes("BAD") ? severe : text.includes("rude") ? mild : undefined);
  };
  return { check, seen };
}

async function* source(batches: readonly Batch[], ended?: { value: boolean }): AsyncGenerator<Batch> {
  try {
    yield* batches;
  } finally {
    if (ended !== undefined) ended.value = true;
  }
}

async function collect(batches: AsyncIterable<Batch>): Promise<GenerationEvent[]> {
  const events: GenerationEvent[] = [];
  for await (const batch of batches) events.push(...batch);
  return events;
}

function screen(items: readonly Said[], check: Check, { blocks = true, window = 20 } = {}): Promise<GenerationEvent[]> {
  return collect(screenWindows(source(play(items)), { check, signal, blocks, window }));
}

const text = (...pieces: string[]): Said => ({ kind: "text", pieces });
const letters = (whole: string): Said => text(...whole);

describe("judged", () => {
  it("asks by windows and sentences, showing the window before once more", async () => {
    const { check, seen } = judge();
    const events = await screen([letters("This is one. Then there are many more words of it")], check);
    expect(folded(events).text()).toBe("This is one. Then there are many more words of it");
    expect(seen).toEqual(["This is one.", "This is one. Then there are many", " Then there are many more words of it"]);
  });

  it("lets nothing of a window out before its verdict, and cuts there", async () => {
    const events = await screen([letters("All is well here. But this BAD thing is not")], judge().check);
    const transcript = folded(events);
    expect([transcript.text(), transcript.outputFlag, transcript.finish?.reason]).toEqual([
      "All is well here.",
      4,
      "filter",
    ]);
  });

  it("never begins an item whose first window is refused, and ends the engine's stream", async () => {
    const ended = { value: false };
    const batches = source(play([text("BAD to the bone."), text("x")]), ended);
    const events = await collect(screenWindows(batches, { check: judge().check, signal, blocks: true, window: 20 }));
    expect(events).toEqual([
      { type: "begin" },
      { type: "flag", side: "output", category: 4 },
      { type: "finish", reason: "filter" },
    ]);
    expect(ended.value).toBe(true);
  });

  it("judges every kind of item at its end at the latest, and asks nothing about empty ones", async () => {
    const { check, seen } = judge();
    const items: Said[] = [{ kind: "reasoning", pieces: ["hm"] }, text(), { kind: "call", pieces: ['{"a":1}'] }];
    expect(await screen(items, check)).toEqual(play(items).flat());
    expect(seen).toEqual(["hm", '{"a":1}']);
  });

  it("marks what is mild and goes on", async () => {
    const transcript = folded(await screen([text("how rude of you, really.", " yes")], judge().check));
    expect([transcript.text(), transcript.outputFlag, transcript.finish?.reason]).toEqual([
      "how rude of you, really. yes",
      5,
      "stop",
    ]);
  });

  it("holds nothing back when it does not block; verdicts come before the end", async () => {
    const late = Promise.withResolvers<Verdict>();
    const batches = screenWindows(source(play([letters("BAD thing, yes.")])), {
      check: () => late.promise,
      signal,
      blocks: false,
      window: 20,
    });
    const events: GenerationEvent[] = [];
    for await (const batch of batches) {
      events.push(...batch);
      if (events.at(-1)?.type === "text-end") late.resolve(severe);
    }
    const transcript = folded(events);
    expect([transcript.text(), transcript.outputFlag, transcript.finish?.reason]).toEqual([
      "BAD thing, yes.",
      4,
      "stop",
    ]);
  });

  it("passes a judge's failure on, and ends the engine's stream", async () => {
    for (const blocks of [true, false]) {
      const ended = { value: false };
      const check = (): Promise<Verdict> => Promise.reject(new ParleyError("upstream", "down"));
      const batches = screenWindows(source(play([text("Some sentence.")]), ended), {
        check,
        signal,
        blocks,
        window: 20,
      });
      await expect(collect(batches)).rejects.toMatchObject({ kind: "upstream" });
      expect(ended.value).toBe(true);
    }
  });

  it("takes a failure that nobody waits for yet for nobody's mistake", async () => {
    async function* slow(): AsyncGenerator<Batch> {
      for (const batch of play([text("Some sentence."), text("x")])) {
        yield batch;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
    const check = (): Promise<Verdict> => Promise.reject(new ParleyError("upstream", "down"));
    const batches = screenWindows(slow(), { check, signal, blocks: false, window: 20 });
    await expect(collect(batches)).rejects.toMatchObject({ kind: "upstream" });
  });

  it("changes nothing where nothing is found, and keeps the grammar whatever is found, however it was cut", async () => {
    const piece = fc.string({ unit: fc.constantFrom("a", "中", ".", " ", "🙂", "B", "BAD", "rude"), maxLength: 6 });
    const kind = fc.constantFrom("text", "reasoning", "call");
    const item = fc.record({ kind, pieces: fc.array(piece, { maxLength: 8 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(item, { maxLength: 4 }), fc.integer({ min: 4, max: 30 }), async (items, window) => {
        const transcript = folded(await screen(items, judge().check, { window }));
        const all = items.map(({ pieces }) => pieces.join(""));
        const out = contents(transcript);
        const bad = all.findIndex((whole) => whole.includes("BAD"));
        expect(transcript.finish?.reason).toBe(bad < 0 ? "stop" : "filter");
        if (bad < 0) expect(out).toEqual(all);
        for (const [index, whole] of out.entries()) expect(all[index]?.startsWith(whole)).toBe(true);
        expect(out.some((whole) => whole.includes("BAD"))).toBe(false);
      }),
      { numRuns: 200 },
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { GenerationEvent } from "../../../src/model/event.ts";
import { buildAutomaton, type Word } from "../../../src/policy/moderate/automaton.ts";
import { Scanner } from "../../../src/policy/moderate/scanner.ts";
import { WordScreen } from "../../../src/policy/moderate/word-screen.ts";
import { contents, folded, play, type Said } from "./support.ts";

const words: Word[] = [
  { text: "敏感词", category: 1, severity: "severe" },
  { text: "bad word", category: 2, severity: "severe" },
  { text: "rude", category: 5, severity: "mild" },
];

function screen(items: readonly Said[], { blocks = true, list = words } = {}): GenerationEvent[] {
  const made = new WordScreen({ automaton: buildAutomaton(list), blocks });
  return play(items).flatMap((batch) => made.accept(batch));
}

const text = (...pieces: string[]): Said => ({ kind: "text", pieces });

describe("WordScreen", () => {
  it("cuts an answer right before a severe word, closes the item, marks and ends it", () => {
    const events = screen([text("一些敏", "感", "词之后"), text("more")]);
    expect(events).toEqual([
      { type: "begin" },
      { type: "text-start", index: 0 },
      { type: "text-delta", index: 0, text: "一些" },
      { type: "text-end", index: 0 },
      { type: "flag", side: "output", category: 1 },
      { type: "finish", reason: "filter" },
    ]);
  });

  it("never begins an item of which nothing may go out", () => {
    expect(screen([text("bad ", " word")])).toEqual([
      { type: "begin" },
      { type: "flag", side: "output", category: 2 },
      { type: "finish", reason: "filter" },
    ]);
  });

  it("holds back no more than what may become a severe word and the last character", () => {
    const made = new WordScreen({ automaton: buildAutomaton(words), blocks: true });
    const out: string[] = [];
    for (const piece of ["hello b", "ad w", "ill", " 敏感", "的 rude "]) {
      const batch = made.accept([
        ...(out.length === 0 ? ([{ type: "begin" }, { type: "text-start", index: 0 }] as const) : []),
        { type: "text-delta", index: 0, text: piece },
      ]);
      out.push(batch.map((event) => (event.type === "text-delta" ? event.text : "")).join(""));
    }
    expect(out).toEqual(["hello ", "", "bad wil", "l ", "敏感的 rude"]);
  });

  it("marks an answer with mild words and lets it pass", () => {
    const transcript = folded(screen([text("how ru", "de of you")]));
    expect([transcript.outputFlag, transcript.finish, transcript.text()]).toEqual([
      5,
      { reason: "stop" },
      "how rude of you",
    ]);
  });

  it("looks at thought and at the arguments of calls, through their escapes", () => {
    const thought = folded(screen([{ kind: "reasoning", pieces: ["think bad w", "ord"] }, text("x")]));
    expect([contents(thought), thought.finish?.reason]).toEqual([["think "], "filter"]);
    const call = folded(screen([text("ok"), { kind: "call", pieces: ['{"q": "\\u65', "4f\\u611f\\u8bcd", '"}'] }]));
    expect([contents(call), call.finish?.reason, call.outputFlag]).toEqual([["ok", '{"q": "'], "filter", 1]);
  });

  it("only marks and holds nothing back when it does not block", () => {
    const items = [text("some bad", " word here")];
    const events = screen(items, { blocks: false });
    expect(events.filter((event) => event.type !== "flag")).toEqual(play(items).flat());
    expect(folded(events).outputFlag).toBe(2);
  });

  it("keeps empty items and calls without arguments", () => {
    const items: Said[] = [text(), { kind: "call", pieces: [] }];
    expect(screen(items)).toEqual(play(items).flat());
  });

  it("says nothing after the cut", () => {
    const made = new WordScreen({ automaton: buildAutomaton(words), blocks: true });
    const batches = play([text("bad word."), text("x")]);
    const out = batches.map((batch) => made.accept(batch));
    expect(made.stopped).toBe(true);
    expect(out.slice(4).flat()).toEqual([]);
  });

  it("lets out the text before the first severe word and nothing else, however it was cut", () => {
    const letters = fc.constantFrom("a", "b", "A", "ａ", " ", "中", "文", "\u200b", "\u0301", "🙂", "\n");
    const word = fc.string({ unit: letters, minLength: 1, maxLength: 4 });
    const list = fc.array(fc.record({ text: word, severity: fc.constantFrom("mild", "severe") }), { maxLength: 5 });
    const kinds = fc.constantFrom("text", "reasoning");
    const item = fc.record({
      kind: kinds,
      pieces: fc.array(fc.string({ unit: letters, maxLength: 5 }), { maxLength: 6 }),
    });
    fc.assert(
      fc.property(list, fc.array(item, { maxLength: 3 }), (rows, items) => {
        const some = rows.map((row): Word => ({ ...row, category: 2 }) as Word);
        const automaton = buildAutomaton(some);
        const transcript = folded(screen(items, { list: some }));
        const wanted: string[] = [];
        let cut = false;
        for (const { pieces } of items) {
          if (cut) break;
          const whole = pieces.join("");
          const scanner = new Scanner({ automaton, json: false });
          scanner.push(whole);
          scanner.end();
          cut = scanner.severe !== undefined;
          const start = scanner.severe?.start ?? whole.length;
          if (!cut || start > 0) wanted.push(whole.slice(0, start));
        }
        expect(contents(transcript)).toEqual(wanted);
        expect(transcript.finish?.reason).toBe(cut ? "filter" : "stop");
        expect(transcript.outputFlag > 0 || !cut).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

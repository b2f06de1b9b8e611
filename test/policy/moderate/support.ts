import { GrammarCheck, type Batch, type GenerationEvent } from "../../../src/model/event.ts";
import { Transcript } from "../../../src/model/transcript.ts";

/** One item of an answer to be played. */
export interface Said {
  kind: "text" | "reasoning" | "call";
  pieces: readonly string[];
}

/** The events of an answer, one event a batch. */
export function play(items: readonly Said[]): Batch[] {
  const batches: Batch[] = [[{ type: "begin" }]];
  for (const [index, { kind, pieces }] of items.entries()) {
    if (kind === "call") batches.push([{ type: "call-start", index, id: `c${index}`, name: "f" }]);
    else batches.push([{ type: `${kind}-start`, index }]);
    for (const text of pieces) {
      if (kind === "call") batches.push([{ type: "call-delta", index, args: text }]);
      else batches.push([{ type: `${kind}-delta`, index, text }]);
    }
    batches.push([{ type: `${kind}-end`, index }]);
  }
  const usage = { input: 1, cached: 0, output: 2, reasoning: 0 };
  batches.push([
    { type: "usage", usage },
    { type: "finish", reason: "stop" },
  ]);
  return batches;
}

/** Folds events that must keep the grammar and be over. */
export function folded(events: readonly GenerationEvent[]): Transcript {
  const check = new GrammarCheck();
  for (const event of events) check.accept(event);
  check.end();
  const transcript = new Transcript();
  transcript.apply(events);
  return transcript;
}

export function contents(transcript: Transcript): string[] {
  return transcript.items.map((item) => (item.type === "call" ? item.args : item.text));
}

import fc from "fast-check";
import type { Batch, FinishReason, GenerationEvent } from "../../../src/model/event.ts";
import { EventBuilder } from "../../../src/model/event-builder.ts";
import { ParleyError } from "../../../src/model/error.ts";

const pieces = fc.array(
  fc.oneof(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
    fc.constantFrom("\n", "\n\n", "你好", "😀", "\u2028", "\u0085", '"\\'),
  ),
  { minLength: 1, maxLength: 4 },
);
const callArguments = fc
  .oneof(
    fc.record({ city: fc.string({ unit: "grapheme" }) }),
    fc.record({ input: fc.string({ unit: "grapheme" }) }),
    fc.record({ commands: fc.array(fc.string()) }),
  )
  .map((value) => JSON.stringify(value));

const item = fc.oneof(
  fc.record({ kind: fc.constant("text" as const), pieces }),
  fc.record({ kind: fc.constant("reasoning" as const), pieces }),
  fc.record({
    kind: fc.constant("call" as const),
    name: fc.constantFrom(
      "get_weather",
      "agents__spawn",
      "run_code",
      "local_shell",
      "shell",
      "apply_patch",
      "undeclared",
    ),
    args: callArguments,
    cuts: fc.array(fc.nat(40), { maxLength: 3 }),
  }),
);

/** Answers of any shape, each the events of a whole generation. */
export const answers: fc.Arbitrary<Batch> = fc
  .record({
    items: fc.array(item, { maxLength: 5 }),
    reason: fc.constantFrom<FinishReason>("stop", "calls", "length", "filter", "error"),
    usage: fc.boolean(),
  })
  .map(({ items, reason, usage }) => {
    const emitter = new EventBuilder();
    for (const [index, entry] of items.entries()) {
      if (entry.kind === "call") writeCall(emitter, entry, index);
      else for (const piece of entry.pieces) emitter[entry.kind](piece);
    }
    if (usage) emitter.usage({ input: 7, cached: 2, output: 5, reasoning: 1 });
    if (reason === "error") emitter.finish(reason, new ParleyError("upstream", "the engine went away"));
    else emitter.finish(reason);
    return emitter.take();
  });

function writeCall(emitter: EventBuilder, call: { name: string; args: string; cuts: number[] }, index: number): void {
  emitter.callStart(`call_function_aaaaaaaaaaaa_${index + 1}`, call.name);
  const cuts = [0, ...call.cuts.map((cut) => Math.min(cut, call.args.length)).sort((a, b) => a - b), call.args.length];
  for (const [at, cut] of cuts.entries()) emitter.callDelta(call.args.slice(cuts[at - 1] ?? 0, cut));
}

/** The same events cut into batches at the given places. */
export function batchesOf(events: Batch, places: readonly number[]): Batch[] {
  const cuts = [...new Set(places.map((place) => place % (events.length + 1)))].sort((a, b) => a - b);
  const batches: GenerationEvent[][] = [];
  let from = 0;
  for (const cut of [...cuts, events.length]) {
    batches.push(events.slice(from, cut));
    from = cut;
  }
  return batches;
}

export const cutPlaces: fc.Arbitrary<number[]> = fc.array(fc.nat(60), { maxLength: 12 });

import fc from "fast-check";

/** One change of a body; `place` is counted over all places of it. */
export interface Mutation {
  place: number;
  act: "drop" | "set" | "twice" | "swap" | "rename";
  value: unknown;
}

const strange = fc.oneof(
  fc.constantFrom<unknown>(
    ...[null, true, false, 0, -1, 1e308, 0.1, 2 ** 53, -0.5],
    ...[
      "",
      " ",
      "\u0000",
      "\ud800",
      "__proto__",
      "constructor",
      "<think>",
      "\n</think>\n",
      "{",
      "NaN",
      "data:,",
      "auto",
      "function",
    ],
    ...[
      [],
      {},
      [[]],
      [null],
      [1],
      [true, "a"],
      { type: "object" },
      { $ref: 1 },
      { $ref: "#" },
      { type: {} },
      { required: [null] },
    ],
    "x".repeat(20_000),
    "<think>".repeat(2_000),
  ),
  fc.jsonValue({ maxDepth: 3 }),
  fc.string(),
);

export const mutation: fc.Arbitrary<Mutation> = fc.record({
  place: fc.nat(),
  act: fc.constantFrom("drop", "set", "set", "set", "twice", "swap", "rename"),
  value: strange,
});

/** A copy of the body with the mutations in it, one after another. */
export function mutated(body: unknown, mutations: readonly Mutation[]): unknown {
  const copy: { body: unknown } = { body: structuredClone(body) };
  for (const one of mutations) mutate(copy, one);
  return copy.body;
}

interface Place {
  holder: Record<string, unknown>;
  key: string;
}

function mutate(body: object, { place, act, value }: Mutation): void {
  const all = places(body);
  const found = all[place % all.length];
  if (found === undefined) return;
  const { holder, key } = found;
  if (act === "drop" && Array.isArray(holder)) holder.splice(Number(key), 1);
  else if (act === "drop" || act === "rename") delete holder[key];
  if (act === "rename") holder[String(value).slice(0, 50)] = 1;
  if (act === "twice" && Array.isArray(holder)) holder.push(structuredClone(holder[key]));
  if (act === "swap") holder[key] = structuredClone(all[(place * 7) % all.length]?.holder);
  if (act === "set") holder[key] = structuredClone(value);
}

function places(value: unknown, found: Place[] = []): Place[] {
  if (typeof value !== "object" || value === null || found.length > 2_000) return found;
  for (const key of Object.keys(value)) {
    found.push({ holder: value as Record<string, unknown>, key });
    places((value as Record<string, unknown>)[key], found);
  }
  return found;
}

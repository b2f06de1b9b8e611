import type { Family } from "../model/card.ts";

/** A generation, but not a chip of the same name: `m3-ultra` is the machine a model was packed for. */
const generation = String.raw`m([23])(?![a-z\d])(?![-_. ]?(?:ultra|max|pro)\b)`;
/** In order of trust: right behind the maker's name, alone, somewhere behind the maker's name. */
const generations = [
  new RegExp(String.raw`minimax(?:ai)?[\W_]*m([23])(?!\d)`, "i"),
  new RegExp(`^${generation}`, "i"),
  new RegExp(`minimax.*?${generation}`, "i"),
];

/** The prompt and markup family by a model's name; `undefined` for models of other makers. */
export function familyOf(model: string): Family | undefined {
  if (/m2-her/i.test(model)) return "her";
  for (const pattern of generations) {
    const found = pattern.exec(model)?.[1];
    if (found !== undefined) return found === "3" ? "m3" : "m2";
  }
  return undefined;
}

import type { Item } from "../../model/item.ts";
import { isObject, parseJson } from "../../model/json.ts";
import type { OutputItem } from "./codec.ts";

/** What one response added to its conversation. */
export interface StoredTurn {
  input: readonly Item[];
  output: readonly OutputItem[];
}

const version = 1;

export function formatTurn(turn: StoredTurn): string {
  return JSON.stringify({ version, ...turn });
}

/**
 * Reads the column `items` of a stored response. Rows of version 0 hold one list, the input followed by one item for each
 * output item of `body`. Throws an `Error` for anything else: the row was changed from outside or by a newer version.
 */
export function parseTurn({ id, items, body }: { id: string; items: string; body: string }): StoredTurn {
  const stored = parseJson(items);
  if (Array.isArray(stored)) return firstVersion(stored as unknown as Item[], body);
  if (
    isObject(stored) &&
    stored["version"] === version &&
    Array.isArray(stored["input"]) &&
    Array.isArray(stored["output"])
  ) {
    return stored as unknown as StoredTurn;
  }
  throw new Error(`the stored items of response ${id} cannot be read`);
}

function firstVersion(items: readonly Item[], body: string): StoredTurn {
  const parsed = parseJson(body);
  const output = isObject(parsed) && Array.isArray(parsed["output"]) ? parsed["output"] : [];
  const split = Math.max(0, items.length - output.length);
  return {
    input: items.slice(0, split),
    output: items.slice(split).map((item, index) => {
      const shown: unknown = output[index];
      return { id: isObject(shown) && typeof shown["id"] === "string" ? shown["id"] : "", item };
    }),
  };
}

/** All items of a turn, in order. */
export function turnItems({ input, output }: StoredTurn): Item[] {
  return [...input, ...output.map(({ item }) => item)];
}

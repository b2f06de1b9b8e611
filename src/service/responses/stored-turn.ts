import { z } from "zod";
import type { Item } from "../../model/item.ts";
import { isObject, parseJson } from "../../model/json.ts";
import { storedItem } from "../../model/stored-item.ts";
import type { OutputItem } from "./codec.ts";

/** What one response added to its conversation. */
export interface StoredTurn {
  input: readonly Item[];
  output: readonly OutputItem[];
  /** The conversation begins anew with this turn: its output is a summary of all that was before. */
  startsConversation?: boolean | undefined;
}

const version = 1;
const items = z.array(storedItem);
const turn = z.object({
  input: items,
  output: z.array(z.object({ id: z.string(), item: storedItem })),
  startsConversation: z.boolean().optional(),
});

export function formatTurn({ input, output, startsConversation }: StoredTurn): string {
  return JSON.stringify({ version, input, output, startsConversation });
}

/**
 * Reads the column `items` of a stored response. Rows of version 0 hold one list, the input followed by one item for each
 * output item of `body`. Throws an `Error` for anything else: the row was changed from outside or by a newer version.
 */
export function parseTurn({ id, items: text, body }: { id: string; items: string; body: string }): StoredTurn {
  const stored = parseJson(text);
  const found = isObject(stored) ? stored["version"] : 0;
  if (found !== 0 && found !== version) {
    throw new Error(
      `the stored items of response ${id} have version ${JSON.stringify(found)}; this Parley reads up to ${version}`,
    );
  }
  const parsed = found === 0 ? items.safeParse(stored) : turn.safeParse(stored);
  if (parsed.success) return Array.isArray(parsed.data) ? firstVersion(parsed.data, body) : parsed.data;
  const at = parsed.error.issues[0]?.path.map(String).join(".") ?? "";
  throw new Error(`the stored items of response ${id} cannot be read${at === "" ? "" : ` at ${at}`}`);
}

function firstVersion(all: readonly Item[], body: string): StoredTurn {
  const parsed = parseJson(body);
  const output = isObject(parsed) && Array.isArray(parsed["output"]) ? parsed["output"] : [];
  const split = Math.max(0, all.length - output.length);
  return {
    input: all.slice(0, split),
    output: all.slice(split).map((item, index) => {
      const shown: unknown = output[index];
      return { id: isObject(shown) && typeof shown["id"] === "string" ? shown["id"] : "", item };
    }),
  };
}

/** All items of a turn, in order. */
export function turnItems({ input, output }: StoredTurn): Item[] {
  return [...input, ...output.map(({ item }) => item)];
}

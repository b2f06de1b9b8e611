import { z } from "zod";
import { parseTextSteps } from "../../lib/json-scanner/parse.ts";
import { jsonText } from "../../lib/json-scanner/write.ts";
import type { Steps } from "../../lib/time-slices.ts";
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
/** Items that are checked in one step. */
const itemsPerStep = 500;
const outputItem = z.object({ id: z.string(), item: storedItem });
const frame = z.object({
  input: z.array(z.unknown()),
  output: z.array(z.unknown()),
  startsConversation: z.boolean().optional(),
});

export function formatTurn({ input, output, startsConversation }: StoredTurn): Steps<string> {
  return jsonText({ version, input, output, startsConversation });
}

interface StoredRow {
  id: string;
  items: string;
  body: string;
}

/**
 * Reads the column `items` of a stored response. Rows of version 0 hold one list, the input followed by one item for each
 * output item of `body`. Throws an `Error` for anything else: the row was changed from outside or by a newer version.
 */
export function* parseTurn({ id, items: text, body }: StoredRow): Steps<StoredTurn> {
  const stored = yield* parseTextSteps(text);
  const found = isObject(stored) ? stored["version"] : 0;
  if (found !== 0 && found !== version) {
    throw new Error(
      `the stored items of response ${id} have version ${JSON.stringify(found)}; this Parley reads up to ${version}`,
    );
  }
  try {
    if (found === 0) return firstVersion(yield* checked(stored, "", storedItem), body);
    const { input, output, startsConversation } = valid(stored, "", frame);
    return {
      input: yield* checked(input, "input.", storedItem),
      output: yield* checked(output, "output.", outputItem),
      startsConversation,
    };
  } catch (thrown) {
    if (!(thrown instanceof Misplaced)) throw thrown;
    throw new Error(`the stored items of response ${id} cannot be read${thrown.at === "" ? "" : ` at ${thrown.at}`}`);
  }
}

/** Something in a stored text is not what it must be; `at` says where. */
class Misplaced extends Error {
  readonly at: string;

  constructor(at: string) {
    super(at);
    this.at = at;
  }
}

function valid<Value>(value: unknown, place: string, schema: z.ZodType<Value>): Value {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const within = parsed.error.issues[0]?.path.map(String).join(".") ?? "";
  throw new Misplaced([place, within].filter((one) => one !== "").join("."));
}

/** `before`: the path of the list, with a dot behind it. */
function* checked<Value>(values: unknown, before: string, schema: z.ZodType<Value>): Steps<Value[]> {
  const list = valid(values, "", z.array(z.unknown()));
  const found: Value[] = [];
  for (const [index, value] of list.entries()) {
    if (index % itemsPerStep === itemsPerStep - 1) yield;
    found.push(valid(value, `${before}${index}`, schema));
  }
  return found;
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

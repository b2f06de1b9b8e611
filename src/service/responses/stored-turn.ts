import { z } from "zod";
import type { Steps } from "../../lib/time-slices.ts";
import type { Item } from "../../model/item.ts";
import { isObject } from "../../model/json.ts";
import { storedItem } from "../../model/stored-item.ts";
import type { OutputItem } from "./codec.ts";

/** What one response added to its conversation. */
export interface StoredTurn {
  input: readonly Item[];
  output: readonly OutputItem[];
  /** The conversation begins anew with this turn: its output is a summary of all that was before. */
  startsConversation?: boolean | undefined;
}

const version = 2;
/** Items that are checked in one step. */
const itemsPerStep = 500;
const outputItem = z.object({ id: z.string(), item: storedItem });
const list = z.array(z.unknown());
const inputFrame = z.object({ input: list });
const outputFrame = z.object({ output: list, startsConversation: z.boolean().optional() });
const nothingAdded: z.infer<typeof outputFrame> = { output: [] };

/** What a stored response holds of a turn before its answer is there. */
export function turnInput(input: readonly Item[]): object {
  return { version, input };
}

/** What the answer adds to it. */
export function turnOutput({ output, startsConversation }: Omit<StoredTurn, "input">): object {
  return { version, output, startsConversation };
}

/** The texts of a stored response, as JSON values. */
interface StoredRow {
  id: string;
  items: unknown;
  /** `undefined` where the answer added nothing: it was interrupted. Empty in rows of older versions. */
  output: unknown;
  /** Read for rows of version 0. */
  body?: unknown;
}

/** Whether the items are of version 0, which needs the body. */
export function needsBody(items: unknown): boolean {
  return !isObject(items);
}

/**
 * Reads what a stored response added to its conversation. `items` of version 1 hold input and output; of version 0 one list, the
 * input followed by one item for each output item of `body`. Throws an `Error` for anything else: the row was changed from
 * outside or by a newer version.
 */
export function* parseTurn({ id, items, output: added, body }: StoredRow): Steps<StoredTurn> {
  const found = isObject(items) ? items["version"] : 0;
  if (found !== 0 && found !== 1 && found !== version) {
    throw new Error(
      `the stored items of response ${id} have version ${JSON.stringify(found)}; this Parley reads up to ${version}`,
    );
  }
  try {
    if (found === 0) return firstVersion(yield* checked(items, "", storedItem), body);
    const { input } = valid(items, "", inputFrame);
    const { output, startsConversation } = valid(found === 1 ? items : (added ?? nothingAdded), "", outputFrame);
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
  const found: Value[] = [];
  for (const [index, value] of valid(values, "", list).entries()) {
    if (index % itemsPerStep === itemsPerStep - 1) yield;
    found.push(valid(value, `${before}${index}`, schema));
  }
  return found;
}

function firstVersion(all: readonly Item[], body: unknown): StoredTurn {
  const output = isObject(body) && Array.isArray(body["output"]) ? body["output"] : [];
  const split = Math.max(0, all.length - output.length);
  return {
    input: all.slice(0, split),
    output: all.slice(split).map((item, index) => {
      const shown: unknown = output[index];
      return { id: isObject(shown) && typeof shown["id"] === "string" ? shown["id"] : "", item };
    }),
  };
}

/** All items that a turn adds, in order: a summary takes the place of the input too. */
export function turnItems({ input, output, startsConversation }: StoredTurn): Item[] {
  return [...(startsConversation === true ? [] : input), ...output.map(({ item }) => item)];
}

import type { Item } from "../../model/item.ts";
import type { Caller } from "../../policy/authenticate.ts";
import type { ResponseArchive } from "./archive.ts";
import type { ItemReference, ParsedResponse, ResponseCodec } from "./codec.ts";
import type { ConversationMemory } from "./memory.ts";
import type { RecentAnswers } from "./recent.ts";
import { parseTurn } from "./stored-turn.ts";

/** Where earlier turns are found, in this order. */
export interface RecallSources<Parsed extends ParsedResponse> {
  memory: ConversationMemory | undefined;
  recent: RecentAnswers;
  archive: ResponseArchive;
  codec: ResponseCodec<Parsed>;
}

export interface Recalled<Parsed> {
  /** The request with its whole conversation. */
  parsed: Parsed;
  /** The conversation with this turn's input, without instructions: they belong to one turn only. */
  conversation: readonly Item[];
}

/** Puts earlier turns before the input and replaces references. Throws `invalid` where one is not found. */
export async function recall<Parsed extends ParsedResponse>(
  parsed: Parsed,
  caller: Caller,
  sources: RecallSources<Parsed>,
): Promise<Recalled<Parsed>> {
  const { previousResponseId, input } = parsed.answerOptions;
  const references = input.filter((item) => item.type === "reference");
  if (previousResponseId === undefined && references.length === 0) return { parsed, conversation: ownItems(parsed) };
  const history = previousResponseId === undefined ? [] : await earlier(previousResponseId, caller, sources);
  const found = new Map<string, Item[]>();
  for (const { id } of references) {
    const item = sources.recent.find(caller.keyId, id) ?? (await storedItem(id, caller, sources.archive));
    if (item !== undefined) found.set(id, [item]);
  }
  const whole = sources.codec.recalled(parsed, { history, resolve: (id) => found.get(id) });
  return { parsed: whole, conversation: [...history, ...ownItems(whole)] };
}

/** The request's own input; references are gone once it was recalled. */
export function ownItems({ answerOptions }: ParsedResponse): Item[] {
  return answerOptions.input.filter((item: Item | ItemReference) => item.type !== "reference");
}

async function earlier<Parsed extends ParsedResponse>(
  id: string,
  caller: Caller,
  { memory, recent, archive }: RecallSources<Parsed>,
): Promise<readonly Item[]> {
  return memory?.history(id) ?? archive.history(id, caller, (one) => recent.turn(caller.keyId, one));
}

/** A stored output item; its id begins with the id of its response. */
async function storedItem(id: string, caller: Caller, archive: ResponseArchive): Promise<Item | undefined> {
  const record = await archive.find(id.split("_")[0] ?? "", caller);
  return record === undefined ? undefined : parseTurn(record).output.find((one) => one.id === id)?.item;
}

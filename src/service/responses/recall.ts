import { setImmediate } from "node:timers/promises";
import type { ByteLease } from "../../lib/byte-budget.ts";
import type { TimeSlices } from "../../lib/time-slices.ts";
import { invalid } from "../../model/error.ts";
import type { Item } from "../../model/item.ts";
import type { Caller } from "../../policy/authenticate.ts";
import { needsRecall, type ItemReference } from "../../model/response.ts";
import { turnTexts, type RememberedTurn, type ResponseArchive } from "./archive.ts";
import type { OutputItem, ParsedResponse, ResponseCodec } from "./codec.ts";
import type { ConversationMemory } from "./memory.ts";
import type { RecentAnswers } from "./recent.ts";
import type { StoredTurn } from "./stored-turn.ts";

/** Where earlier turns are found, in this order. */
export interface RecallSources<Parsed extends ParsedResponse> {
  memory: ConversationMemory | undefined;
  recent: RecentAnswers;
  archive: ResponseArchive;
  codec: ResponseCodec<Parsed>;
  /** Where the bytes of what is read are counted. */
  lease: ByteLease | undefined;
  slices: TimeSlices;
  /** Tokens of the largest window that serves a model. */
  windowOf: (model: string) => number;
}

/** References of one request. */
const maxReferences = 1_000;

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
  if (!needsRecall(parsed.answerOptions)) return { parsed, conversation: ownItems(parsed) };
  const { previousResponseId, input } = parsed.answerOptions;
  const references = input.filter((item) => item.type === "reference");
  if (references.length > maxReferences) throw invalid("input", `must hold at most ${maxReferences} item references`);
  const history = previousResponseId === undefined ? [] : await earlier(parsed, previousResponseId, caller, sources);
  const found = await findItems(new Set(references.map(({ id }) => id)), caller, sources);
  const whole = await sources.slices.run(sources.codec.recalled(parsed, { history, resolve: (id) => found.get(id) }));
  return { parsed: whole, conversation: [...history, ...ownItems(whole)] };
}

/** The request's own input; references are gone once it was recalled. */
export function ownItems({ answerOptions }: ParsedResponse): Item[] {
  return answerOptions.input.filter((item: Item | ItemReference) => item.type !== "reference");
}

/** What a finished turn adds to the conversation; a complete summary takes the place of all that was before. */
export function turnOf(parsed: ParsedResponse, output: readonly OutputItem[]): StoredTurn {
  const summarized = parsed.answerOptions.kind === "compaction" && output.length > 0;
  return summarized ? { input: [], output, startsConversation: true } : { input: ownItems(parsed), output };
}

async function earlier<Parsed extends ParsedResponse>(
  { request }: Parsed,
  id: string,
  caller: Caller,
  { memory, recent, archive, windowOf, lease }: RecallSources<Parsed>,
): Promise<readonly Item[]> {
  const remembered = (one: string): RememberedTurn | undefined => recent.turn(caller.keyId, one);
  return (
    memory?.history(id) ?? archive.history(id, caller, { remembered, windowTokens: windowOf(request.model), lease })
  );
}

/** Output items by their ids, recent or stored; each stored response is read once. */
async function findItems<Parsed extends ParsedResponse>(
  ids: ReadonlySet<string>,
  caller: Caller,
  sources: RecallSources<Parsed>,
): Promise<ReadonlyMap<string, readonly Item[]>> {
  const found = new Map<string, readonly Item[]>();
  const stored = new Map<string, ReadonlyMap<string, Item>>();
  for (const id of ids) {
    let item = sources.recent.find(caller.keyId, id);
    if (item === undefined) {
      // an item's id begins with the id of its response
      const responseId = id.split("_")[0] ?? "";
      const output = stored.get(responseId) ?? (await storedOutput(responseId, caller, sources));
      stored.set(responseId, output);
      item = output.get(id);
    }
    if (item !== undefined) found.set(id, [item]);
  }
  return found;
}

async function storedOutput<Parsed extends ParsedResponse>(
  id: string,
  caller: Caller,
  { archive, lease }: RecallSources<Parsed>,
): Promise<ReadonlyMap<string, Item>> {
  const record = await archive.find(id, caller, turnTexts);
  if (record === undefined) return new Map();
  const { output } = await archive.turn(record, lease);
  // a store in this process answers without a turn of the event loop
  await setImmediate();
  return new Map(output.map((one) => [one.id, one.item]));
}

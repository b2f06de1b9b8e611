import type { Item } from "../../model/item.ts";
import { isObject, parseJson } from "../../model/json.ts";
import type { Caller } from "../../policy/authenticate.ts";
import type { ResponseService } from "../../service/response.ts";
import { needsRecall, recalled } from "../../surface/responses/index.ts";
import type { ResponsesAnswerOptions } from "../../surface/responses/index.ts";
import type { ParsedRequest } from "../../surface/surface.ts";
import type { RecentItems } from "./recent.ts";

/** Where turns that were not stored are remembered: a WebSocket connection has such a memory. */
export interface Memory {
  /** The items of a response and all before it, or nothing. */
  history(id: string): readonly Item[] | undefined;
}

/** The parsed with its whole conversation, from memory first, then from the store. */
export async function recall(
  parsed: ParsedRequest<ResponsesAnswerOptions>,
  caller: Caller,
  from: { responses: ResponseService; recent: RecentItems; memory?: Memory },
): Promise<ParsedRequest<ResponsesAnswerOptions>> {
  const { answerOptions } = parsed;
  if (!needsRecall(answerOptions)) return parsed;
  const previous = answerOptions.previousResponseId;
  const history =
    previous === undefined
      ? []
      : (from.memory?.history(previous) ??
        (await from.responses.history(previous, caller, (id) => from.recent.turn(caller.keyId, id))));
  const known = new Map<string, Item[]>();
  for (const item of answerOptions.input) {
    if (item.type !== "reference") continue;
    const recent = from.recent.find(caller.keyId, item.id);
    const found = recent === undefined ? await outputItem(item.id, caller, from.responses) : [recent];
    if (found !== undefined) known.set(item.id, found);
  }
  return recalled(parsed, { history, resolve: (id) => known.get(id) });
}

/** A stored output item by its id, `<response id>_<ending>`; a record's items end with one for each output item. */
async function outputItem(id: string, caller: Caller, responses: ResponseService): Promise<Item[] | undefined> {
  const record = await responses.find(id.split("_")[0] ?? "", caller);
  if (record === undefined) return undefined;
  const body = parseJson(record.body);
  const output = isObject(body) && Array.isArray(body["output"]) ? body["output"] : [];
  const index = output.findIndex((item) => isObject(item) && item["id"] === id);
  const items = JSON.parse(record.items) as Item[];
  const item = index < 0 ? undefined : items[items.length - output.length + index];
  return item === undefined ? undefined : [item];
}

import type { ByteLease } from "../../lib/byte-budget.ts";
import type { TimeSlices } from "../../lib/time-slices.ts";
import { itemsChars, maxPromptChars, overlong } from "../../model/context-bound.ts";
import { ParleyError } from "../../model/error.ts";
import type { Item } from "../../model/item.ts";
import type { JsonObject } from "../../model/json.ts";
import type { Caller } from "../../policy/authenticate.ts";
import type {
  EndedResponse,
  ResponseFacts,
  ResponseRecord,
  ResponseStore,
  ResponseText,
  ResponseUsage,
  StoredText,
  WorkerId,
} from "../../store/store.ts";
import type { ResponseEvent } from "../../model/response.ts";
import { inputPage, type PageQuery, type PageText } from "./input-page.ts";
import { SharedReads } from "./shared-reads.ts";
import { StoredAnswer } from "./stored.ts";
import { formatEvents, parseEvents } from "./stored-events.ts";
import { jsonPieces, jsonTexts, parseStored } from "./stored-text.ts";
import { needsBody, parseTurn, turnInput, turnItems, turnOutput, type StoredTurn } from "./stored-turn.ts";

export interface ResponseArchiveOptions {
  store: ResponseStore;
  slices: TimeSlices;
  /** How long a response is kept. */
  retentionMs: number;
  /** Most responses of one key, and bytes of them together; default no bound. */
  quota?: ResponseUsage | undefined;
  /** Whether `remember` keeps anything. */
  remembers: boolean;
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

/** What a response that is not stored added to its conversation. */
export interface NewTurn {
  id: string;
  previousId: string | null;
  turn: StoredTurn;
}

/** What is known of a response when it begins. */
export interface NewResponse {
  id: string;
  previousId: string | null;
  /** Written as JSON. */
  body: JsonObject;
  /** Written as JSON. */
  input: readonly JsonObject[];
  /** The turn's own input. */
  turnInput: readonly Item[];
}

/** What is known of a response when it is over. */
export interface ResponseOutcome {
  body: JsonObject;
  turn: StoredTurn;
  events: readonly ResponseEvent[];
}

/** What one response that is not stored added to its conversation. */
export interface RememberedTurn {
  /** The id of the response it continues. */
  previous: string | undefined;
  items: readonly Item[];
}

export interface HistoryOptions {
  /** Finds turns that are not stored. */
  remembered: (id: string) => RememberedTurn | undefined;
  /** Tokens of the window that the conversation has to fit. */
  windowTokens: number;
  /** Where the bytes of the turns are counted. */
  lease?: ByteLease | undefined;
}

/** Makes the body of an interrupted response of its stored one. */
export type EndsBody = (body: StoredText) => Promise<readonly string[]>;

/** What is kept of a response while its answer is made. */
export type BegunResponse = Pick<ResponseFacts, "id" | "expiresAt">;

/** Of the form of a stored response: its body and its events, and what other versions of them there may be later. */
const version = 1;
/** The texts that `ResponseArchive.turn` reads. */
export const turnTexts = ["items", "output", "body"] as const;
/** Longer chains of `previous_response_id` are refused: they are a loop or a mistake. */
const maxChainLength = 10_000;
/** Where there is no room, this part of the most remembered turns gives way at once. */
const forgottenPart = 1_000;

/** Stored responses: beginning, ending, finding and deleting them. A key sees only its own. */
export class ResponseArchive {
  private readonly options: ResponseArchiveOptions;
  private readonly reads = new SharedReads();

  constructor(options: ResponseArchiveOptions) {
    this.options = options;
  }

  /** Throws `quota` where the caller's stored responses are as many, or take as much, as they may. */
  async checkRoom(caller: Caller): Promise<void> {
    const { quota } = this.options;
    if (quota === undefined || (await this.makeRoom(caller, quota))) return;
    throw new ParleyError(
      "quota",
      `the stored responses of this key may be ${quota.count} and ${quota.bytes} bytes together; delete some first, or ` +
        "send store: false",
      { param: "store" },
    );
  }

  /** Whether one more response fits; what is only remembered gives way, the oldest first. */
  private async makeRoom({ keyId }: Caller, quota: ResponseUsage): Promise<boolean> {
    const { store } = this.options;
    const atOnce = Math.ceil(quota.count / forgottenPart);
    for (;;) {
      const { count, bytes } = await store.usage(keyId);
      if (count < quota.count && bytes < quota.bytes) return true;
      if ((await store.forgetOldest(keyId, atOnce)) === 0) return false;
    }
  }

  /**
   * Keeps a turn for those who refer to it: no one sees it as a response. It counts in the quota and expires as a stored
   * one; where there is no room for it, it is not kept.
   */
  async remember({ id, previousId, turn }: NewTurn, caller: Caller): Promise<void> {
    const { slices, store, quota, remembers, retentionMs } = this.options;
    if (!remembers || (quota !== undefined && !(await this.makeRoom(caller, quota)))) return;
    const createdAt = this.options.now();
    await store.save({
      id,
      owner: caller.keyId,
      createdAt,
      expiresAt: createdAt + retentionMs,
      state: "remembered",
      previousId,
      version,
      body: "",
      input: "",
      items: jsonPieces(turnInput(turn.input), slices),
      output: jsonPieces(turnOutput(turn), slices),
      events: "",
    });
  }

  /** Makes the response visible before its answer is there. */
  async begin(response: NewResponse, caller: Caller): Promise<BegunResponse> {
    const { slices } = this.options;
    const createdAt = this.options.now();
    const begun = { id: response.id, expiresAt: createdAt + this.options.retentionMs };
    await this.options.store.save({
      ...begun,
      owner: caller.keyId,
      createdAt,
      state: "running",
      previousId: response.previousId,
      version,
      body: jsonPieces(response.body, slices),
      input: jsonPieces(response.input, slices),
      items: jsonPieces(turnInput(response.turnInput), slices),
      output: "",
      events: "[]",
    });
    return begun;
  }

  /** Stores the outcome, unless the response was deleted meanwhile; it is durable on return. */
  async end(ended: EndedResponse): Promise<void> {
    await this.options.store.end(ended);
  }

  /** The outcome of a response as it is stored. */
  async written({ id, expiresAt }: BegunResponse, outcome: ResponseOutcome): Promise<EndedResponse> {
    const { slices } = this.options;
    const body = await slices.run(jsonTexts(outcome.body));
    const output = await slices.run(jsonTexts(turnOutput(outcome.turn)));
    const events = await slices.run(formatEvents(outcome.events, outcome.body));
    return { id, expiresAt, body, output, events };
  }

  /** Ends a response that has no outcome, if it still runs; `ended` makes the body it ends with of its own. */
  async abandon(id: string, ended: EndsBody): Promise<boolean> {
    return this.options.store.endOrphan(id, ended);
  }

  /** Throws `not-found`. */
  async get(id: string, caller: Caller, texts: readonly ResponseText[]): Promise<ResponseRecord> {
    const record = await this.find(id, caller, texts);
    if (record === undefined || record.state === "remembered") throw notFound(id);
    return record;
  }

  /** One that is over. Throws `not-found`, and `unavailable` where another process still works on it. */
  async getEnded(id: string, caller: Caller, texts: readonly ResponseText[]): Promise<ResponseRecord> {
    const record = await this.get(id, caller, texts);
    checkEnded(record);
    return record;
  }

  /** The other process that makes a response; `undefined` where it is over or this one makes it. Throws `not-found`. */
  async worker(id: string, caller: Caller): Promise<WorkerId | undefined> {
    return (await this.get(id, caller, [])).worker;
  }

  /** The record of a stored response or a remembered one, or `undefined`, for callers with an error of their own. */
  async find(id: string, caller: Caller, texts: readonly ResponseText[]): Promise<ResponseRecord | undefined> {
    const record = await this.options.store.get(id, caller.keyId, texts);
    if (record === undefined || record.version <= version) return record;
    throw new Error(`the stored response ${id} has version ${record.version}; this Parley reads up to ${version}`);
  }

  /** One page of the input items of a response. Throws `not-found`, and `invalid` where the page is of another list. */
  async inputPage(id: string, caller: Caller, query: PageQuery, lease?: ByteLease): Promise<PageText> {
    const { input } = await this.get(id, caller, ["input"]);
    const bytes = input.loaded === undefined ? 0 : input.memoryBytes;
    const load = (): Promise<PageText> => inputPage(input, query, this.options.slices);
    return this.reads.read(`page ${caller.keyId} ${id} ${JSON.stringify(query)}`, { lease, bytes, load });
  }

  /** A response that is over, whose body or events are going to be read. Throws `not-found`, and `unavailable` as above. */
  async answer(id: string, caller: Caller, reading: "body" | "events", lease?: ByteLease): Promise<StoredAnswer> {
    const { slices } = this.options;
    if (reading === "events") {
      const record = await this.getEnded(id, caller, ["events", "body"]);
      return new StoredAnswer({ id, body: record.body, events: await this.events(record, caller, lease) }, slices);
    }
    const { body } = await this.get(id, caller, ["body"]);
    // what is in memory: a body in pieces is read as it is sent
    if (body.loaded !== undefined) lease?.grow(body.memoryBytes);
    return new StoredAnswer({ id, body, events: [] }, slices);
  }

  /** The events of a response that is over. */
  private async events(
    { id, events, body, state }: ResponseRecord,
    caller: Caller,
    lease?: ByteLease,
  ): Promise<ResponseEvent[]> {
    const { slices } = this.options;
    const load = async (): Promise<ResponseEvent[]> => {
      const parsed = { events: await parseStored(events, slices), body: await parseStored(body, slices) };
      return slices.run(parseEvents({ id, ...parsed }));
    };
    const bytes = events.memoryBytes + body.memoryBytes;
    return this.reads.read(`events ${state} ${caller.keyId} ${id}`, { lease, bytes, load });
  }

  /** What a response added to its conversation; its bytes are counted with the lease. */
  async turn({ id, items, output, body }: ResponseRecord, lease: ByteLease | undefined): Promise<StoredTurn> {
    const { slices } = this.options;
    lease?.grow(items.memoryBytes + output.memoryBytes);
    const parsed = await parseStored(items, slices);
    const added = await parseStored(output, slices);
    const shown = needsBody(parsed) ? await parseStored(body, slices) : undefined;
    return slices.run(parseTurn({ id, items: parsed, output: added, body: shown }));
  }

  /** Throws `not-found`. */
  async remove(id: string, caller: Caller): Promise<void> {
    const { id: known } = await this.get(id, caller, []);
    if (!(await this.options.store.delete(known, caller.keyId))) throw notFound(id);
  }

  /**
   * The items of a response and of all that it continues, oldest first. Throws `invalid` where one is not found or still
   * runs, and `context` as soon as they are more than the window can hold.
   */
  async history(id: string, caller: Caller, options: HistoryOptions): Promise<Item[]> {
    const { remembered, windowTokens, lease } = options;
    const turns: (readonly Item[])[] = [];
    let chars = 0;
    let next: string | null = id;
    while (next !== null) {
      if (turns.length >= maxChainLength) throw previousNotFound(id);
      if (chars > maxPromptChars(windowTokens)) throw overlong(chars, windowTokens);
      const turn: RememberedTurn | undefined = remembered?.(next);
      if (turn !== undefined) {
        turns.push(turn.items);
        chars += itemsChars(turn.items);
        next = turn.previous ?? null;
        continue;
      }
      const record: ResponseRecord | undefined = await this.find(next, caller, turnTexts);
      if (record === undefined || record.state === "running") throw previousNotFound(next);
      const stored = await this.turn(record, lease);
      const items = turnItems(stored);
      turns.push(items);
      chars += itemsChars(items);
      next = stored.startsConversation === true ? null : record.previousId;
    }
    return turns.reverse().flat();
  }

  /** Ends responses whose process is gone, one after another; `ended` makes the body they end with. Returns how many there were. */
  async endOrphans(ended: EndsBody): Promise<number> {
    let count = 0;
    for (const id of await this.options.store.orphans()) {
      if (await this.abandon(id, ended)) count += 1;
    }
    return count;
  }

  /** Deletes expired responses; returns how many. */
  sweep(): Promise<number> {
    return this.options.store.expire(this.options.now());
  }
}

/** Throws `unavailable` where another process still works on a response. */
export function checkEnded({ id, state }: Pick<ResponseRecord, "id" | "state">): void {
  if (state !== "running") return;
  const message = `the response ${id} still runs in another process; send the request again on a new connection`;
  throw new ParleyError("unavailable", message, { retryAfter: 1 });
}

function notFound(id: string): ParleyError {
  return new ParleyError("not-found", `response '${id.slice(0, 100)}' not found`, { code: "response_not_found" });
}

function previousNotFound(id: string): ParleyError {
  return new ParleyError("invalid", `previous_response_id: response '${id.slice(0, 100)}' not found`, {
    param: "previous_response_id",
    code: "previous_response_not_found",
  });
}

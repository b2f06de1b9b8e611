import { ParleyError } from "../model/error.ts";
import type { Item } from "../model/item.ts";
import type { Caller } from "../policy/authenticate.ts";
import type { ResponseRecord, ResponseStore } from "../store/store.ts";

export interface ResponseServiceOptions {
  store: ResponseStore;
  /** How long a response is kept. */
  retentionMs: number;
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

/** What is known of a response when it begins. */
export interface NewResponse {
  id: string;
  previousId: string | null;
  body: string;
  input: string;
  /** The turn's own items so far: its input. */
  items: readonly Item[];
}

/** What one response added to its conversation. */
export interface Turn {
  previous: string | undefined;
  items: readonly Item[];
}

/** Longer chains of `previous_response_id` than this are a loop or a mistake. */
const longestChain = 10_000;

/** Responses that are kept: beginning, ending, finding and forgetting them. Everyone sees only their own. */
export class ResponseService {
  private readonly options: ResponseServiceOptions;

  constructor(options: ResponseServiceOptions) {
    this.options = options;
  }

  /** Makes the response visible before its answer is there. */
  async begin(response: NewResponse, caller: Caller): Promise<ResponseRecord> {
    const createdAt = this.options.now();
    const record: ResponseRecord = {
      id: response.id,
      owner: caller.keyId,
      createdAt,
      expiresAt: createdAt + this.options.retentionMs,
      state: "running",
      previousId: response.previousId,
      body: response.body,
      input: response.input,
      items: JSON.stringify(response.items),
      events: "[]",
    };
    await this.options.store.save(record);
    return record;
  }

  /** Keeps the outcome, unless the response was deleted meanwhile; on return it is durable. */
  async end(record: ResponseRecord, outcome: { body: string; items: readonly Item[]; events: string }): Promise<void> {
    const { body, items, events } = outcome;
    await this.options.store.end({ ...record, state: "done", body, items: JSON.stringify(items), events });
  }

  /** Throws `not-found`. */
  async get(id: string, caller: Caller): Promise<ResponseRecord> {
    const record = await this.options.store.get(id, caller.keyId);
    if (record === undefined) throw notFound(id);
    return record;
  }

  /** The record, or nothing; for those who have a word of their own for its absence. */
  find(id: string, caller: Caller): Promise<ResponseRecord | undefined> {
    return this.options.store.get(id, caller.keyId);
  }

  /** Throws `not-found`. */
  async remove(id: string, caller: Caller): Promise<void> {
    if (!(await this.options.store.delete(id, caller.keyId))) throw notFound(id);
  }

  /**
   * The items of a response and of all that it continues, oldest first. Turns that are not stored may be `remembered`
   * elsewhere. Throws `invalid` where one is gone.
   */
  async history(id: string, caller: Caller, remembered?: (id: string) => Turn | undefined): Promise<Item[]> {
    const turns: (readonly Item[])[] = [];
    let next: string | null = id;
    while (next !== null) {
      if (turns.length >= longestChain) throw previousNotFound(id);
      const turn: Turn | undefined = remembered?.(next);
      if (turn !== undefined) {
        turns.push(turn.items);
        next = turn.previous ?? null;
        continue;
      }
      const record: ResponseRecord | undefined = await this.options.store.get(next, caller.keyId);
      if (record === undefined || record.state === "running") throw previousNotFound(next);
      turns.push(JSON.parse(record.items) as Item[]);
      next = record.previousId;
    }
    return turns.reverse().flat();
  }

  /** Ends what a process left that is gone. `fail` gives the body they end with. */
  async endOrphans(fail: (record: ResponseRecord) => string): Promise<number> {
    const orphans = await this.options.store.orphans();
    for (const record of orphans) await this.options.store.end({ ...record, state: "done", body: fail(record) });
    return orphans.length;
  }

  /** Deletes what is past its time. */
  sweep(): Promise<number> {
    return this.options.store.expire(this.options.now());
  }
}

function notFound(id: string): ParleyError {
  return new ParleyError("not-found", `response '${id.slice(0, 100)}' not found`, { code: "response_not_found" });
}

export function previousNotFound(id: string): ParleyError {
  return new ParleyError("invalid", `previous_response_id: response '${id.slice(0, 100)}' not found`, {
    param: "previous_response_id",
    code: "previous_response_not_found",
  });
}

import type { ByteLease } from "../../lib/byte-budget.ts";
import type { JsonObject } from "../../model/json.ts";
import type { ResponseEvent } from "../../model/response.ts";
import type { Caller } from "../../policy/authenticate.ts";
import type { StoredText } from "../../store/store.ts";
import type { AnswerFacts } from "../generation.ts";
import type { PageQuery, PageText } from "./input-page.ts";

export type { StoredText };

/** One response, whatever kind was asked for: running, finished, stored or not. */
export interface ResponseAnswer {
  readonly id: string;
  /** How it is made; absent where no engine makes it now. */
  readonly facts: AnswerFacts | undefined;
  /**
   * Its events numbered above `after`, as they come; ends when the answer is over, for a stored one also when `signal` aborts. Throws where the
   * outcome could not be stored. An answer that is not stored can be read once.
   */
  events(after: number, signal: AbortSignal): AsyncIterable<readonly ResponseEvent[]>;
  /** The JSON text of the response object, where it is stored and final. */
  readonly text?: StoredText;
  /** The response object as it is now. */
  snapshot(): Promise<JsonObject>;
  /** The response object when the answer is over. Throws where there is nothing to show. */
  body(): Promise<JsonObject>;
}

/** What can be done with a stored response. All of it throws `not-found` for an unknown id and for another key's. */
export interface StoredResponses {
  /** A response, running or over, whose body or events are going to be read. */
  get(id: string, caller: Caller, reading: "body" | "events", lease?: ByteLease): Promise<ResponseAnswer>;
  inputPage(id: string, caller: Caller, query: PageQuery, lease?: ByteLease): Promise<PageText>;
  /** Ends a background response and returns what it came to. Throws `invalid` for another kind. */
  cancel(id: string, caller: Caller, lease?: ByteLease): Promise<JsonObject>;
  /** Ends and deletes a response. */
  delete(id: string, caller: Caller): Promise<void>;
}

import type { Item } from "./item.ts";

/** One event of a response's stream, as it stands on the wire; `type` and `sequence_number` come first. */
export interface ResponseEvent {
  readonly type: string;
  /** From 0, without gaps. */
  readonly sequence_number: number;
  readonly [field: string]: unknown;
}

/** A stored item that the caller names by its id instead of sending it. */
export interface ItemReference {
  type: "reference";
  id: string;
  /** Where it stood in the caller's body. */
  param: string;
}

/** What of a request for a response refers to earlier ones. */
export interface References {
  /** The response whose items, and all before it, come before the input. */
  readonly previousResponseId: string | undefined;
  /** The request's own input, without instructions. */
  readonly input: readonly (Item | ItemReference)[];
}

/** The parts of a conversation that are not in the request. */
export interface RecalledParts {
  /** The items of the previous response and all before it, oldest first, without instructions. */
  history: readonly Item[];
  /** The items that an id stands for; `undefined` for an unknown id. */
  resolve(id: string): readonly Item[] | undefined;
}

/** Whether an engine may see a request only when its conversation was recalled. */
export function needsRecall({ previousResponseId, input }: References): boolean {
  return previousResponseId !== undefined || input.some((item) => item.type === "reference");
}

import type { Item } from "../../model/item.ts";

/** Turns that a connection remembers; the oldest is forgotten first. */
const maxTurns = 64;

/**
 * What one connection remembers of its own conversations, so that `previous_response_id` works for responses that are
 * not stored. It ends with the connection.
 */
export class ConversationMemory {
  // changed by events
  /** Each response's whole conversation by the response's id, oldest first; filled by finished answers. */
  private readonly turns = new Map<string, readonly Item[]>();

  /** The items of a response and all before it. */
  history(id: string): readonly Item[] | undefined {
    return this.turns.get(id);
  }

  keep(id: string, items: readonly Item[]): void {
    this.turns.set(id, items);
    const oldest = this.turns.keys().next().value;
    if (this.turns.size > maxTurns && oldest !== undefined) this.turns.delete(oldest);
  }

  forget(id: string): void {
    this.turns.delete(id);
  }
}

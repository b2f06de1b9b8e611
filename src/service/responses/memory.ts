import { LruCache } from "../../lib/lru.ts";
import type { Item } from "../../model/item.ts";
import { sizeOfItems } from "./item-size.ts";

/** What one connection remembers at most: turns, and characters of all their conversations. */
const maxTurns = 64;
const maxChars = 32 * 1024 * 1024;

/**
 * What one connection remembers of its own conversations, so that `previous_response_id` works for responses that are
 * not stored. Bounded; what was not used for the longest time is forgotten first. It ends with the connection.
 */
export class ConversationMemory {
  // changed by events
  /** Each response's whole conversation by the response's id, oldest item first; filled by finished answers. */
  private readonly turns = new LruCache<string, readonly Item[]>({
    maxEntries: maxTurns,
    maxSize: maxChars,
    sizeOf: sizeOfItems,
  });

  /** The items of a response and all before it. */
  history(id: string): readonly Item[] | undefined {
    return this.turns.get(id);
  }

  keep(id: string, items: readonly Item[]): void {
    this.turns.set(id, items);
  }

  forget(id: string): void {
    this.turns.delete(id);
  }
}

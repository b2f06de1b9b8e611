import { LruCache } from "../../lib/lru.ts";
import type { Item } from "../../model/item.ts";
import type { RememberedTurn } from "./archive.ts";
import { sizeOfItems } from "./item-size.ts";

/** Characters of all that is remembered of one kind, and how many entries at most. */
const maxChars = 16 * 1024 * 1024;
const maxItems = 20_000;
const maxTurns = 2_000;

/**
 * Answers that are not stored, for a while: clients that leave `store` out take OpenAI's default and refer to earlier
 * items and responses by id. Bounded; what was not used for the longest time is forgotten first; gone with the process.
 */
export class RecentAnswers {
  // changed by events
  /** Output items by owner and id; filled by finished answers. */
  private readonly items = new LruCache<string, Item>({
    maxEntries: maxItems,
    maxSize: maxChars,
    sizeOf: (item) => sizeOfItems([item]),
  });
  /** Turns by owner and response id; filled by finished answers. */
  private readonly turns = new LruCache<string, RememberedTurn>({
    maxEntries: maxTurns,
    maxSize: maxChars,
    sizeOf: (turn) => sizeOfItems(turn.items),
  });

  keep(owner: string, id: string, item: Item): void {
    this.items.set(`${owner} ${id}`, item);
  }

  find(owner: string, id: string): Item | undefined {
    return this.items.get(`${owner} ${id}`);
  }

  keepTurn(owner: string, id: string, turn: RememberedTurn): void {
    this.turns.set(`${owner} ${id}`, turn);
  }

  turn(owner: string, id: string): RememberedTurn | undefined {
    return this.turns.get(`${owner} ${id}`);
  }
}

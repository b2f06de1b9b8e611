import type { CachePool, PoolMember } from "../../lib/cache-pool.ts";
import type { Item } from "../../model/item.ts";
import { sizeOfItem } from "./item-size.ts";

/** What one connection remembers at most: turns, and bytes of all their conversations. */
const maxTurns = 64;
const maxBytes = 32 * 1024 * 1024;
/** What a turn takes for every item, besides the item itself: its place in the list. */
const placeBytes = 8;

/**
 * What one connection remembers of its own conversations, so that `previous_response_id` works for responses that are
 * not stored. Turns of one conversation share their items, and each item counts once. Bounded for the connection, its key
 * and in all; what was not used for the longest time is forgotten first. It ends with the connection.
 */
export class ConversationMemory {
  // fixed at birth
  private readonly member: PoolMember | undefined;
  // changed by events
  /** Each response's whole conversation by the response's id, oldest item first; least recently used first. */
  private readonly turns = new Map<string, readonly Item[]>();
  /** The bytes of every item of these turns, and how often it stands in them; `add` and `remove` keep it. */
  private readonly items = new Map<Item, { bytes: number; uses: number }>();
  /** Sum over the items and their places. */
  private bytes = 0;
  /** Set by `close`: an answer that ends later is not kept. */
  private closed = false;

  /** `pool`: the bound over all connections; `owner`: the key, so that one key cannot fill it. */
  constructor(pool?: CachePool, owner = "") {
    this.member = pool?.join(owner, this);
  }

  /** Bytes of all it holds. */
  get size(): number {
    return this.bytes;
  }

  /** The items of a response and all before it. */
  history(id: string): readonly Item[] | undefined {
    const items = this.turns.get(id);
    if (items === undefined) return undefined;
    this.turns.delete(id);
    this.turns.set(id, items);
    return items;
  }

  /** A conversation beyond the bound is not kept. */
  keep(id: string, items: readonly Item[]): void {
    if (this.closed) return;
    this.remove(id);
    this.add(id, items);
    if (this.bytes > maxBytes && this.sizeAlone(items) > maxBytes) this.remove(id);
    while (this.turns.size > maxTurns || this.bytes > maxBytes) this.forgetOldest();
    this.member?.changed();
  }

  forget(id: string): void {
    this.remove(id);
    this.member?.changed();
  }

  forgetOldest(): void {
    const [oldest] = this.turns.keys();
    if (oldest !== undefined) this.remove(oldest);
  }

  /** The connection is over. */
  close(): void {
    this.closed = true;
    this.turns.clear();
    this.items.clear();
    this.bytes = 0;
    this.member?.leave();
  }

  private add(id: string, items: readonly Item[]): void {
    this.turns.set(id, items);
    for (const item of items) {
      const known = this.items.get(item);
      const { bytes, uses } = known ?? { bytes: sizeOfItem(item), uses: 0 };
      this.items.set(item, { bytes, uses: uses + 1 });
      this.bytes += placeBytes + (known === undefined ? bytes : 0);
    }
  }

  private remove(id: string): void {
    for (const item of this.turns.get(id) ?? []) {
      const known = this.items.get(item);
      if (known === undefined) continue;
      this.bytes -= placeBytes + (known.uses === 1 ? known.bytes : 0);
      if (known.uses === 1) this.items.delete(item);
      else this.items.set(item, { ...known, uses: known.uses - 1 });
    }
    this.turns.delete(id);
  }

  /** Bytes of a conversation that is kept, without what others share with it. */
  private sizeAlone(items: readonly Item[]): number {
    return items.reduce((sum, item) => sum + placeBytes + (this.items.get(item)?.bytes ?? 0), 0);
  }
}

import type { Item } from "../../model/item.ts";

/** Characters of all remembered items together, and how many items at most. */
const mostCharacters = 16 * 1024 * 1024;
const mostItems = 20_000;

/**
 * Output items of answers that are not stored, for a while: clients that leave `store` out take OpenAI's default and
 * refer to earlier items by id. Bounded; the oldest go first; gone with the process.
 */
export class RecentItems {
  // changed by events
  private readonly items = new Map<string, { item: Item; size: number }>();
  private characters = 0;

  keep(owner: string, id: string, item: Item): void {
    const key = `${owner} ${id}`;
    const size = JSON.stringify(item).length;
    this.drop(key);
    this.items.set(key, { item, size });
    this.characters += size;
    while (this.characters > mostCharacters || this.items.size > mostItems) {
      const oldest = this.items.keys().next().value;
      if (oldest === undefined) return;
      this.drop(oldest);
    }
  }

  find(owner: string, id: string): Item | undefined {
    return this.items.get(`${owner} ${id}`)?.item;
  }

  private drop(key: string): void {
    this.characters -= this.items.get(key)?.size ?? 0;
    this.items.delete(key);
  }
}

import type { Item, Part } from "../../model/item.ts";
import type { RememberedTurn } from "./archive.ts";

/** Characters of all that is remembered of one sort, and how many at most. */
const maxCharacters = 16 * 1024 * 1024;
const maxItems = 20_000;
const maxTurns = 2_000;

/**
 * Answers that are not stored, for a while: clients that leave `store` out take OpenAI's default and refer to earlier
 * items and responses by id. Bounded; the oldest go first; gone with the process.
 */
export class RecentAnswers {
  // changed by events
  private readonly items = new Bounded<Item>(maxItems);
  private readonly turns = new Bounded<RememberedTurn>(maxTurns);

  keep(owner: string, id: string, item: Item): void {
    this.items.keep(`${owner} ${id}`, item, sizeOf([item]));
  }

  find(owner: string, id: string): Item | undefined {
    return this.items.find(`${owner} ${id}`);
  }

  keepTurn(owner: string, id: string, turn: RememberedTurn): void {
    this.turns.keep(`${owner} ${id}`, turn, sizeOf(turn.items));
  }

  turn(owner: string, id: string): RememberedTurn | undefined {
    return this.turns.find(`${owner} ${id}`);
  }
}

class Bounded<Value> {
  // fixed at birth
  private readonly most: number;
  // changed by events
  private readonly entries = new Map<string, { value: Value; size: number }>();
  private characters = 0;

  constructor(most: number) {
    this.most = most;
  }

  keep(key: string, value: Value, size: number): void {
    this.drop(key);
    this.entries.set(key, { value, size });
    this.characters += size;
    while (this.characters > maxCharacters || this.entries.size > this.most) {
      const oldest = this.entries.keys().next().value;
      if (oldest === undefined) return;
      this.drop(oldest);
    }
  }

  find(key: string): Value | undefined {
    return this.entries.get(key)?.value;
  }

  private drop(key: string): void {
    this.characters -= this.entries.get(key)?.size ?? 0;
    this.entries.delete(key);
  }
}

/** An item costs something even where it holds no text. */
const itemCost = 100;

/** About as many characters as the items hold; nothing is written out for it. */
function sizeOf(items: readonly Item[]): number {
  let size = 0;
  for (const item of items) {
    size += itemCost;
    if (item.type === "reasoning") size += item.text.length;
    else if (item.type === "call") size += item.args.length;
    else for (const part of item.parts) size += partSize(part);
  }
  return size;
}

function partSize(part: Part): number {
  if (part.type === "text") return part.text.length;
  const { media } = part;
  if (media.kind === "url") return media.url.length;
  return media.kind === "bytes" ? media.bytes.length : media.fileId.length;
}

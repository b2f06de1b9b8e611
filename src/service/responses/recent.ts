import type { CachePool, PoolMember } from "../../lib/cache-pool.ts";
import { LruCache } from "../../lib/lru.ts";
import type { Item } from "../../model/item.ts";
import type { RememberedTurn } from "./archive.ts";
import { sizeOfItem, sizeOfItems } from "./item-size.ts";

/** Of one key: bytes of all that is remembered of one kind, and how many entries at most. */
const maxBytes = 16 * 1024 * 1024;
const maxItems = 20_000;
const maxTurns = 2_000;

/**
 * Answers that are not stored, for a while: clients that leave `store` out take OpenAI's default and refer to earlier
 * items and responses by id. Bounded by key and in all; what was not used for the longest time is forgotten first; gone
 * with the process.
 */
export class RecentAnswers {
  // fixed at birth
  private readonly pool: CachePool | undefined;
  // changed by events
  /** By owner; made when something is first kept for a key. */
  private readonly owners = new Map<string, OwnAnswers>();

  constructor(pool?: CachePool) {
    this.pool = pool;
  }

  keep(owner: string, id: string, item: Item): void {
    this.change(owner, ({ items }) => items.set(id, item));
  }

  find(owner: string, id: string): Item | undefined {
    return this.owners.get(owner)?.items.get(id);
  }

  keepTurn(owner: string, id: string, turn: RememberedTurn): void {
    this.change(owner, ({ turns }) => turns.set(id, turn));
  }

  turn(owner: string, id: string): RememberedTurn | undefined {
    return this.owners.get(owner)?.turns.get(id);
  }

  private change(owner: string, change: (answers: OwnAnswers) => void): void {
    const answers = this.owners.get(owner) ?? new OwnAnswers(owner, this.pool);
    this.owners.set(owner, answers);
    change(answers);
    answers.member?.changed();
  }
}

/** What is remembered for one key. */
class OwnAnswers {
  /** Output items by id; filled by finished answers. */
  readonly items = new LruCache<string, Item>({ maxEntries: maxItems, maxSize: maxBytes, sizeOf: sizeOfItem });
  /** Turns by response id; filled by finished answers. */
  readonly turns = new LruCache<string, RememberedTurn>({
    maxEntries: maxTurns,
    maxSize: maxBytes,
    sizeOf: (turn) => sizeOfItems(turn.items),
  });
  readonly member: PoolMember | undefined;

  constructor(owner: string, pool: CachePool | undefined) {
    this.member = pool?.join(owner, this);
  }

  get size(): number {
    return this.items.size + this.turns.size;
  }

  forgetOldest(): void {
    const larger = this.items.size > this.turns.size ? this.items : this.turns;
    larger.deleteOldest();
  }
}

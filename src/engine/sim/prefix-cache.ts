import { LruCache } from "../../lib/lru.ts";
import type { Prompt } from "./prompt.ts";

/**
 * A prefix cache as inference engines keep it: the prompt in blocks, each block known by the hash of everything up to
 * its end. Holds at most `capacity` tokens and forgets the least recently used block first.
 */
export class PrefixCache {
  // fixed at birth
  private readonly block: number;
  private readonly blocks: number;
  // changed by events
  /** Hashes of the blocks that are held; only `store` uses a block, `lookup` does not. */
  private readonly held: LruCache<number, true>;

  /** `capacity` and `block` in tokens. */
  constructor(capacity: number, block: number) {
    this.block = block;
    this.blocks = Math.floor(capacity / block);
    this.held = new LruCache({ maxEntries: this.blocks });
  }

  /** Tokens of the prompt that are already held; always fewer than the prompt has, as the last one must be computed. */
  lookup(prompt: Prompt): number {
    let hits = 0;
    for (const hash of prompt.blocks) {
      if (!this.held.has(hash)) break;
      hits += 1;
    }
    return Math.min(hits * this.block, Math.max(0, prompt.tokens - 1));
  }

  /** Takes the prompt in, from its end: later blocks are of no use without the earlier ones, so those must live longest. */
  store(prompt: Prompt): void {
    for (const hash of prompt.blocks.slice(0, this.blocks).toReversed()) this.held.set(hash, true);
  }
}

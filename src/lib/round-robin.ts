/**
 * Items by owner. Owners take turns; within an owner, who came first is first. A turn is one item, or as many as its user lets it
 * be. An owner may be anything that is the same only as itself: a name, an object.
 */
export class RoundRobin<Item> {
  // changed by events
  /** The items of owners that have any, by owner. */
  private readonly lanes = new Map<unknown, Lane<Item>>();
  /** The same, the owner whose turn it is first. */
  private readonly order: Lane<Item>[] = [];
  /** Items of all owners. */
  private count = 0;

  get size(): number {
    return this.count;
  }

  add(owner: unknown, item: Item): void {
    this.count += 1;
    const known = this.lanes.get(owner);
    if (known !== undefined) {
      known.items.push(item);
      return;
    }
    const lane = { owner, items: [item], next: 0 };
    this.lanes.set(owner, lane);
    this.order.push(lane);
  }

  /** The next item, which is in it no more; `undefined` where there is none. Then it is the next owner's turn. */
  take(): Item | undefined {
    const [lane] = this.order;
    const item = this.takeMore();
    this.pass(lane?.owner);
    return item;
  }

  /** The same, but the turn of the item's owner goes on, until `pass` or until the owner has no more. */
  takeMore(): Item | undefined {
    const [lane] = this.order;
    if (lane === undefined) return undefined;
    const item = lane.items[lane.next];
    lane.next += 1;
    this.count -= 1;
    if (lane.next === lane.items.length) {
      this.lanes.delete(lane.owner);
      this.order.shift();
    } else if (lane.next >= compactAt && lane.next * 2 >= lane.items.length) {
      lane.items.splice(0, lane.next);
      lane.next = 0;
    }
    return item;
  }

  /** Ends the turn of an owner; does nothing where it is not its turn. */
  pass(owner: unknown): void {
    const [lane] = this.order;
    if (lane === undefined || lane.owner !== owner) return;
    this.order.shift();
    this.order.push(lane);
  }
}

/** Places of taken items that are removed at once. */
const compactAt = 256;

interface Lane<Item> {
  owner: unknown;
  items: Item[];
  /** Place of the next one; those before it were taken. */
  next: number;
}

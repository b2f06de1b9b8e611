/** Items by owner. Owners take turns; within an owner, who came first is first. */
export class RoundRobin<Item> {
  // changed by events
  /** The items of owners that have any, by owner. */
  private readonly lanes = new Map<string, Lane<Item>>();
  /** The same, the owner whose turn it is first. */
  private readonly order: Lane<Item>[] = [];
  /** Items of all owners. */
  private count = 0;

  get size(): number {
    return this.count;
  }

  add(owner: string, item: Item): void {
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

  /** The next item, which is in it no more; `undefined` where there is none. */
  take(): Item | undefined {
    const lane = this.order.shift();
    if (lane === undefined) return undefined;
    const item = lane.items[lane.next];
    lane.next += 1;
    this.count -= 1;
    if (lane.next === lane.items.length) {
      this.lanes.delete(lane.owner);
      return item;
    }
    if (lane.next >= compactAt && lane.next * 2 >= lane.items.length) {
      lane.items.splice(0, lane.next);
      lane.next = 0;
    }
    this.order.push(lane);
    return item;
  }
}

/** So many places of taken items are let go at once. */
const compactAt = 256;

interface Lane<Item> {
  owner: string;
  items: Item[];
  /** Place of the next one; those before it were taken. */
  next: number;
}

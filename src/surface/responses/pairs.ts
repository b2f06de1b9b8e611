/** The calls of a conversation that have no result yet; a step's time does not grow with the conversation. */
export class OpenCalls {
  // changed by events
  /** How often an id is open; callers may use one id again. */
  private readonly counts = new Map<string, number>();
  private readonly order: string[] = [];
  private head = 0;

  /** The first call without a result. */
  get first(): string | undefined {
    // Not the map's first key: finding it takes longer with every key deleted before it.
    while (this.head < this.order.length && !this.counts.has(this.order[this.head] ?? "")) this.head += 1;
    return this.order[this.head];
  }

  call(id: string): void {
    this.counts.set(id, (this.counts.get(id) ?? 0) + 1);
    this.order.push(id);
  }

  /** Whether the result answers an open call. */
  result(id: string): boolean {
    const count = this.counts.get(id);
    if (count === undefined) return false;
    if (count === 1) this.counts.delete(id);
    else this.counts.set(id, count - 1);
    return true;
  }
}

/** A call that has no result yet. */
interface OpenCall {
  id: string;
  /** Where the caller's body made it last; `""` where no one needs it. */
  path: string;
  /** How many results it still needs: callers may use one id for several calls. */
  count: number;
}

/**
 * Pairs the calls of a conversation with their results. The time of one step does not grow with the conversation. What an
 * unpaired call or result means is decided by the surface.
 */
export class OpenCalls {
  // changed by events
  /** The open calls by id. */
  private readonly calls = new Map<string, OpenCall>();
  /** Every call in order, those with a result too: the first key of a map is slow to find after many deletions. */
  private readonly order: OpenCall[] = [];
  /** Where in `order` the search for an open call begins; moved on by `first`. */
  private head = 0;

  /** The first call without a result. */
  get first(): OpenCall | undefined {
    while (this.order[this.head]?.count === 0) this.head += 1;
    return this.order[this.head];
  }

  /** Whether a call with this id has no result yet. */
  has(id: string): boolean {
    return this.calls.has(id);
  }

  /** A call was made. */
  call(id: string, path = ""): void {
    const open = this.calls.get(id);
    if (open !== undefined) {
      open.count += 1;
      open.path = path;
      return;
    }
    const call = { id, path, count: 1 };
    this.calls.set(id, call);
    this.order.push(call);
  }

  /** A result was given; `false` where no open call has this id. */
  result(id: string): boolean {
    const call = this.calls.get(id);
    if (call === undefined) return false;
    call.count -= 1;
    if (call.count === 0) this.calls.delete(id);
    return true;
  }
}

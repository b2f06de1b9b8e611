/**
 * The values of an iterator that is opened when the first one is asked for. Where a generator would hand an opened iterator on with
 * `yield*`, which costs several turns of the microtask queue for each value, the opened one is asked itself.
 */
export class DeferredIterator<Value> implements AsyncIterableIterator<Value, undefined> {
  // fixed at birth
  private readonly open: () => Promise<AsyncIterator<Value, undefined>>;
  // changed by events
  /** The opening and the first value; set by the first `next`, or by a `return` before it. */
  private first: Promise<IteratorResult<Value, undefined>> | undefined;
  /** Set when it is opened. */
  private opened: AsyncIterator<Value, undefined> | undefined;

  /** `open` is called once, and not at all where the reader stops before it asks for anything. */
  constructor(open: () => Promise<AsyncIterator<Value, undefined>>) {
    this.open = open;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Value, undefined>> {
    if (this.opened !== undefined) return this.opened.next();
    // what could not be opened is over
    if (this.first !== undefined) return Promise.resolve(over);
    this.first = this.begin();
    return this.first;
  }

  async return(): Promise<IteratorResult<Value, undefined>> {
    this.first ??= Promise.resolve(over);
    await this.first.catch(() => undefined);
    return (await this.opened?.return?.()) ?? over;
  }

  private async begin(): Promise<IteratorResult<Value, undefined>> {
    this.opened = await this.open();
    return this.opened.next();
  }
}

const over = { done: true, value: undefined } as const;

/**
 * The values of an iterator, each made another value. No generator: one takes several turns of the microtask queue for a value.
 * A reader that stops early ends the source.
 */
export class MappedIterator<From, To> implements AsyncIterableIterator<To, undefined> {
  // fixed at birth
  private readonly source: AsyncIterator<From>;
  private readonly change: (value: From) => To | Promise<To>;
  // changed by events
  /** The source is over, or `change` has thrown. */
  private over = false;

  constructor(source: AsyncIterable<From>, change: (value: From) => To | Promise<To>) {
    this.source = source[Symbol.asyncIterator]();
    this.change = change;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<To, undefined>> {
    if (this.over) return { done: true, value: undefined };
    const next = await this.source.next();
    if (next.done === true) {
      this.over = true;
      return { done: true, value: undefined };
    }
    try {
      return { done: false, value: await this.change(next.value) };
    } catch (thrown) {
      await this.return();
      throw thrown;
    }
  }

  async return(): Promise<IteratorResult<To, undefined>> {
    this.over = true;
    await this.source.return?.();
    return { done: true, value: undefined };
  }
}

/** Calls between two processes that are joined by a pipe of Node's: names, plain values, and an answer for each. */

/** The functions that one side offers; each takes one value or none. */
export type Calls = Readonly<Record<string, (value: never) => Promise<unknown>>>;

/** The other process: `process` in a child, the child in its parent. */
export interface Peer {
  /** `sent` gets an error where the other process is gone. */
  send(message: object, sent: (error: Error | null) => void): unknown;
  on(event: "message", listener: (message: unknown) => void): unknown;
}

interface Message {
  /** Number of a call that is made. */
  call?: number;
  name?: string;
  /** Number of a call that is answered. */
  answer?: number;
  value?: unknown;
  /** Why the call failed. */
  error?: string;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** One end of the pipe. */
export class Channel<Remote extends Calls> {
  // fixed at birth
  private readonly peer: Peer;
  private readonly offered: Calls;
  // changed by events
  /** Calls without an answer, by their number; `call` adds, the answer or `close` removes. */
  private readonly waiting = new Map<number, Waiting>();
  /** Number of the last call. */
  private last = 0;
  /** Why no call is possible any more; set by `close`. */
  private closed: Error | undefined;

  constructor(peer: Peer, offered: Calls) {
    this.peer = peer;
    this.offered = offered;
    peer.on("message", (message) => this.receive(message as Message));
  }

  /** Rejects with the message of the error that the other side threw, and where the other side is gone. */
  call<Name extends keyof Remote & string>(
    name: Name,
    ...[value]: Parameters<Remote[Name]>
  ): Promise<Awaited<ReturnType<Remote[Name]>>> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const call = ++this.last;
    this.waiting.set(call, { resolve, reject });
    if (this.closed === undefined) this.send({ call, name, value });
    else this.settle(call, { reason: this.closed });
    return promise as Promise<Awaited<ReturnType<Remote[Name]>>>;
  }

  /** Rejects what waits, and everything that is called later. */
  close(reason: Error): void {
    this.closed ??= reason;
    for (const call of [...this.waiting.keys()]) this.settle(call, { reason });
  }

  private receive({ call, name = "", answer, value, error }: Message): void {
    if (answer !== undefined) this.settle(answer, error === undefined ? { value } : { reason: new Error(error) });
    if (call !== undefined) void this.answer(call, name, value);
  }

  private async answer(call: number, name: string, value: unknown): Promise<void> {
    try {
      const offered = this.offered[name];
      if (offered === undefined) throw new Error(`there is no call ${name}`);
      this.send({ answer: call, value: await offered(value as never) });
    } catch (error) {
      this.send({ answer: call, error: error instanceof Error ? error.message : String(error) });
    }
  }

  private send(message: Message): void {
    // where the other side is gone, what waits is settled by `close`
    if (this.closed === undefined) this.peer.send(message, () => undefined);
  }

  private settle(call: number, outcome: { value: unknown } | { reason: Error }): void {
    const waiting = this.waiting.get(call);
    this.waiting.delete(call);
    if ("reason" in outcome) waiting?.reject(outcome.reason);
    else waiting?.resolve(outcome.value);
  }
}

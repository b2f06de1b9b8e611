import type { Engine, Target } from "../engine/engine.ts";
import { FairQueue, type Holder } from "../lib/fair-queue.ts";
import { canceled, plainError } from "../model/error.ts";
import type { Batch } from "../model/event.ts";
import type { GenerationRequest } from "../model/request.ts";

export interface QueuedRequest {
  /** As the engine takes it. */
  request: GenerationRequest;
  /** The key whose turn it takes. */
  keyId: string;
  signal: AbortSignal;
}

/** Slots that one key leaves to the others. */
const reserved = 1;

/** One fair queue in front of every engine that has a limited number of slots: keys take turns. */
export class EngineQueues {
  // changed by events
  /** Made with an engine's first request; gone with the engine. */
  private readonly queues = new WeakMap<Engine, FairQueue>();

  /** The engine's batches; the engine is called when it is this request's turn. */
  generate({ engine }: Target, queued: QueuedRequest): AsyncIterator<Batch> {
    // without a limit nothing stands between the engine and its reader
    if (engine.load().slots === Infinity) return engine.generate(queued.request, queued.signal)[Symbol.asyncIterator]();
    return whenFree(engine, this.queue(engine), queued);
  }

  /** How many requests wait for their turn at this engine. */
  waiting(engine: Engine): number {
    return this.queues.get(engine)?.waiting ?? 0;
  }

  private queue(engine: Engine): FairQueue {
    const known = this.queues.get(engine);
    if (known !== undefined) return known;
    const made = new FairQueue({ capacity: () => engine.load().slots, abortError: canceled, reserved });
    this.queues.set(engine, made);
    return made;
  }
}

async function* whenFree(
  engine: Engine,
  queue: FairQueue,
  { request, keyId, signal }: QueuedRequest,
): AsyncGenerator<Batch> {
  const answer = new UnreadAnswer(signal);
  const turn = { owner: keyId, priority: request.tier === "priority", holder: answer };
  const leave = await queue.enter(turn, answer.signal);
  try {
    for await (const batch of engine.generate(request, answer.signal)) {
      answer.waits();
      yield batch;
      answer.goesOn();
      if (answer.revoked) throw plainError("overloaded", "the answer was not read while other callers waited");
    }
  } finally {
    leave();
  }
}

/** An answer under way: how long its reader has not asked for more, and its end for the sake of others. */
class UnreadAnswer implements Holder {
  // fixed at birth
  /** Aborted by the caller, or when the slot is taken back. */
  readonly signal: AbortSignal;
  private readonly aborter = new AbortController();
  // changed by events
  /** When the reader was given the last batch, while it has not asked for the next; in milliseconds. */
  private waitingSince: number | undefined;

  constructor(caller: AbortSignal) {
    this.signal = AbortSignal.any([caller, this.aborter.signal]);
  }

  get revoked(): boolean {
    return this.aborter.signal.aborted;
  }

  waits(): void {
    this.waitingSince = performance.now();
  }

  goesOn(): void {
    this.waitingSince = undefined;
  }

  idleMs(): number {
    return this.waitingSince === undefined ? 0 : performance.now() - this.waitingSince;
  }

  revoke(): void {
    this.aborter.abort(canceled());
  }
}

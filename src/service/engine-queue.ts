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
  /** Of the whole answer: what stands between the engine and its reader, such as moderation, is not the reader's doing. */
  reading: AnswerReading;
}

/** The reader of one answer: for how long it has not asked for more. */
export class AnswerReading {
  // changed by events
  /** When it was given what it asked for last, while it has not asked for more; in milliseconds. */
  private pausedSince: number | undefined;

  /** It has what it asked for. */
  pause(): void {
    this.pausedSince = performance.now();
  }

  /** It asks for more. */
  resume(): void {
    this.pausedSince = undefined;
  }

  /** Milliseconds for which the answer has waited for it. */
  idleMs(): number {
    return this.pausedSince === undefined ? 0 : performance.now() - this.pausedSince;
  }
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
  { request, keyId, signal, reading }: QueuedRequest,
): AsyncGenerator<Batch> {
  const answer = new UnreadAnswer(signal, reading);
  const turn = { owner: keyId, priority: request.tier === "priority", holder: answer };
  const leave = await queue.enter(turn, answer.signal);
  try {
    for await (const batch of engine.generate(request, answer.signal)) {
      yield batch;
      if (answer.revoked) throw plainError("overloaded", "the answer was not read while other callers waited");
    }
  } finally {
    leave();
  }
}

/** An answer under way, and its end for the sake of others when it is not read. */
class UnreadAnswer implements Holder {
  // fixed at birth
  /** Aborted by the caller, or when the slot is taken back. */
  readonly signal: AbortSignal;
  private readonly aborter = new AbortController();
  private readonly reading: AnswerReading;

  constructor(caller: AbortSignal, reading: AnswerReading) {
    this.signal = AbortSignal.any([caller, this.aborter.signal]);
    this.reading = reading;
  }

  get revoked(): boolean {
    return this.aborter.signal.aborted;
  }

  idleMs(): number {
    return this.reading.idleMs();
  }

  revoke(): void {
    this.aborter.abort(canceled());
  }
}

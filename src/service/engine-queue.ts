import type { Engine, Target } from "../engine/engine.ts";
import { FairQueue } from "../lib/fair-queue.ts";
import { canceled } from "../model/error.ts";
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
  const leave = await queue.enter({ owner: keyId, priority: request.tier === "priority" }, signal);
  try {
    yield* engine.generate(request, signal);
  } finally {
    leave();
  }
}

import type { Engine, Target } from "../engine/engine.ts";
import type { Batch } from "../model/event.ts";
import type { GenerationRequest } from "../model/request.ts";
import { FairQueue } from "../policy/fair-queue.ts";

/** What an engine is asked, and for whom. */
export interface Asking {
  /** As the engine takes it. */
  request: GenerationRequest;
  keyId: string;
  signal: AbortSignal;
}

/** One fair line in front of every engine that tells how many answers it can give at once. */
export class EngineLines {
  // changed by events
  private readonly lines = new WeakMap<Engine, FairQueue>();

  /** The engine's batches; the first one is asked for when it is this request's turn. */
  generate({ engine }: Target, asking: Asking): AsyncIterator<Batch> {
    // where nobody has to wait nothing stands between the engine and its reader
    if (engine.load().slots === Infinity) return engine.generate(asking.request, asking.signal)[Symbol.asyncIterator]();
    return inTurn(engine, this.line(engine), asking);
  }

  /** Requests that wait for their turn at this engine. */
  waiting(engine: Engine): number {
    return this.lines.get(engine)?.waiting ?? 0;
  }

  private line(engine: Engine): FairQueue {
    const known = this.lines.get(engine);
    if (known !== undefined) return known;
    const made = new FairQueue(() => engine.load().slots);
    this.lines.set(engine, made);
    return made;
  }
}

async function* inTurn(engine: Engine, line: FairQueue, { request, keyId, signal }: Asking): AsyncGenerator<Batch> {
  const leave = await line.enter({ keyId, tier: request.tier }, signal);
  try {
    yield* engine.generate(request, signal);
  } finally {
    leave();
  }
}

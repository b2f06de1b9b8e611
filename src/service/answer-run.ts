import { setImmediate } from "node:timers/promises";
import { canceled, isRetryable, type ParleyError, reasonOf, toParleyError, plainError } from "../model/error.ts";
import type { Batch, GenerationEvent, ServedBy, Usage } from "../model/event.ts";
import type { RateLimitStatus } from "../model/limit.ts";
import { outcomeOf, type Outcome } from "../model/outcome.ts";
import type { GenerationRequest } from "../model/request.ts";
import type { Transcript } from "../model/transcript.ts";
import type { Log } from "../telemetry/log.ts";
import { estimateUsage } from "./count-usage.ts";
import type { AnswerReading } from "./engine-queue.ts";
import type { Generation, GenerationRecord, LostTry, Started } from "./generation.ts";
import type { BrokenAnswer } from "./route.ts";

export interface AnswerRunOptions {
  record: GenerationRecord;
  started: Started;
  /** Of all tries together. */
  reading: AnswerReading;
  rateLimit: RateLimitStatus;
  signal: AbortSignal;
  /** Ends the record; only the first call counts. `lateUsage`: what the engine reported after the last batch. */
  finish: (outcome: Outcome, lateUsage?: Usage) => void;
  /** Whether no one has seen anything of the answer yet; absent where its caller sees what comes. */
  unseen: (() => boolean) | undefined;
  /** Sends the request once more, to a server that has not broken off. */
  again: (broken: readonly BrokenAnswer[]) => Promise<Started>;
  /** Called with every try that broke off and was replaced by another one. */
  lost: ((lost: LostTry) => void) | undefined;
  log: Log;
}

/**
 * An answer that an engine has begun. Where it breaks off before anybody has seen anything of it, it is begun again on
 * another server: the next batch then begins with a second `begin`, and what came before is void. Its facts are those of
 * the server that answers now.
 */
export class AnswerRun implements Generation {
  // fixed at birth
  readonly batches: AsyncIterable<Batch>;
  readonly rateLimit: RateLimitStatus;
  private readonly options: AnswerRunOptions;
  /** Milliseconds of the server's own steps before the first engine was asked. */
  private readonly ownMs: number;
  // changed by events
  /** The try under way; replaced when the answer is begun again. */
  private current: Started;
  /** Tries that broke off, oldest first. */
  private readonly broken: BrokenAnswer[] = [];

  constructor(options: AnswerRunOptions) {
    this.options = options;
    this.rateLimit = options.rateLimit;
    this.ownMs = performance.now() - options.record.startedAt - options.started.engineMs;
    this.current = options.started;
    this.note(options.started);
    options.reading.pause();
    this.batches = this.run();
  }

  get request(): GenerationRequest {
    return this.options.record.request;
  }

  get transcript(): Transcript {
    return this.options.record.transcript;
  }

  get target(): Generation["target"] {
    return this.current.target;
  }

  get servedBy(): ServedBy | undefined {
    const [begin] = this.current.first;
    return begin?.type === "begin" ? begin.servedBy : undefined;
  }

  /** The time of tries that broke off is that of the engines. */
  get timing(): Generation["timing"] {
    const { started } = this.options.record;
    return { ownMs: this.ownMs, engineMs: (started?.firstMs ?? 0) - this.ownMs };
  }

  /** Hands batches on and folds each; however it ends, the stream has exactly one `finish` and the record is finished. */
  private async *run(): AsyncGenerator<Batch> {
    const { transcript } = this;
    const { finish, reading, signal } = this.options;
    let outcome: Outcome = "canceled";
    reading.resume();
    try {
      let batch: Batch | undefined = this.current.first;
      while (batch !== undefined) {
        const next: Batch = errorOf(batch) === undefined ? batch : await this.replaced(batch);
        // what another server began may end with an error at once
        if (next !== batch) {
          batch = next;
          continue;
        }
        this.fold(batch);
        reading.pause();
        if (batch.length > 0) yield batch;
        reading.resume();
        batch = await this.next();
      }
      if (!signal.aborted) outcome = "upstream";
    } finally {
      const { rest } = this.current;
      const late = transcript.usage === undefined ? await lateUsage(rest, signal) : undefined;
      await rest.return?.();
      finish(outcome, late);
    }
  }

  private fold(batch: Batch): void {
    const { transcript } = this;
    transcript.apply(batch);
    // before the last batch is handed on: its reader may send the next request at once
    if (transcript.finish !== undefined) this.options.finish(outcomeOf(transcript.finish));
  }

  /** The next batch; where the engine throws or ends without a finish, a batch with that failure. */
  private async next(): Promise<Batch | undefined> {
    const { transcript } = this;
    try {
      const next = await this.current.rest.next();
      if (next.done !== true) return next.value;
      if (transcript.finish !== undefined) return undefined;
      const broke = plainError("upstream", "the engine's answer broke off");
      return failure(transcript, this.options.signal.aborted ? canceled() : broke);
    } catch (thrown) {
      return transcript.finish === undefined ? failure(transcript, toParleyError(thrown)) : undefined;
    }
  }

  /** The first batch of another server in the place of one that ends with an error; else that batch itself. */
  private async replaced(failed: Batch): Promise<Batch> {
    const { signal, unseen, again, lost, log } = this.options;
    const error = errorOf(failed);
    if (error === undefined) return failed;
    const { target, calledAt, prepared, rest } = this.current;
    const { replica, attempt = 1 } = this.servedBy ?? {};
    const facts = {
      id: this.request.id,
      engine: target.engineName,
      replica,
      kind: error.kind,
      reason: reasonOf(error),
    };
    if (error.kind !== "canceled") log.warn({ ...facts, err: error }, "generation failed half-way");
    const may = (): boolean => unseen?.() === true && !signal.aborted;
    if (!may() || !isRetryable(error)) return failed;
    this.broken.push({
      engine: target.engine,
      replica,
      attempt: Math.max(attempt, this.tries(target)),
      askedAt: calledAt,
      error,
    });
    await rest.return?.();
    try {
      const started = await again(this.broken);
      if (!may()) {
        await started.rest.return?.();
        return failed;
      }
      const usage = usageIn(failed) ?? this.transcript.usage;
      const used = usage ?? estimateUsage({ request: prepared, transcript: this.transcript });
      const { model = this.request.model } = this.options.record;
      lost?.({ model, engine: target.engineName, replica, kind: error.kind, usage: used });
      this.current = started;
      this.note(started);
      log.info(
        { id: this.request.id, engine: started.target.engineName, replica: this.servedBy?.replica },
        "the answer was begun again elsewhere",
      );
      return started.first;
    } catch (thrown) {
      log.debug({ id: this.request.id, err: thrown }, "no other server took over");
      return failed;
    }
  }

  /** How many tries at this engine broke off, with the one under way. */
  private tries({ engine }: Generation["target"]): number {
    return this.broken.filter((one) => one.engine === engine).length + 1;
  }

  private note({ target, prepared, engineMs, first: [begin] }: Started): void {
    const { record } = this.options;
    const whole = begin?.type === "begin" && begin.whole === true;
    record.started = { target, prepared, engineMs, firstMs: performance.now() - record.startedAt, whole };
  }
}

/** The error that a batch ends with. */
function errorOf(batch: Batch): ParleyError | undefined {
  const last = batch.at(-1);
  return last?.type === "finish" ? last.error : undefined;
}

function usageIn(batch: Batch): Usage | undefined {
  return batch.findLast((event) => event.type === "usage")?.usage;
}

/** Closes the open item and ends the answer with an error. */
function failure(transcript: Transcript, error: ParleyError): Batch {
  const batch: GenerationEvent[] = [];
  const index = transcript.items.length - 1;
  const open = transcript.items[index];
  if (open !== undefined && !open.done) batch.push({ type: `${open.type}-end`, index });
  batch.push({ type: "finish", reason: "error", error });
  return batch;
}

/** Usage that an engine reports after an abort. Nothing is read where the reader stopped without an abort. */
async function lateUsage(rest: AsyncIterator<Batch>, signal: AbortSignal): Promise<Usage | undefined> {
  let usage: Usage | undefined;
  // a destroyed socket is seen one turn of the event loop before its close event aborts
  if (!signal.aborted) await setImmediate();
  if (!signal.aborted) return undefined;
  try {
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
      usage = usageIn(next.value) ?? usage;
    }
  } catch {
    // an aborted engine may throw; what it reported before counts
  }
  return usage;
}

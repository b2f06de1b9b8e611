import type { Catalog } from "../engine/engine.ts";
import type { MediaPreparer } from "../media/prepare.ts";
import type { ModelCard } from "../model/card.ts";
import { refuseOverlong } from "../model/context-bound.ts";
import { toParleyError } from "../model/error.ts";
import type { Usage } from "../model/event.ts";
import type { RateLimitStatus } from "../model/limit.ts";
import type { Outcome } from "../model/outcome.ts";
import type { GenerationRequest } from "../model/request.ts";
import { estimateTokens, maxInputTokens } from "../model/token-estimate.ts";
import { Transcript } from "../model/transcript.ts";
import type { Caller } from "../policy/authenticate.ts";
import type { Moderator } from "../policy/moderate/moderate.ts";
import type { Log } from "../telemetry/log.ts";
import type { GenerationWatch } from "../telemetry/watch.ts";
import { admit, permit } from "./admit.ts";
import { AnswerRun } from "./answer-run.ts";
import { countUsage } from "./count-usage.ts";
import { AnswerReading, EngineQueues } from "./engine-queue.ts";
import type {
  EndedGeneration,
  Generation,
  GenerationObserver,
  GenerationRecord,
  LostTry,
  Started,
} from "./generation.ts";
import type { Admission, BillableWork, Meter } from "./meter.ts";
import { largestWindow } from "./model.ts";
import { Router, type BrokenAnswer, type Reader } from "./route.ts";
import { screened } from "./screen.ts";

export interface GenerateOptions {
  catalog: Catalog;
  /** Loads and converts media for the engine that is tried; without it requests are handed on as they are. */
  media?: Pick<MediaPreparer, "prepare"> | undefined;
  /** Holds requests to limits and money; without it everything is admitted and nothing booked. */
  meter?: Pick<Meter, "reserve" | "check"> | undefined;
  /** The order of requests at a busy engine; shared with the metrics that count who waits. */
  queues?: EngineQueues | undefined;
  /** Judges requests and answers; without it nothing is moderated. */
  moderator?: Moderator | undefined;
  /** Called with every generation that is over. */
  observers?: readonly GenerationObserver[] | undefined;
  /** Called with every try of an answer that broke off and was begun again elsewhere. */
  lost?: ((lost: LostTry) => void) | undefined;
  /** Called when a generation is asked for; what it returns is called when the generation is over. */
  watch?: GenerationWatch | undefined;
  log: Log;
}

/** The use case that all surfaces share: one request in, one stream of batches out. */
export class GenerateService {
  // fixed at birth
  private readonly options: GenerateOptions;
  private readonly router: Router;
  // changed by events
  /** Replaced by `adoptModerator`; answers under way keep theirs. */
  private moderator: Moderator | undefined;

  constructor(options: GenerateOptions) {
    const { catalog, media, log } = options;
    this.options = options;
    this.moderator = options.moderator;
    this.router = new Router({ catalog, media, log, queues: options.queues ?? new EngineQueues() });
  }

  /**
   * The steps: permit, reserve, moderate, route (prepare media, wait for a slot, first batch), run, finish. Resolves
   * when the first batch is there; throws a `ParleyError` when no engine could begin. `unseen`: given where the caller may
   * have seen nothing yet; an answer that breaks off is begun again then, and so is one whose delivery is `whole`.
   */
  async start(request: GenerationRequest, caller: Caller, signal: AbortSignal, unseen?: Unseen): Promise<Generation> {
    const admitted = await this.admit(request, caller);
    return admitted.start(signal, unseen);
  }

  /** Uses it for generations that are begun from now on. */
  adoptModerator(moderator: Moderator | undefined): void {
    this.moderator = moderator;
  }

  /**
   * The first two steps alone, for a generation that begins later: what it reserves is held until it is over. Throws
   * what `start` throws before an engine is asked.
   */
  async admit(request: GenerationRequest, caller: Caller): Promise<AdmittedGeneration> {
    const record = recordOf(request, caller);
    const observers = [...(this.options.observers ?? [])];
    const ended = this.options.watch?.(request, caller.keyId);
    if (ended !== undefined) observers.push((one) => ended(endedFacts(one)));
    const finish = finisher(record, observers, this.options.log);
    try {
      const admission = await this.reserve(record, caller);
      observers.unshift((one) => settle(admission, one));
      return {
        start: (signal, unseen) =>
          this.startAdmitted(record, { caller, signal, finish, rateLimit: admission.rateLimit, unseen }),
        cancel: () => finish("canceled"),
      };
    } catch (thrown) {
      finish(toParleyError(thrown).kind);
      throw thrown;
    }
  }

  /**
   * Refuses a caller that no request would be taken from: its money is spent, or its requests, tokens or streams are
   * used up. Takes nothing; for the moment before a body is read.
   */
  async checkCaller(caller: Caller): Promise<void> {
    await this.options.meter?.check(caller);
  }

  /** Refuses what `start` would refuse before an engine is asked, for work that needs none. It counts as a request. */
  async checkLimits(request: GenerationRequest, caller: Caller): Promise<void> {
    (await this.reserve(recordOf(request, caller), caller, nothingUsed)).release();
  }

  /** Input tokens of a request, counted by the engine that would answer it. It counts as a request. */
  async count(request: GenerationRequest, caller: Caller, signal: AbortSignal): Promise<number> {
    const admission = await this.reserve(recordOf(request, caller), caller, nothingUsed);
    try {
      return await this.router.count(request, { caller, signal });
    } finally {
      admission.release();
    }
  }

  /** Tokens of the largest window that serves a model. Throws `invalid` for an unknown one. */
  contextWindow(model: string): number {
    return largestWindow(this.options.catalog, model);
  }

  private async reserve(record: GenerationRecord, caller: Caller, expected?: ExpectedUse): Promise<Admission> {
    const { request } = record;
    permit(request.model, caller);
    const card = this.options.catalog.card(request.model);
    record.model = card.id;
    refuseOverlong(request, largestWindow(this.options.catalog, card.id));
    const { id, tier } = request;
    const work = { id, tier, model: card.id, ...(expected ?? expectedUse(request, card)) };
    return admit(work, caller, this.options.meter);
  }

  private async startAdmitted(record: GenerationRecord, admitted: Admitted): Promise<Generation> {
    const { request } = record;
    const { caller, signal, finish, rateLimit, unseen = unseenOf(request) } = admitted;
    const { log, lost } = this.options;
    try {
      const reading = new AnswerReading();
      const reader = { caller, signal, reading };
      const started = await this.begin(request, reader);
      log.debug({ id: request.id, engine: started.target.engineName, caller: caller.keyId }, "generation started");
      const again = (broken: readonly BrokenAnswer[]): Promise<Started> => this.begin(request, { ...reader, broken });
      return new AnswerRun({ record, started, reading, rateLimit, signal, finish, unseen, again, lost, log });
    } catch (thrown) {
      finish(toParleyError(thrown).kind);
      throw thrown;
    }
  }

  private begin(request: GenerationRequest, reader: Reader): Promise<Started> {
    const { moderator } = this;
    if (moderator === undefined) return this.router.start(request, reader);
    // what is blocked ends the engine's work at once, and is not charged
    const asked: GenerationRequest = moderator.blocksOutput ? { ...request, delivery: "pieces" } : request;
    return screened({ moderator, request, signal: reader.signal }, () => this.router.start(asked, reader));
  }
}

/** A generation that was let in and has not begun; one of its methods must be called, once. */
export interface AdmittedGeneration {
  start(signal: AbortSignal, unseen?: Unseen): Promise<Generation>;
  /** Gives back what was reserved. */
  cancel(): void;
}

interface Admitted {
  caller: Caller;
  signal: AbortSignal;
  finish: Finish;
  rateLimit: RateLimitStatus;
  unseen: Unseen | undefined;
}

/** Whether no one has seen anything of an answer that broke off: it is begun again on another server then. */
export type Unseen = () => boolean;

/** Of a whole answer nothing is seen before its end. */
function unseenOf({ delivery }: GenerationRequest): Unseen | undefined {
  return delivery === "whole" ? () => true : undefined;
}

type ExpectedUse = Pick<BillableWork, "estimate" | "most">;

const nothingUsed: ExpectedUse = { estimate: () => 0, most: () => ({ input: 0, output: 0 }) };

function expectedUse(request: GenerationRequest, card: ModelCard): ExpectedUse {
  const { maxTokens = card.maxOutput } = request.sampling;
  return {
    estimate: () => estimateTokens(request),
    most: () => ({ input: maxInputTokens(request), output: Math.min(maxTokens, card.maxOutput) }),
  };
}

/** Ends the record; `lateUsage`: what the engine reported after the last batch. Only the first call counts. */
type Finish = (outcome: Outcome, lateUsage?: Usage) => void;

function recordOf(request: GenerationRequest, { keyId }: Caller): GenerationRecord {
  return {
    request,
    keyId,
    transcript: new Transcript(),
    startedAt: performance.now(),
    model: undefined,
    started: undefined,
    totalMs: undefined,
    usage: undefined,
    outcome: undefined,
  };
}

/** An observer that throws keeps neither the others nor the answer from their end. */
function finisher(record: GenerationRecord, observers: readonly GenerationObserver[], log: Log): Finish {
  return (outcome, lateUsage) => {
    if (record.outcome !== undefined) return;
    const totalMs = performance.now() - record.startedAt;
    const ended = Object.assign(record, { outcome, totalMs, usage: record.transcript.usage ?? lateUsage });
    for (const observe of observers) {
      try {
        observe(ended);
      } catch (error) {
        log.error({ id: record.request.id, err: error }, "a generation could not be recorded");
      }
    }
  };
}

/** Books what was used; where no engine began, nothing was. */
function settle(admission: Admission, { started, outcome, usage, transcript }: EndedGeneration): void {
  if (started === undefined) return admission.release();
  const { target, prepared } = started;
  const counted = usage ?? countUsage({ request: prepared, target, transcript });
  admission.commit({ engine: target.engineName, outcome, usage: counted });
}

/** The record in the words of telemetry, which has no access to engines. */
function endedFacts({
  model,
  outcome,
  started,
  usage,
  transcript,
}: EndedGeneration): Parameters<ReturnType<GenerationWatch>>[0] {
  if (started === undefined) return { model, outcome };
  const { target, firstMs, whole } = started;
  const { engine, engineName, model: engineModel } = target;
  const { kind, address } = engine;
  const replica = transcript.servedBy?.replica;
  return {
    model,
    outcome,
    // of an answer that came at once no one knows when its first word was written
    firstMs: whole ? undefined : firstMs,
    usage,
    engine: { name: engineName, kind, model: engineModel, replica, address },
  };
}

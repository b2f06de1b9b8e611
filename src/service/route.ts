import type { Catalog, Target } from "../engine/engine.ts";
import { refuseMedia, replaceUnread, takesMedia, type MediaPreparer } from "../media/prepare.ts";
import { contextError } from "../model/context-bound.ts";
import { isRetryable, plainError, reasonOf, toParleyError, type ParleyError } from "../model/error.ts";
import type { BrokenTry, GenerationRequest } from "../model/request.ts";
import { estimateInput } from "../model/token-estimate.ts";
import type { Caller } from "../policy/authenticate.ts";
import type { Log } from "../telemetry/log.ts";
import { holdToRequest } from "./answer-rules.ts";
import type { AnswerReading, EngineQueues } from "./engine-queue.ts";
import type { Started } from "./generation.ts";

export interface RouterOptions {
  catalog: Catalog;
  /** Loads and converts media for the engine that is tried; without it requests are handed on as they are. */
  media: Pick<MediaPreparer, "prepare"> | undefined;
  queues: EngineQueues;
  log: Log;
}

/** For whom an engine is called. */
export interface Asker {
  caller: Caller;
  signal: AbortSignal;
  /** Tries whose answers broke off, where the request is sent again. */
  broken?: readonly BrokenAnswer[];
}

/** A try of an answer that broke off, and the engine that it was at. */
export interface BrokenAnswer extends BrokenTry {
  engine: Target["engine"];
}

/** For whom an answer is begun. */
export interface Reader extends Asker {
  reading: AnswerReading;
}

/** Chooses the engine of a request among the targets of its model, in their order. */
export class Router {
  private readonly options: RouterOptions;

  constructor(options: RouterOptions) {
    this.options = options;
  }

  /**
   * Tries the targets until one gives its first batch. Throws `invalid` for an unknown model, and the last `ParleyError`
   * where no target does.
   */
  async start(request: GenerationRequest, asker: Reader): Promise<Started> {
    this.options.catalog.card(request.model);
    // an engine of replicas chooses another one itself, and counts its tries
    const alone = (asker.broken ?? []).map(({ engine }) => engine).filter((engine) => engine.members === undefined);
    let tried = new Set(alone);
    let last: ParleyError | undefined;
    for (let target = this.next(request, tried); target !== undefined; target = this.next(request, tried)) {
      tried.add(target.engine);
      const refused = refuseMedia(request, target.engine.capabilities);
      if (refused !== undefined) {
        last ??= refused;
        continue;
      }
      try {
        const started = await this.attempt(request, target, asker);
        if (started !== undefined) return started;
        tried = new Set(alone);
      } catch (thrown) {
        const error = toParleyError(thrown);
        if (error.kind === "context" && error.reason === undefined) throw sizedError(error, request, target);
        if (asker.signal.aborted || !isRetryable(error)) throw error;
        const { log } = this.options;
        const { engineName: engine } = target;
        log.warn({ id: request.id, engine, kind: error.kind, reason: reasonOf(error), err: error }, "engine failed");
        last = error;
      }
    }
    throw last ?? plainError("overloaded", "no engine serves this model");
  }

  /** Input tokens of a request, counted by the engine that would answer it. */
  async count(request: GenerationRequest, asker: Asker): Promise<number> {
    this.options.catalog.card(request.model);
    const aimed = this.next(request, new Set());
    if (aimed === undefined) throw plainError("overloaded", "no engine serves this model");
    const target = await resolveTarget(aimed);
    const prepared = await this.prepare(request, target, asker);
    return (await target.engine.count(prepared, asker.signal)).tokens;
  }

  /** The first target, in the catalog as it is now, that was not tried; those that take all media come first. */
  private next(request: GenerationRequest, tried: ReadonlySet<Target["engine"]>): Target | undefined {
    const left = this.targets(request.model).filter(({ engine }) => !tried.has(engine));
    if (left.length < 2) return left[0];
    return (
      left.find(({ engine }) => takesMedia(request, engine.capabilities)) ??
      left.find(({ engine }) => refuseMedia(request, engine.capabilities) === undefined) ??
      left[0]
    );
  }

  /** None where a changed configuration removed the model: it was there when the request came. */
  private targets(model: string): readonly Target[] {
    try {
      return this.options.catalog.targets(model);
    } catch {
      return [];
    }
  }

  /**
   * The first batch of one target. `undefined` where a changed configuration removed the engine while media were
   * loaded: an engine that is no longer in the catalog is closed when it is idle.
   */
  private async attempt(request: GenerationRequest, aimed: Target, asker: Reader): Promise<Started | undefined> {
    const target = await resolveTarget(aimed);
    const prepared = await this.prepare(request, target, asker);
    const stands = this.targets(request.model).some(({ engine }) => engine === target.engine);
    if (!stands) return undefined;
    const calledAt = performance.now();
    const { caller, signal, reading } = asker;
    const queued = { request: prepared, keyId: caller.keyId, signal, reading };
    const rest = holdToRequest(this.options.queues.generate(target, queued), prepared);
    const first = await rest.next();
    if (first.done === true) throw plainError("upstream", "the engine ended without an answer");
    return { target, first: first.value, rest, prepared, calledAt, engineMs: performance.now() - calledAt };
  }

  /** The request as one engine takes it: its own model name, and media of the kinds it reads. */
  private async prepare(request: GenerationRequest, target: Target, asker: Asker): Promise<GenerationRequest> {
    const context = { target: target.engine.capabilities, callerKeyId: asker.caller.keyId, signal: asker.signal };
    const prepared = (await this.options.media?.prepare(request, context)) ?? replaceUnread(request, context.target);
    const { model, family } = target;
    const brokenTries = (asker.broken ?? []).filter(({ engine }) => engine === target.engine);
    return {
      ...prepared,
      model,
      ...(family === undefined ? {} : { family }),
      ...(brokenTries.length === 0 ? {} : { brokenTries }),
    };
  }
}

/** The target under the engine's own name of the model. */
export async function resolveTarget(target: Target): Promise<Target> {
  const { engine, model, named } = target;
  if (named || engine.resolve === undefined) return target;
  const own = await engine.resolve(model);
  const family = target.family ?? own.family;
  return { ...target, model: own.model, ...(family === undefined ? {} : { family }) };
}

/** Where the engine did not say how long the prompt is: an estimate, and the window where it is known. */
function sizedError(error: ParleyError, request: GenerationRequest, { engine }: Target): ParleyError {
  const { contextWindow: windowTokens } = engine.capabilities;
  return contextError({ tokens: estimateInput(request), isEstimate: true, windowTokens }, error);
}

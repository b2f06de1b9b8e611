import { Semaphore } from "../../lib/semaphore.ts";
import { untilAborted } from "../../lib/abort.ts";
import { TimeSlices } from "../../lib/time-slices.ts";
import { EventBuilder } from "../../model/event-builder.ts";
import { contextError } from "../../model/context-bound.ts";
import { canceled, ParleyError } from "../../model/error.ts";
import type { Batch, FinishReason, PromptUse } from "../../model/event.ts";
import { callIds, type IdSource } from "../../model/id.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { Capabilities, Engine, Load } from "../engine.ts";
import { readScript, Script } from "../script/script.ts";
import { AnswerTokens, type AnswerToken } from "./answer.ts";
import { type Clock, systemClock } from "./clock.ts";
import { faultError, FaultPlan } from "./fault.ts";
import { planAnswer, type Plan } from "./plan.ts";
import { PrefixCache } from "./prefix-cache.ts";
import { measurePrompt, type Prompt } from "./prompt.ts";
import type { SimSettings } from "./settings.ts";

/** The settings, each with the default of `settings.ts`, and what tests put in the place of the real thing. */
export type SimOptions = { [Name in keyof SimSettings]?: SimSettings[Name] | undefined } & {
  clock?: Clock | undefined;
  /** Where call ids come from. Default: the request's own id, so that equal requests get equal answers. */
  ids?: IdSource | undefined;
  /** What reading long prompts shares the event loop by. */
  slices?: TimeSlices | undefined;
};

/**
 * A deterministic engine without a model: it echoes, calls tools and makes values by their schemas, at the speed that is
 * set, with real slots, a real prefix cache, and the scripted answers and faults that are set. For tests, load and other
 * people's pipelines. Throws `ScriptError` for a script file that cannot be used.
 */
export function simEngine(options: SimOptions = {}): Engine {
  return new Simulator(options);
}

/** An instant answer lets other work run after this many batches. */
const batchesPerPause = 16;

/** One answer under way. */
interface Run {
  request: GenerationRequest;
  prompt: Prompt;
  plan: Plan;
  signal: AbortSignal;
}

class Simulator implements Engine {
  // fixed at birth
  readonly kind = "sim";
  readonly capabilities: Capabilities;
  readonly requests: GenerationRequest[] = [];
  private readonly journal: number;
  private readonly prefillTokensPerSecond: number;
  private readonly decodeTokensPerSecond: number;
  private readonly tokensPerBatch: number;
  private readonly cacheBlock: number;
  private readonly contextWindow: number;
  private readonly clock: Clock;
  private readonly ids: IdSource | undefined;
  private readonly slots: Semaphore;
  private readonly cache: PrefixCache;
  private readonly script: Script;
  private readonly faults: FaultPlan;
  private readonly slices: TimeSlices;
  private readonly closing = new AbortController();

  constructor(options: SimOptions) {
    this.journal = options.journal ?? 0;
    this.prefillTokensPerSecond = options.prefillTokensPerSecond ?? Infinity;
    this.decodeTokensPerSecond = options.decodeTokensPerSecond ?? Infinity;
    this.tokensPerBatch = options.tokensPerBatch ?? 8;
    this.cacheBlock = options.cacheBlock ?? 64;
    this.contextWindow = options.contextWindow ?? 1_000_000;
    this.capabilities = { contextWindow: this.contextWindow, constrained: true, image: true, video: "frames" };
    this.clock = options.clock ?? systemClock;
    this.ids = options.ids;
    this.slices = options.slices ?? new TimeSlices();
    this.slots = new Semaphore(options.slots ?? Infinity, {
      abortError: canceled,
      queue: {
        limit: options.queueLimit ?? Infinity,
        full: () => new ParleyError("overloaded", "every slot is busy", { retryAfter: 1 }),
      },
    });
    this.cache = new PrefixCache(options.cacheTokens ?? 1_000_000, this.cacheBlock);
    const file = options.script === undefined ? { answers: [] } : readScript(options.script);
    this.script = new Script({
      answers: [...(options.answers ?? []), ...file.answers],
      strict: options.strict === true || file.strict === true,
    });
    this.faults = new FaultPlan(options.faults ?? [], options.seed);
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<Batch> {
    if (this.closing.signal.aborted) throw new ParleyError("overloaded", "the engine is closed");
    if (this.requests.push(request) > this.journal) this.requests.shift();
    const prompt = await this.measure(request, signal);
    this.refuseOverflow(prompt);
    const plan = planAnswer(request, this.script, this.faults);
    const ended = AbortSignal.any([signal, this.closing.signal]);
    const release = await this.slots.acquire(ended);
    // A consumer that aborts and never comes back must not keep the slot.
    ended.addEventListener("abort", release, { once: true });
    try {
      yield* this.play({ request, prompt, plan, signal: ended });
    } finally {
      ended.removeEventListener("abort", release);
      release();
    }
  }

  async count(request: GenerationRequest, signal: AbortSignal): Promise<{ tokens: number; exact: boolean }> {
    return { tokens: (await this.measure(request, signal)).tokens, exact: true };
  }

  load(): Load {
    return { running: this.slots.running, waiting: this.slots.waiting, slots: this.slots.capacity };
  }

  close(): Promise<void> {
    this.closing.abort();
    return Promise.resolve();
  }

  private measure(request: GenerationRequest, signal: AbortSignal): Promise<Prompt> {
    return untilAborted(this.slices.run(measurePrompt(request, this.cacheBlock), signal), signal, canceled);
  }

  private refuseOverflow(prompt: Prompt): void {
    if (prompt.tokens < this.contextWindow) return;
    throw contextError({ tokens: prompt.tokens, windowTokens: this.contextWindow });
  }

  private async *play(run: Run): AsyncGenerator<Batch> {
    const { request, prompt, plan, signal } = run;
    const cached = this.cache.lookup(prompt);
    const prefillMs = ((prompt.tokens - cached) / this.prefillTokensPerSecond) * 1_000;
    await this.clock.sleep(prefillMs + plan.delayMs, signal);
    if (signal.aborted) throw canceled();
    this.cache.store(prompt);
    const limit = Math.min(request.sampling.maxTokens ?? Infinity, this.contextWindow - prompt.tokens);
    const tokens = new AnswerTokens(plan.reply, request.sampling.stop, limit);
    const writer = new Writer(callIds(this.ids ?? fixedIds(request)));
    writer.prompt({ input: prompt.tokens, cached }, plan.usage);
    const broken = yield* this.decode(run, tokens, writer);
    writer.usage({ input: prompt.tokens, cached }, plan.usage);
    if (broken !== undefined) writer.fail(broken);
    else if (tokens.isTruncated()) writer.finish("length");
    else writer.finish(plan.finish, tokens.stopText);
    yield writer.out.take();
  }

  /** Yields the tokens batch by batch; returns the error that cut them short, if one did. */
  private async *decode(
    run: Run,
    tokens: AnswerTokens,
    writer: Writer,
  ): AsyncGenerator<Batch, ParleyError | undefined> {
    const { fault } = run.plan;
    const breaksAt = fault?.kind === "error-after" || fault?.kind === "stall" ? (fault.afterTokens ?? 0) : Infinity;
    const start = this.clock.now();
    for (let given = 0, batch = 1; given < breaksAt; batch += 1) {
      const taken = tokens.take(Math.min(this.tokensPerBatch, breaksAt - given));
      if (taken.length === 0) return undefined;
      given += taken.length;
      await this.pace(run, { start, next: given, batch });
      if (run.signal.aborted) return canceled();
      for (const token of taken) writer.write(token);
      yield writer.out.take();
    }
    return this.breakDown(run);
  }

  /** Waits until the tokens up to `next` are due. Due times count from the start, so that timers' lateness does not add up. */
  private async pace(run: Run, due: { start: number; next: number; batch: number }): Promise<void> {
    const { fault, tokensPerSecond = this.decodeTokensPerSecond } = run.plan;
    const extra = fault?.kind === "slow" ? (fault.delayMs ?? 1_000) * due.batch : 0;
    const at = due.start + (due.next / tokensPerSecond) * 1_000 + extra;
    if (at > due.start) await this.clock.sleep(at - this.clock.now(), run.signal);
    else if (due.batch % batchesPerPause === 0) await this.slices.pause();
  }

  private async breakDown({ plan, signal }: Run): Promise<ParleyError> {
    if (plan.fault?.kind === "error-after") return faultError(plan.fault);
    await this.clock.sleep(Infinity, signal);
    return canceled();
  }
}

/** Turns tokens into events and counts them. */
class Writer {
  // fixed at birth
  readonly out = new EventBuilder();
  private readonly callId: () => string;
  // changed by events
  /** Tokens written; counted by `write`. */
  private output = 0;
  /** Those of them that are reasoning; counted by `write`. */
  private reasoning = 0;

  constructor(callId: () => string) {
    this.callId = callId;
  }

  write(token: AnswerToken): void {
    this.output += 1;
    if (token.kind === "reasoning") {
      this.reasoning += 1;
      this.out.reasoning(token.text);
    } else if (token.kind === "text") this.out.text(token.text);
    else if (token.kind === "call") this.out.callStart(token.id ?? this.callId(), token.text);
    else this.out.callDelta(token.text);
  }

  /** `scripted` replaces what was counted; here and in `usage`. */
  prompt({ input, cached }: PromptUse, scripted: Plan["usage"]): void {
    this.out.prompt({ input: scripted.input ?? input, cached: scripted.cached ?? cached });
  }

  usage(counted: PromptUse, scripted: Plan["usage"]): void {
    this.out.close();
    const { input = counted.input, cached = counted.cached, output = this.output } = scripted;
    this.out.usage({ input, cached, output, reasoning: scripted.reasoning ?? this.reasoning });
  }

  /** `stopText`: what ended it, where it stops by itself. */
  finish(reason: FinishReason | undefined, stopText?: string): void {
    this.out.finish(reason ?? (this.out.callCount > 0 ? "calls" : "stop"), undefined, stopText);
  }

  fail(error: ParleyError): void {
    this.out.finish("error", error);
  }
}

/** Unlike from answer to answer, and the same whenever the same request is asked again. */
function fixedIds(request: GenerationRequest): IdSource {
  const word = (length: number): string => request.id.slice(-length).padStart(length, "0");
  return { hex: word, word, now: () => request.createdAt * 1_000 };
}

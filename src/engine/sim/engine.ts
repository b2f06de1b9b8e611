import { setImmediate } from "node:timers/promises";
import { Semaphore } from "../../lib/semaphore.ts";
import { EventBuilder } from "../../model/event-builder.ts";
import { canceled, ParleyError } from "../../model/error.ts";
import type { Batch } from "../../model/event.ts";
import { callIds, type IdSource } from "../../model/id.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { Capabilities, Engine, Load } from "../engine.ts";
import { answerTokens, type AnswerToken } from "./answer.ts";
import { type Clock, systemClock } from "./clock.ts";
import { faultError, FaultPlan, type FaultRule } from "./fault.ts";
import { PrefixCache } from "./prefix-cache.ts";
import { measurePrompt, type Prompt } from "./prompt.ts";
import { planReply } from "./reply.ts";

export interface SimOptions {
  /** Default: instant. Cached tokens cost nothing. */
  prefillTokensPerSecond?: number;
  /** Per request. Default: instant. */
  decodeTokensPerSecond?: number;
  /** Default 8. */
  tokensPerBatch?: number;
  /** Requests generated at once; default no bound. */
  slots?: number;
  /** Requests that may wait for a slot; one more is refused as `overloaded`. Default: no limit. */
  queueLimit?: number;
  /** Tokens the prefix cache holds; 0 turns it off. Default 1,000,000. */
  cacheTokens?: number;
  /** Tokens per cache block; default 64. */
  cacheBlock?: number;
  /** Tokens, input and output together; default 1,000,000. */
  contextWindow?: number;
  faults?: readonly FaultRule[];
  clock?: Clock;
  /** Where call ids come from. Default: the request's own id, so that equal requests get equal answers. */
  ids?: IdSource;
}

/**
 * A deterministic engine without a model: it answers by rules, at the speed it is told to, with real slots, a real prefix
 * cache and the faults it is told to have. For tests, load and other people's pipelines.
 */
export function simEngine(options: SimOptions = {}): Engine {
  return new Simulator({ ...defaults, ...options });
}

type Settings = Required<Omit<SimOptions, "ids">> & Pick<SimOptions, "ids">;

const defaults: Settings = {
  prefillTokensPerSecond: Infinity,
  decodeTokensPerSecond: Infinity,
  tokensPerBatch: 8,
  slots: Infinity,
  queueLimit: Infinity,
  cacheTokens: 1_000_000,
  cacheBlock: 64,
  contextWindow: 1_000_000,
  faults: [],
  clock: systemClock,
};

/** An instant answer lets other work run after so many batches. */
const batchesPerBreath = 64;

/** One answer under way. */
interface Run {
  request: GenerationRequest;
  prompt: Prompt;
  fault: FaultRule | undefined;
  signal: AbortSignal;
}

class Simulator implements Engine {
  // fixed at birth
  readonly kind = "sim";
  readonly capabilities: Capabilities;
  private readonly options: Settings;
  private readonly slots: Semaphore;
  private readonly cache: PrefixCache;
  private readonly faults: FaultPlan;
  private readonly closing = new AbortController();

  constructor(options: Settings) {
    this.options = options;
    this.capabilities = { contextWindow: options.contextWindow, constrained: true, image: true, video: "frames" };
    this.slots = new Semaphore(options.slots, {
      abortError: canceled,
      queue: {
        limit: options.queueLimit,
        full: () => new ParleyError("overloaded", "every slot is busy", { retryAfter: 1 }),
      },
    });
    this.cache = new PrefixCache(options.cacheTokens, options.cacheBlock);
    this.faults = new FaultPlan(options.faults);
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<Batch> {
    if (this.closing.signal.aborted) throw new ParleyError("overloaded", "the engine is closed");
    const prompt = measurePrompt(request, this.options.cacheBlock);
    this.refuseOverflow(prompt);
    const fault = this.faults.next(request);
    if (fault?.kind === "error-before") throw faultError(fault);
    const ended = AbortSignal.any([signal, this.closing.signal]);
    const release = await this.slots.acquire(ended);
    // A consumer that aborts and never comes back must not keep the slot.
    ended.addEventListener("abort", release, { once: true });
    try {
      yield* this.play({ request, prompt, fault, signal: ended });
    } finally {
      ended.removeEventListener("abort", release);
      release();
    }
  }

  count(request: GenerationRequest, _signal: AbortSignal): Promise<{ tokens: number; exact: boolean }> {
    return Promise.resolve({ tokens: measurePrompt(request, this.options.cacheBlock).tokens, exact: true });
  }

  load(): Load {
    return { running: this.slots.running, waiting: this.slots.waiting, slots: this.slots.capacity };
  }

  close(): Promise<void> {
    this.closing.abort();
    return Promise.resolve();
  }

  private refuseOverflow(prompt: Prompt): void {
    const { contextWindow } = this.options;
    if (prompt.tokens < contextWindow) return;
    throw new ParleyError("context", `the prompt has ${prompt.tokens} tokens, the context window ${contextWindow}`);
  }

  private async *play(run: Run): AsyncGenerator<Batch> {
    const { request, prompt, signal } = run;
    const { clock, prefillTokensPerSecond, contextWindow } = this.options;
    const cached = this.cache.lookup(prompt);
    await clock.sleep(((prompt.tokens - cached) / prefillTokensPerSecond) * 1_000, signal);
    if (signal.aborted) throw canceled();
    this.cache.store(prompt);
    const reply = planReply(request);
    const limit = Math.min(request.sampling.maxTokens ?? Infinity, contextWindow - prompt.tokens);
    const tokens = answerTokens(reply, request.sampling.stop);
    const said = tokens.slice(0, limit);
    const writer = new Writer(callIds(this.options.ids ?? fixedIds(request)));
    const broken = yield* this.decode(run, said, writer);
    writer.usage(prompt.tokens, cached);
    writer.finish(broken ?? (tokens.length > limit ? "length" : "stop"));
    yield writer.out.take();
  }

  /** Says the tokens batch by batch; gives the error that cut them short, if one did. */
  private async *decode(
    run: Run,
    tokens: readonly AnswerToken[],
    writer: Writer,
  ): AsyncGenerator<Batch, ParleyError | undefined> {
    const { tokensPerBatch } = this.options;
    const breaksAt =
      run.fault?.kind === "error-after" || run.fault?.kind === "stall" ? (run.fault.afterTokens ?? 0) : Infinity;
    const start = this.options.clock.now();
    for (let at = 0, batch = 1; at < tokens.length; batch += 1) {
      const next = Math.min(at + tokensPerBatch, tokens.length, Math.max(at, breaksAt));
      if (next === at) return this.breakDown(run);
      await this.pace(run, { start, next, batch });
      if (run.signal.aborted) return canceled();
      for (const token of tokens.slice(at, next)) writer.write(token);
      yield writer.out.take();
      at = next;
    }
    return breaksAt <= tokens.length ? this.breakDown(run) : undefined;
  }

  /** Waits until the tokens up to `next` are due. Due times count from the start, so that timers' lateness does not add up. */
  private async pace(run: Run, due: { start: number; next: number; batch: number }): Promise<void> {
    const { clock, decodeTokensPerSecond } = this.options;
    const extra = run.fault?.kind === "slow" ? (run.fault.delay ?? 1_000) * due.batch : 0;
    const at = due.start + (due.next / decodeTokensPerSecond) * 1_000 + extra;
    if (at > due.start) await clock.sleep(at - clock.now(), run.signal);
    else if (due.batch % batchesPerBreath === 0) await setImmediate();
  }

  private async breakDown(run: Run): Promise<ParleyError> {
    const { fault } = run;
    if (fault?.kind === "error-after") return faultError(fault);
    await this.options.clock.sleep(Infinity, run.signal);
    return canceled();
  }
}

/** Turns tokens into events and counts them. */
class Writer {
  // fixed at birth
  readonly out = new EventBuilder();
  private readonly callId: () => string;
  // changed by events
  private output = 0;
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
    else if (token.kind === "call") this.out.callStart(this.callId(), token.text);
    else this.out.callDelta(token.text);
  }

  usage(input: number, cached: number): void {
    this.out.close();
    this.out.usage({ input, cached, output: this.output, reasoning: this.reasoning });
  }

  finish(how: "stop" | "length" | ParleyError): void {
    if (how instanceof ParleyError) this.out.finish("error", how);
    else this.out.finish(how === "stop" && this.out.callCount > 0 ? "calls" : how);
  }
}

/** Unlike from answer to answer, and the same whenever the same request is asked again. */
function fixedIds(request: GenerationRequest): IdSource {
  const word = (length: number): string => request.id.slice(-length).padStart(length, "0");
  return { hex: word, word, now: () => request.createdAt * 1_000 };
}

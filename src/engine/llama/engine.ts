import { setImmediate } from "node:timers/promises";
import type { LlamaContextSequence, SequenceEvaluateOptions, Token } from "node-llama-cpp";
import { untilAborted } from "../../lib/abort.ts";
import { TimeSlices, type Steps } from "../../lib/time-slices.ts";
import { contextError, refuseOverlong } from "../../model/context-bound.ts";
import { canceled, invalid, ParleyError } from "../../model/error.ts";
import type { Batch } from "../../model/event.ts";
import type { IdSource } from "../../model/id.ts";
import { callIds } from "../../model/id.ts";
import type { GenerationRequest, Sampling } from "../../model/request.ts";
import type { Capabilities, Engine, Load } from "../engine.ts";
import { requireHeld } from "../held.ts";
import { markupParser } from "../markup/parser.ts";
import { firstMedia } from "../template/message.ts";
import type { RenderedPrompt } from "../template/render.ts";
import { renderPrompt } from "../template/render.ts";
import { type AnswerForm, constraintFor } from "./constraint.ts";
import { StopFilter } from "./stop-filter.ts";
import type { LoadedModel } from "./model.ts";
import { loadModel, promptTokens } from "./model.ts";
import { defaultSequences, embeddedCapabilities, type LlamaEngineOptions } from "./options.ts";
import { SlotPool, closing } from "./pool.ts";
import type { Slot } from "./pool.ts";
import { LlamaGeneration } from "./generation.ts";
import type { GenerationPlan } from "./generation.ts";
import { answerBias } from "./token-bias.ts";
import { TokenText } from "./token-text.ts";

export interface LlamaEngine extends Engine {
  /** Loads the model now rather than with the first request. */
  open(): Promise<void>;
}

/**
 * The embedded engine: llama.cpp in this process, which is one of its own (engine/process). Making it touches nothing; library and model are loaded with the
 * first request or by `open`.
 */
export function llamaEngine(options: LlamaEngineOptions): LlamaEngine {
  return new EmbeddedEngine(options);
}

interface Ready {
  loaded: LoadedModel;
  pool: SlotPool<LlamaContextSequence>;
}

class EmbeddedEngine implements LlamaEngine {
  readonly kind = "llama";
  // fixed at birth
  readonly temperature: number | undefined;
  private readonly options: LlamaEngineOptions;
  private readonly slices: TimeSlices;
  // changed by events
  /** The model's loading, once begun; gone again when it failed. */
  private loading: Promise<Ready> | undefined;
  /** Set once the model is loaded. */
  private ready: Ready | undefined;
  /** Set by `close`; settles when all is freed. */
  private closed: Promise<void> | undefined;
  /** What runs now, with the promise of its end. */
  private readonly generations = new Map<LlamaGeneration, Promise<void>>();

  constructor(options: LlamaEngineOptions) {
    this.options = options;
    this.temperature = options.temperature;
    this.slices = options.slices ?? new TimeSlices();
  }

  /** The window is known once the model is loaded, or where the options set it. */
  get capabilities(): Capabilities {
    return embeddedCapabilities(this.ready?.loaded.contextSize ?? this.options.contextSize);
  }

  async open(): Promise<void> {
    await this.whenReady();
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncIterable<Batch> {
    const { loaded, pool } = await untilAborted(this.whenReady(), signal, canceled);
    if (this.closed !== undefined) throw closing();
    const { text: prompt, think } = readPrompt(loaded, request);
    const tokens = fitting(loaded, await this.tokens(loaded, prompt, signal));
    const plan = await planGeneration(loaded, request, { ids: this.options.ids, tokens, think });
    if (signal.aborted) throw canceled();
    const slot = await pool.acquire(plan.tokens, signal);
    // either may have happened between the slot's release and this line
    if (this.closed !== undefined || signal.aborted) {
      pool.release(slot);
      throw this.closed === undefined ? canceled() : closing();
    }
    const generation = new LlamaGeneration(plan);
    const cancel = (): void => generation.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    this.start(generation, slot, pool);
    try {
      yield* generation.batches();
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  async count(request: GenerationRequest, signal: AbortSignal): Promise<{ tokens: number; exact: boolean }> {
    const { loaded } = await untilAborted(this.whenReady(), signal, canceled);
    const { text } = readPrompt(loaded, request);
    const { length } = await this.tokens(loaded, text, signal);
    return { tokens: length, exact: true };
  }

  load(): Load {
    const pool = this.ready?.pool;
    return {
      running: pool?.running ?? 0,
      waiting: pool?.waiting ?? 0,
      slots: pool?.size ?? this.options.sequences ?? defaultSequences,
    };
  }

  close(): Promise<void> {
    this.closed ??= this.shut();
    return this.closed;
  }

  private tokens(loaded: LoadedModel, prompt: string, signal: AbortSignal): Promise<Token[]> {
    return untilAborted(this.slices.run(promptTokens(loaded, prompt), signal), signal, canceled);
  }

  private async shut(): Promise<void> {
    const ready = await this.loading?.catch(() => undefined);
    if (ready === undefined) return;
    ready.pool.close();
    for (const generation of this.generations.keys()) generation.cancel(closing());
    await Promise.all(this.generations.values());
    await ready.loaded.dispose();
  }

  private start(generation: LlamaGeneration, slot: Slot<LlamaContextSequence>, pool: Ready["pool"]): void {
    const done = generation.produce(slot.sequence).then(() => {
      this.generations.delete(generation);
      slot.held = slot.sequence.contextTokens;
      pool.release(slot);
    });
    this.generations.set(generation, done);
  }

  private whenReady(): Promise<Ready> {
    if (this.closed !== undefined) return Promise.reject(closing());
    this.loading ??= this.readModel();
    return this.loading;
  }

  private async readModel(): Promise<Ready> {
    try {
      const loaded = await loadModel(this.options);
      this.ready = { loaded, pool: new SlotPool(loaded.sequences) };
      const { contextSize, sequences } = loaded;
      this.options.log?.info({ contextSize, sequences: sequences.length }, "embedded model loaded");
      return this.ready;
    } catch (thrown) {
      // the next request tries again
      this.loading = undefined;
      throw thrown;
    }
  }
}

function readPrompt(loaded: LoadedModel, request: GenerationRequest): RenderedPrompt {
  const media = firstMedia(request.items);
  if (media !== undefined) throw invalid(media.param, `this engine takes text only, not ${media.type}`);
  refuseOverlong(request, loaded.contextSize);
  const { family, template, bosToken, eosToken, vocabulary } = loaded;
  function* guard(text: string): Steps<string> {
    yield;
    return vocabulary.guard(text);
  }
  return renderPrompt(template, request, { family, bosToken, eosToken, guard });
}

/** The tokens, where they leave room for an answer; else throws `context`. */
function fitting({ contextSize }: LoadedModel, tokens: Token[]): Token[] {
  if (tokens.length < contextSize) return tokens;
  throw contextError({ tokens: tokens.length, windowTokens: contextSize });
}

/** A prompt ready to be read, and where ids and seeds come from. */
interface Prompted extends Pick<RenderedPrompt, "think"> {
  tokens: Token[];
  ids: IdSource;
}

async function planGeneration(
  loaded: LoadedModel,
  request: GenerationRequest,
  { ids, tokens, think }: Prompted,
): Promise<GenerationPlan> {
  const room = loaded.contextSize - tokens.length;
  const limit = Math.max(1, Math.min(request.sampling.maxTokens ?? room, room));
  const { model, family, chunk } = loaded;
  const { tokenBias, repeat } = answerBias(loaded, request);
  const filter = new StopFilter({
    stop: request.sampling.stop,
    maxCalls: maxCalls(request),
    inReasoning: think.startsInside,
  });
  return {
    tokens,
    limit,
    chunk,
    sampling: {
      ...samplingFor(request.sampling, ids),
      ...(tokenBias === undefined ? {} : { tokenBias }),
      ...(await constrain(loaded, request, { think, limit })),
    },
    text: new TokenText((some, before) => model.detokenize(some, true, before), tokens),
    parser: markupParser({ think, calls: family.calls, tools: request.tools, callId: callIds(ids) }),
    filter,
    repeat,
  };
}

/** An answer that must not call ends where a call would begin. */
function maxCalls({ toolChoice, parallelCalls }: GenerationRequest): number {
  if (toolChoice === "none") return 0;
  return parallelCalls ? Number.POSITIVE_INFINITY : 1;
}

/** The state of decoding held to a grammar; llama.cpp's refusal of a grammar means a schema beyond what it can hold. */
async function constrain(
  loaded: LoadedModel,
  request: GenerationRequest,
  form: Omit<AnswerForm, "calls">,
): Promise<Pick<SequenceEvaluateOptions, "grammarEvaluationState">> {
  requireHeld(request);
  const source = constraintFor(request, { ...form, calls: loaded.family.calls });
  if (source === undefined) return {};
  const { library, llama, model } = loaded;
  try {
    const grammar = await llama.createGrammar({ grammar: source });
    // the state reads the grammar once more: others get their turn between
    await setImmediate();
    return { grammarEvaluationState: new library.LlamaGrammarEvaluationState({ model, grammar }) };
  } catch (thrown) {
    throw new ParleyError("invalid", "this engine cannot hold an answer to the given schema", { cause: thrown });
  }
}

/** Where neither the caller nor the card sets anything: what the makers of M2 recommend (README of MiniMax-M2, 2026-03). */
const usual = { temperature: 1, topP: 0.95, topK: 40 };

function samplingFor(sampling: Sampling, ids: IdSource): SequenceEvaluateOptions {
  const topP = sampling.topP ?? usual.topP;
  // a nucleus of nothing is its most likely token, which is what greedy takes
  const temperature = topP <= 0 ? 0 : (sampling.temperature ?? usual.temperature);
  const seed = sampling.seed ?? Number.parseInt(ids.hex(8), 16);
  // llama.cpp takes 32 bits
  return { temperature, topP, topK: sampling.topK ?? usual.topK, seed: seed >>> 0 };
}

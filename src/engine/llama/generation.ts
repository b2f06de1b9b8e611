import type { LlamaContextSequence, SequenceEvaluateOptions, Token } from "node-llama-cpp";
import { canceled, ParleyError } from "../../model/error.ts";
import type { Batch, Usage } from "../../model/event.ts";
import type { MarkupParser } from "../markup/markup.ts";
import type { JsonRepeat } from "./json-repeat.ts";
import type { StopFilter } from "./stop-filter.ts";
import type { TokenText } from "./token-text.ts";

/** Everything one generation needs to know before it begins. */
export interface GenerationPlan {
  tokens: readonly Token[];
  /** Output tokens at most; at least 1, and prompt plus limit fit the window. */
  limit: number;
  /** Prompt tokens read in one go, at most. */
  chunk: number;
  sampling: SequenceEvaluateOptions;
  text: TokenText<Token>;
  parser: MarkupParser;
  filter: StopFilter;
  /** Reads what is written outside of reasoning and calls. */
  repeat?: JsonRepeat | undefined;
}

/**
 * One generation on one sequence. The producer runs at the model's pace and gathers events; the consumer takes
 * whatever gathered since it last came, so a slow reader gets larger batches and never slows the model.
 *
 * Output counts every generated token except the one that ends the turn; reasoning counts those of the reasoning with
 * its closing tag; input is the whole prompt, of which `cached` tokens were not read again.
 */
export class LlamaGeneration {
  // fixed at birth
  private readonly plan: GenerationPlan;
  // changed by events
  private readonly usage: Usage;
  /** Resolved by the producer when there are new events or the end; the consumer then makes a new one. */
  private changed = Promise.withResolvers<void>();
  /** A token was accepted: from now on a failure is an event of the stream, not thrown. */
  private began = false;
  /** No more events come. Set by the producer at its end, or by `cancel`. */
  private ended = false;
  /** What `cancel` was called with. */
  private failure: ParleyError | undefined;

  constructor(plan: GenerationPlan) {
    this.plan = plan;
    this.usage = { input: plan.tokens.length, cached: 0, output: 0, reasoning: 0 };
  }

  /** Generates on the sequence; never rejects. Settles when the sequence is at rest again. */
  async produce(sequence: LlamaContextSequence): Promise<void> {
    try {
      const rest = await this.readPrompt(sequence);
      if (rest !== undefined) await this.generate(sequence, rest);
    } catch (thrown) {
      this.cancel(new ParleyError("upstream", "the embedded engine failed", { cause: thrown }));
      await sequence.clearHistory().catch(() => undefined);
    }
  }

  /** Ends the stream with this error, now; the producer stops at its next step. */
  cancel(error: ParleyError = canceled()): void {
    if (this.ended) return;
    this.ended = true;
    this.failure = error;
    this.plan.filter.close();
    this.plan.filter.usage({ ...this.usage });
    this.plan.filter.finish("error", error);
    this.changed.resolve();
  }

  /** The events, batch by batch. Throws a failure that comes before the first one. */
  async *batches(): AsyncGenerator<Batch, void, void> {
    try {
      while (true) {
        await this.changed.promise;
        this.changed = Promise.withResolvers();
        if (this.failure !== undefined && !this.began) throw this.failure;
        const batch = this.plan.filter.take();
        if (batch.length > 0) yield batch;
        // the producer may have ended while the consumer was away
        if (this.ended) break;
      }
      const last = this.plan.filter.take();
      if (last.length > 0) yield last;
    } finally {
      this.cancel();
    }
  }

  /** Reads all of the prompt but its last part, which generation begins with; undefined when the generation was canceled. */
  private async readPrompt(sequence: LlamaContextSequence): Promise<Token[] | undefined> {
    const { tokens, chunk } = this.plan;
    if (this.ended) return undefined;
    // the last token is always read again: its result is what the first sample is drawn from
    await sequence.adaptStateToTokens(tokens.slice(0, -1), false);
    let at = sequence.nextTokenIndex;
    this.usage.cached = at;
    this.plan.filter.prompt({ input: this.usage.input, cached: at });
    for (; tokens.length - at > chunk; at += chunk) {
      if (this.ended) return undefined;
      await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(at, at + chunk));
    }
    return this.ended ? undefined : tokens.slice(at);
  }

  private async generate(sequence: LlamaContextSequence, rest: Token[]): Promise<void> {
    const { limit, filter, sampling } = this.plan;
    for await (const token of sequence.evaluate(rest, sampling)) {
      if (this.ended) return;
      this.accept(token);
      if (filter.stopped || this.usage.output >= limit) break;
    }
    if (!this.ended) this.finish();
  }

  private accept(token: Token): void {
    const { filter, parser, repeat, text } = this.plan;
    const before = filter.inReasoning;
    this.usage.output += 1;
    const piece = text.feed(token);
    parser.feed(piece, filter);
    if (!filter.inReasoning && filter.callCount === 0) repeat?.feed(piece);
    if (before || filter.inReasoning) this.usage.reasoning += 1;
    this.began = true;
    this.changed.resolve();
  }

  private finish(): void {
    const { filter, parser, limit } = this.plan;
    const truncated = !filter.stopped && this.usage.output >= limit;
    parser.end(filter, truncated);
    const reason = filter.callCount > 0 ? "calls" : "stop";
    filter.close();
    filter.usage({ ...this.usage });
    if (parser.fault !== undefined && !filter.stopped)
      filter.finish("error", new ParleyError("upstream", parser.fault));
    else filter.finish(truncated && !filter.stopped ? "length" : reason, undefined, filter.stopText);
    this.began = true;
    this.ended = true;
    this.changed.resolve();
  }
}

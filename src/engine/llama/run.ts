import type { LlamaContextSequence, SequenceEvaluateOptions, Token } from "node-llama-cpp";
import { canceled, ParleyError } from "../../model/error.ts";
import type { Batch, Usage } from "../../model/event.ts";
import type { MarkupParser } from "../markup/markup.ts";
import type { Gate } from "./gate.ts";
import type { TokenText } from "./token-text.ts";

/** Everything one generation needs to know before it begins. */
export interface RunPlan {
  tokens: readonly Token[];
  /** Most output tokens; at least 1, and prompt plus limit fit the window. */
  limit: number;
  /** Most prompt tokens read in one go. */
  chunk: number;
  sampling: SequenceEvaluateOptions;
  text: TokenText<Token>;
  parser: MarkupParser;
  gate: Gate;
}

/**
 * One generation on one sequence. The producer runs at the model's pace and gathers events; the consumer takes
 * whatever gathered since it last came, so a slow reader gets larger batches and never slows the model.
 *
 * Output counts every generated token except the one that ends the turn; reasoning counts those of thought with its
 * closing tag; input is the whole prompt, of which `cached` tokens were not read again.
 */
export class Run {
  // fixed at birth
  private readonly plan: RunPlan;
  // changed by events
  private readonly usage: Usage;
  private bell = Promise.withResolvers<void>();
  private began = false;
  private over = false;
  private failure: ParleyError | undefined;

  constructor(plan: RunPlan) {
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
    if (this.over) return;
    this.over = true;
    this.failure = error;
    this.plan.gate.close();
    this.plan.gate.usage({ ...this.usage });
    this.plan.gate.finish("error", error);
    this.bell.resolve();
  }

  /** The events, batch by batch. Throws a failure that comes before the first one. */
  async *batches(): AsyncGenerator<Batch, void, void> {
    try {
      while (true) {
        await this.bell.promise;
        this.bell = Promise.withResolvers();
        if (this.failure !== undefined && !this.began) throw this.failure;
        const batch = this.plan.gate.take();
        if (batch.length > 0) yield batch;
        // the producer may have ended while the consumer was away
        if (this.over) break;
      }
      const last = this.plan.gate.take();
      if (last.length > 0) yield last;
    } finally {
      this.cancel();
    }
  }

  /** Reads all of the prompt but its last part, which generation begins with; undefined when the run was ended. */
  private async readPrompt(sequence: LlamaContextSequence): Promise<Token[] | undefined> {
    const { tokens, chunk } = this.plan;
    if (this.over) return undefined;
    // the last token is always read again: its result is what the first sample is drawn from
    await sequence.adaptStateToTokens(tokens.slice(0, -1), false);
    let at = sequence.nextTokenIndex;
    this.usage.cached = at;
    for (; tokens.length - at > chunk; at += chunk) {
      if (this.over) return undefined;
      await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(at, at + chunk));
    }
    return this.over ? undefined : tokens.slice(at);
  }

  private async generate(sequence: LlamaContextSequence, rest: Token[]): Promise<void> {
    const { limit, gate, sampling } = this.plan;
    for await (const token of sequence.evaluate(rest, sampling)) {
      if (this.over) return;
      this.accept(token);
      if (gate.stopped || this.usage.output >= limit) break;
    }
    if (!this.over) this.finish();
  }

  private accept(token: Token): void {
    const { gate, parser, text } = this.plan;
    const thought = gate.thinking;
    this.usage.output += 1;
    parser.feed(text.feed(token), gate);
    if (thought || gate.thinking) this.usage.reasoning += 1;
    this.began = true;
    this.bell.resolve();
  }

  private finish(): void {
    const { gate, parser, limit } = this.plan;
    const cut = !gate.stopped && this.usage.output >= limit;
    parser.end(gate, cut);
    const ended = gate.callCount > 0 ? "calls" : "stop";
    gate.close();
    gate.usage({ ...this.usage });
    gate.finish(cut && !gate.stopped ? "length" : ended);
    this.began = true;
    this.over = true;
    this.bell.resolve();
  }
}

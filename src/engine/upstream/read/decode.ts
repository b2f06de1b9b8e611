import type { Steps } from "../../../lib/time-slices.ts";
import { ParleyError } from "../../../model/error.ts";
import { EventBuilder } from "../../../model/event-builder.ts";
import type { FinishReason, GenerationEvent } from "../../../model/event.ts";
import type { ToolDefinition } from "../../../model/request.ts";
import type { MarkSource } from "../../markup/marks.ts";
import type { Dialect } from "../dialect/dialect.ts";
import { bodyFailure } from "../wire/failure.ts";
import { blankContent } from "./blank-content.ts";
import { callLimit, ToolCalls } from "./calls.ts";
import { ChunkReader, firstChoices, readChoice, readMessage, type Chunk, type DeltaContext } from "./chunk.ts";
import { contentMarkup } from "./content-markup.ts";
import { finishReason, matchedStop, missingReason, settledReason, truncatedReason } from "./finish.ts";
import type { ModelMarkup } from "./markup.ts";
import { openedReasoning } from "./opened-reasoning.ts";
import { pipe, writeTo, type Piece, type StageContext } from "./piece.ts";
import { reasoningEcho } from "./reasoning-echo.ts";
import { reasoningMarkup } from "./reasoning-markup.ts";
import type { Repairs } from "./repair.ts";
import { RepeatedChunk, type TextPiece } from "./repeated-chunk.ts";
import { finalUsage, readUsage, weighInto, type ReportedUsage } from "./usage.ts";

export interface DecodeOptions {
  dialect: Pick<Dialect, "reasoningFields">;
  repairs: Repairs;
  markup: ModelMarkup;
  /** The prompt opened the reasoning tag, and the server may have no parser that takes reasoning out of content. */
  mayStartInside?: boolean | undefined;
  /** What parsers look for, of the engine. */
  marks?: MarkSource | undefined;
  tools: readonly ToolDefinition[];
  /** Makes the id of the next call. */
  callId: () => string;
  /** The stop texts that were asked for. */
  stop?: readonly string[] | undefined;
  /** The output limit that was asked for, in tokens. */
  maxTokens?: number | undefined;
  /** Most calls of the answer; default no bound. */
  maxCalls?: number | undefined;
  /** Input tokens to report when the upstream does not count; called at most once. */
  estimateInput: () => number;
}

/**
 * One answer of a chat upstream: data of server-sent events in, events of ours out. Synchronous; no network.
 * Errors that come before the first word are thrown, later ones become the finish.
 *
 * A chunk becomes pieces, which go through a pipe of stages, one a repair rule:
 * tool calls, opened reasoning, blank content, markup in content, echoed reasoning, markup in reasoning, weight, call limit, events.
 */
export class ChatDecoder {
  // fixed at birth
  private readonly options: DecodeOptions;
  private readonly out = new EventBuilder();
  private readonly chunks: ChunkReader;
  private readonly calls: ToolCalls;
  private readonly deltas: DeltaContext;
  private readonly repeated = new RepeatedChunk((chunk) => this.onlyPiece(chunk));
  private readonly weight = { reasoning: 0, rest: 0 };
  // changed by events
  /** How the answer ends, once the upstream has reported it or a rule has supplied it. */
  private reason: FinishReason | undefined;
  /** The stop text that ended the answer, where the upstream has reported it. */
  private stopText: string | undefined;
  /** The latest usage that a chunk reported. */
  private usage: ReportedUsage | undefined;
  /** Events that wait for the first word; filled and emptied by `take`. */
  private begin: GenerationEvent[] = [];
  /** `take` has returned events: errors can be thrown no more. */
  private released = false;
  /** The finish event was made. */
  private over = false;
  /** Some content, reasoning or call has come. */
  private hasOutput = false;
  /** Sides that the upstream has flagged as sensitive. */
  private flagged = { input: false, output: false };
  /** The service tier that the upstream reported last. */
  private tier = "";

  constructor(options: DecodeOptions) {
    this.options = options;
    const { repairs, maxCalls = Infinity } = options;
    const context: StageContext = { ...options, maxCalls, answer: this.out };
    this.chunks = new ChunkReader(repairs);
    const stages = [
      openedReasoning,
      blankContent,
      contentMarkup,
      reasoningEcho,
      reasoningMarkup,
      weighInto(this.weight),
      callLimit,
    ];
    this.calls = new ToolCalls(pipe(stages, writeTo(this.out), context), context);
    this.deltas = {
      reasoningFields: options.dialect.reasoningFields,
      repairs,
      hasOutput: () => this.hasOutput,
      emit: (piece) => {
        this.hasOutput = true;
        this.calls.accept(piece);
      },
    };
  }

  /** The finish event has been made. */
  get finished(): boolean {
    return this.over;
  }

  /** The upstream has reported how the answer ends, though perhaps not yet its usage. */
  get ending(): boolean {
    return this.reason !== undefined;
  }

  /** The data of one event. */
  data(data: string): void {
    this.guard(() => {
      const repeated = this.repeated.read(data);
      if (repeated !== undefined) return this.deltas.emit(repeated);
      const chunk = this.chunks.read(data);
      if (chunk === "done") return this.complete(this.usage !== undefined);
      if (chunk === undefined) return;
      this.chunk(chunk);
      this.repeated.learn(data, chunk);
    });
  }

  /** Text before what the stream brings: the beginning of a call that the prompt already holds. */
  opening(text: string): void {
    if (text !== "") this.calls.accept({ type: "content", text });
  }

  /** The whole body of an answer that is no stream, in steps; `take` may be called after each. */
  *body(body: Chunk): Steps<void> {
    try {
      this.head(body);
      for (const choice of firstChoices(body)) {
        yield* readMessage(choice, this.deltas);
        this.settle(choice);
      }
      if (!this.hasOutput && this.reason === undefined) {
        throw new ParleyError("upstream", "the upstream sent no answer");
      }
      this.complete(true);
    } catch (thrown) {
      this.failed(thrown);
    }
  }

  /** The connection ended. */
  end(): void {
    this.guard(() => {
      if (this.reason === undefined) throw new ParleyError("upstream", "the upstream's answer broke off");
      this.conclude();
    });
  }

  /** The rule `finish-late`: the connection stays silent after the finish reason. */
  endLate(): void {
    this.options.repairs.fired("finish-late");
    this.end();
  }

  /** Ends the answer with an error; throws it when nothing was taken yet. */
  fail(error: ParleyError): void {
    if (this.over) return;
    this.over = true;
    if (!this.released) throw error;
    this.out.finish("error", error);
  }

  /** The events since the last call; none until the answer has a first word, so that a failure before it can be retried. */
  take(): GenerationEvent[] {
    const events = this.out.take();
    if (this.released) return events;
    this.begin.push(...events);
    if (this.begin.length < 2) return [];
    this.released = true;
    return this.begin;
  }

  private guard(step: () => void): void {
    if (this.over) return;
    try {
      step();
    } catch (thrown) {
      this.failed(thrown);
    }
  }

  private failed(thrown: unknown): void {
    if (!(thrown instanceof ParleyError)) throw thrown;
    this.fail(thrown);
  }

  private chunk(chunk: Chunk): void {
    const usage = this.head(chunk);
    for (const choice of firstChoices(chunk)) {
      readChoice(choice, this.deltas);
      this.settle(choice);
    }
    // usage that some servers report on the way is not the last one
    if (this.reason !== undefined && usage !== undefined) this.conclude();
  }

  /** What a chunk or a body holds beside its choices; its usage. Throws the error that it reports. */
  private head(chunk: Chunk): ReportedUsage | undefined {
    const failure = bodyFailure(chunk);
    if (failure !== undefined) throw failure;
    const usage = readUsage(chunk);
    this.usage = usage ?? this.usage;
    this.notices(chunk);
    return usage;
  }

  /** As `RepeatedChunk` asks for it, of a chunk that carries no error. */
  private onlyPiece(chunk: Chunk): TextPiece | undefined {
    const [choice, ...others] = firstChoices(chunk);
    if (choice === undefined || others.length > 0 || this.hasNotice(chunk) || readUsage(chunk) !== undefined) return;
    if (finishReason(choice["finish_reason"]) ?? matchedStop(choice, this.options.stop ?? [])) return;
    const pieces: Piece[] = [];
    const emit = (piece: Piece): void => void pieces.push(piece);
    readChoice(choice, { ...this.deltas, repairs: this.options.repairs.silent(), hasOutput: () => true, emit });
    const [piece] = pieces;
    return pieces.length === 1 && (piece?.type === "content" || piece?.type === "reasoning-field") ? piece : undefined;
  }

  /** How a choice says that it ends. */
  private settle(choice: Chunk): void {
    this.reason = finishReason(choice["finish_reason"]) ?? this.reason;
    this.stopText = matchedStop(choice, this.options.stop ?? []) ?? this.stopText;
  }

  private hasNotice(chunk: Chunk): boolean {
    return chunk["input_sensitive"] === true || chunk["output_sensitive"] === true || isTier(chunk["service_tier"]);
  }

  /** Flags and the service tier, each emitted when it is new. */
  private notices(chunk: Chunk): void {
    for (const side of ["input", "output"] as const) {
      if (chunk[`${side}_sensitive`] !== true || this.flagged[side]) continue;
      this.flagged[side] = true;
      const category = chunk[`${side}_sensitive_type`];
      this.out.flag(side, typeof category === "number" && category >= 1 && category <= 7 ? category : 7);
    }
    const tier = chunk["service_tier"];
    if (!isTier(tier) || tier === this.tier) return;
    this.tier = tier;
    this.out.tier(tier);
  }

  /** The upstream reported that all was sent. `proven`: not only by a `[DONE]`, which servers send after failures too. */
  private complete(proven: boolean): void {
    this.reason ??= missingReason(this.options.repairs, this.hasOutput && proven);
    this.conclude();
  }

  private conclude(): void {
    const { repairs, maxTokens = Infinity } = this.options;
    const limitReached = this.usage !== undefined && this.usage.output >= maxTokens;
    // a call that is open and none of the upstream's own is one in markup, whose closing tag has not come
    const callIncomplete = this.calls.incomplete || (this.out.insideCall && !this.calls.open);
    this.reason = truncatedReason(this.reason, { repairs, limitReached, callIncomplete });
    this.calls.accept({ type: "end", truncated: this.reason === "length" });
    if (this.reason === "error") throw new ParleyError("upstream", "the upstream gave the answer up");
    const usage = finalUsage(this.usage, this.weight, this.options);
    if (usage !== undefined) this.out.usage(usage);
    const reason = settledReason(this.reason ?? "stop", repairs, this.out.callCount);
    this.out.finish(reason, undefined, reason === "stop" ? this.stopText : undefined);
    this.over = true;
  }
}

function isTier(value: unknown): value is "standard" | "priority" {
  return value === "standard" || value === "priority";
}

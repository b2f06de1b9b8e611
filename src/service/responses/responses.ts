import { setImmediate } from "node:timers/promises";
import type { ByteLease } from "../../lib/byte-budget.ts";
import type { TimeSlices } from "../../lib/time-slices.ts";
import { canceled, invalid, ParleyError, toParleyError } from "../../model/error.ts";
import type { Batch } from "../../model/event.ts";
import type { Item } from "../../model/item.ts";
import type { JsonObject } from "../../model/json.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { ResponseEvent } from "../../model/response.ts";
import { Transcript } from "../../model/transcript.ts";
import type { Caller } from "../../policy/authenticate.ts";
import type { EndedResponse } from "../../store/store.ts";
import type { Log } from "../../telemetry/log.ts";
import type { GenerateService, Unseen } from "../generate.ts";
import type { ResponseAnswer, StoredResponses } from "./answer.ts";
import { checkEnded, type BegunResponse, type ResponseArchive } from "./archive.ts";
import type { OutputItem, ParsedResponse, ResponseCodec, ResponseEncoder } from "./codec.ts";
import { KeptAnswer } from "./kept.ts";
import type { PageText } from "./input-page.ts";
import type { ConversationMemory } from "./memory.ts";
import { ownItems, recall, turnOf, type RecallSources } from "./recall.ts";
import type { RecentAnswers } from "./recent.ts";
import { rememberAnswer } from "./remember.ts";
import { parseBody } from "./stored.ts";
import { admitAnswer, type AdmittedAnswer, type AnswerSource } from "./source.ts";
import { TransientAnswer } from "./transient.ts";
import { UnendedResponses } from "./unended.ts";

export interface ResponsesOptions<Parsed extends ParsedResponse> {
  generate: Pick<GenerateService, "admit" | "count" | "checkCaller" | "checkLimits" | "contextWindow">;
  archive: ResponseArchive;
  recent: RecentAnswers;
  codec: ResponseCodec<Parsed>;
  slices: TimeSlices;
  log: Log;
}

/** One request for a response. */
export interface ResponseRequest<Parsed extends ParsedResponse> {
  parsed: Parsed;
  caller: Caller;
  /** The caller's body, for the listing of its input items. */
  body: unknown;
  /** The bytes of the body; held until the response is over. */
  lease?: ByteLease | undefined;
  /** What the caller's connection remembers. */
  memory?: ConversationMemory | undefined;
}

/** A request with its whole conversation. */
interface Job<Parsed extends ParsedResponse> extends ResponseRequest<Parsed> {
  /** All items so far, without instructions. */
  conversation: readonly Item[];
  /** What an engine is asked; for a compaction, for the summary. */
  request: GenerationRequest;
}

/**
 * The use case behind `/v1/responses`: every kind of answer (plain, stored, background, warm-up, compaction) is made on
 * one path and read in one way. The outcome of a stored response is durable before its last events are published.
 */
export class ResponsesService<Parsed extends ParsedResponse> implements StoredResponses {
  // fixed at birth
  private readonly options: ResponsesOptions<Parsed>;
  private readonly unended: UnendedResponses;
  // changed by events
  /** Stored responses that are being made, by id. */
  private readonly running = new Map<string, KeptAnswer>();

  constructor(options: ResponsesOptions<Parsed>) {
    this.options = options;
    this.unended = new UnendedResponses(options);
  }

  /**
   * Resolves when an engine has begun, for a background response when it is stored as queued. Throws a `ParleyError`
   * where the request is refused; nothing is stored then.
   */
  async create(asked: ResponseRequest<Parsed>, signal: AbortSignal): Promise<ResponseAnswer> {
    const { background, store } = asked.parsed.answerOptions;
    if (background || store) await this.options.archive.checkRoom(asked.caller);
    const { parsed, conversation } = await recall(asked.parsed, asked.caller, this.sources(asked));
    const job = { ...asked, parsed, conversation, request: this.options.codec.engineRequest(parsed) };
    if (parsed.answerOptions.background) return this.startBackground(job);
    return parsed.answerOptions.store ? this.startKept(job, signal) : this.startTransient(job, signal);
  }

  /** Refuses a caller that no request would be taken from. Takes nothing; for the moment before a body is read. */
  checkCaller(caller: Caller): Promise<void> {
    return this.options.generate.checkCaller(caller);
  }

  /** Input tokens of what an engine would be asked. */
  async count({ parsed, caller, lease }: ResponseRequest<Parsed>, signal: AbortSignal): Promise<number> {
    const { parsed: whole } = await recall(parsed, caller, this.sources({ lease }));
    return this.options.generate.count(this.options.codec.engineRequest(whole), caller, signal);
  }

  /** The events of a response that failed before an engine began, for a stream that is already open. */
  failure(parsed: Parsed, thrown: unknown): ResponseEvent[] {
    const transcript = new Transcript();
    const batch: Batch = [{ type: "begin" }, { type: "finish", reason: "error", error: toParleyError(thrown) }];
    transcript.apply(batch);
    return this.options.codec.encoder(parsed).accept(batch, transcript);
  }

  async get(id: string, caller: Caller, reading: "body" | "events", lease?: ByteLease): Promise<ResponseAnswer> {
    return this.find(id, caller) ?? this.options.archive.answer(id, caller, reading, lease);
  }

  inputPage(...asked: Parameters<ResponseArchive["inputPage"]>): Promise<PageText> {
    return this.options.archive.inputPage(...asked);
  }

  async cancel(id: string, caller: Caller, lease?: ByteLease): Promise<JsonObject> {
    const running = this.find(id, caller);
    if (running?.background === true) {
      running.abort();
      await running.finished;
    }
    const record = await this.options.archive.get(id, caller, ["body"]);
    lease?.grow(record.body.memoryBytes);
    const body = await parseBody(record, this.options.slices);
    if (body["background"] !== true) {
      throw invalid("background", "only a response made with background: true can be cancelled");
    }
    if (running === undefined) checkEnded(record);
    return body;
  }

  async delete(id: string, caller: Caller): Promise<void> {
    const running = this.find(id, caller);
    running?.abort();
    await running?.finished;
    await this.options.archive.remove(id, caller);
  }

  /** Stores the outcomes that could not be stored, and ends the stored responses of processes that are gone. */
  endOrphans(): Promise<void> {
    return this.unended.end();
  }

  /** Resolves when the stored responses that run now are over. */
  async finished(): Promise<void> {
    await Promise.all([...this.running.values()].map((answer) => answer.finished));
  }

  /** Aborts everything that runs and waits until it is stored. */
  async close(): Promise<void> {
    const all = [...this.running.values()];
    for (const answer of all) answer.abort();
    await Promise.all(all.map((answer) => answer.finished));
    await this.unended.close();
  }

  private sources({ memory, lease }: Pick<ResponseRequest<Parsed>, "memory" | "lease">): RecallSources<Parsed> {
    return { ...this.options, memory, lease, windowOf: (model) => this.options.generate.contextWindow(model) };
  }

  private find(id: string, caller: Caller): KeptAnswer | undefined {
    const running = this.running.get(id);
    return running?.owner === caller.keyId ? running : undefined;
  }

  private async startTransient(job: Job<Parsed>, signal: AbortSignal): Promise<ResponseAnswer> {
    const { parsed } = job;
    const encoder = this.options.codec.encoder(parsed);
    const delivery = parsed.answerOptions.stream ? "pieces" : "whole";
    const source = await this.source({ ...job, request: { ...job.request, delivery } }, signal);
    const ended = (transcript: Transcript): Promise<void> => this.remember(job, encoder.items(transcript), transcript);
    return new TransientAnswer({ id: parsed.request.id, source, encoder, signal, ended });
  }

  /** A stored response whose caller waits: where no engine begins, nothing is stored. */
  private async startKept(job: Job<Parsed>, signal: AbortSignal): Promise<ResponseAnswer> {
    const answer = this.keptAnswer(job);
    const abort = (): void => answer.abort();
    const leave = (): void => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      const source = await this.source(job, answer.signal, () => answer.unseen);
      answer.begin(source);
      const record = await this.storeBegun(job, answer, source);
      answer.finished = this.pump(job, { answer, source, record }).finally(leave);
      return answer;
    } catch (error) {
      leave();
      answer.end();
      throw error;
    }
  }

  /**
   * A response whose caller does not wait. It is let in first, as every other; then it is stored as queued, and a failure
   * becomes its outcome.
   */
  private async startBackground(job: Job<Parsed>): Promise<ResponseAnswer> {
    const admitted = await admitAnswer(job, this.options.generate);
    const answer = this.keptAnswer(job);
    try {
      answer.publish(answer.encoder.queued());
      const record = await this.store(job, answer);
      // the caller is answered first: the answer shows it as queued
      answer.finished = setImmediate().then(() => this.work(job, { answer, record, admitted }));
    } catch (error) {
      admitted.cancel();
      answer.end();
      throw error;
    }
    return answer;
  }

  private keptAnswer({ parsed, caller, lease }: Job<Parsed>): KeptAnswer {
    const { background } = parsed.answerOptions;
    const encoder = (): ResponseEncoder => this.options.codec.encoder(parsed);
    return new KeptAnswer({ id: parsed.request.id, owner: caller.keyId, background, encoder, lease });
  }

  /** Where the answer comes from, when it has begun. */
  private async source(job: Job<Parsed>, signal: AbortSignal, unseen?: Unseen): Promise<AnswerSource> {
    const admitted = await admitAnswer(job, this.options.generate);
    return admitted.start(signal, unseen);
  }

  private async store({ parsed, caller, body }: Job<Parsed>, answer: KeptAnswer): Promise<BegunResponse> {
    const { answerOptions } = parsed;
    const { archive, codec } = this.options;
    const record = await archive.begin(
      {
        id: answer.id,
        previousId: answerOptions.previousResponseId ?? null,
        body: answer.encoder.body(new Transcript(), answer.background ? "queued" : "in_progress"),
        input: codec.inputItems(body, answer.id),
        turnInput: ownItems(parsed),
      },
      caller,
    );
    this.running.set(answer.id, answer);
    return record;
  }

  /** An answer that cannot be stored is ended, so that its engine and its limits are free again. */
  private async storeBegun(job: Job<Parsed>, answer: KeptAnswer, source: AnswerSource): Promise<BegunResponse> {
    try {
      return await this.store(job, answer);
    } catch (error) {
      answer.abort();
      for await (const _batch of source.batches) break;
      throw error;
    }
  }

  private async work(job: Job<Parsed>, { answer, record, admitted }: Waiting): Promise<void> {
    let source: AnswerSource;
    try {
      source = await admitted.start(answer.signal, () => answer.unseen);
    } catch (thrown) {
      const error = answer.signal.aborted ? canceled() : toParleyError(thrown);
      return this.fail(job, { answer, record }, [{ type: "begin" }, { type: "finish", reason: "error", error }]);
    }
    answer.begin(source);
    return this.pump(job, { answer, source, record });
  }

  /** Reads the engine to its end and publishes what comes. Never rejects. */
  private async pump(job: Job<Parsed>, { answer, source, record }: Pumped & { source: AnswerSource }): Promise<void> {
    try {
      for await (const batch of source.batches) {
        if (answer.transcript.finish !== undefined) await this.conclude(job, { answer, record }, batch);
        else answer.publish(answer.accept(batch));
      }
    } catch (thrown) {
      // a mistake of the server: it ends this response, not the process
      this.options.log.error({ id: answer.id, err: thrown }, "a response broke off");
      await this.fail(job, { answer, record }, failedBatch(thrown));
    }
    if (answer.state === "over") return;
    await this.fail(job, { answer, record }, failedBatch(new ParleyError("upstream", "the engine's answer broke off")));
  }

  /** Ends an answer that is not over yet. Never rejects. */
  private async fail(job: Job<Parsed>, pumped: Pumped, batch: Batch): Promise<void> {
    const { answer } = pumped;
    if (answer.state === "over") return;
    answer.transcript.apply(batch);
    await this.conclude(job, pumped, batch);
  }

  /** Stores the outcome, then publishes the last events. A failure is logged and ends the readers. Never rejects. */
  private async conclude(job: Job<Parsed>, { answer, record }: Pumped, lastBatch: Batch): Promise<void> {
    const { archive, log } = this.options;
    let outcome: EndedResponse | undefined;
    try {
      const lastEvents = answer.accept(lastBatch);
      const output = answer.encoder.items(answer.transcript);
      outcome = await archive.written(record, {
        body: answer.encoder.body(answer.transcript),
        turn: turnOf(job.parsed, output),
        events: [...answer.published, ...lastEvents],
      });
      await archive.end(outcome);
      const items = output.map(({ item }) => item);
      this.rememberInConnection(job, items, answer.transcript);
      answer.publish(lastEvents);
    } catch (error) {
      log.error({ id: answer.id, err: error }, "a response could not be stored");
      this.unended.keep(answer.id, outcome);
      answer.storeError = toParleyError(error);
    } finally {
      this.running.delete(answer.id);
      answer.end();
    }
  }

  /** What later requests may refer to of an answer that is not stored. */
  private async remember(job: Job<Parsed>, output: readonly OutputItem[], transcript: Transcript): Promise<void> {
    const { parsed, caller, memory } = job;
    const items = output.map(({ item }) => item);
    this.rememberInConnection(job, items, transcript);
    // a connection's own memory takes the place of what is remembered for the key
    if (memory !== undefined || !parsed.answerOptions.storeOmitted) return;
    const failed = transcript.finish?.reason === "error";
    await rememberAnswer({ parsed, caller, output, failed }, this.options);
  }

  /** A failed turn is not remembered, and neither is the one it continued. */
  private rememberInConnection(job: Job<Parsed>, items: readonly Item[], transcript: Transcript): void {
    const { parsed, memory, conversation } = job;
    const { kind, previousResponseId } = parsed.answerOptions;
    if (transcript.finish?.reason !== "error") {
      const summarized = kind === "compaction" && items.length > 0;
      memory?.keep(parsed.request.id, summarized ? items : [...conversation, ...items]);
    } else if (previousResponseId !== undefined) memory?.forget(previousResponseId);
  }
}

interface Pumped {
  answer: KeptAnswer;
  record: BegunResponse;
}

type Waiting = Pumped & { admitted: AdmittedAnswer };

function failedBatch(thrown: unknown): Batch {
  return [{ type: "finish", reason: "error", error: toParleyError(thrown) }];
}

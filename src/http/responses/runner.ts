import { ParleyError, toParleyError } from "../../model/error.ts";
import type { Batch } from "../../model/event.ts";
import type { Item } from "../../model/item.ts";
import type { Caller } from "../../policy/authenticate.ts";
import type { GenerateService, Generation } from "../../service/generate.ts";
import type { ResponseService } from "../../service/response.ts";
import { answerItems, inputItems } from "../../surface/responses/index.ts";
import type { ResponsesOptions, ResponsesAnswerOptions } from "../../surface/responses/index.ts";
import type { ParsedRequest } from "../../surface/surface.ts";
import type { Log } from "../../telemetry/log.ts";
import { LiveResponse } from "./live.ts";

export interface RunnerOptions {
  generate: GenerateService;
  responses: ResponseService;
  surface: ResponsesOptions;
  log: Log;
}

/** One response to be made. */
export interface Job {
  parsed: ParsedRequest<ResponsesAnswerOptions>;
  caller: Caller;
  /** The caller's body, for the listing of input items. */
  wire: unknown;
}

type Kept = Awaited<ReturnType<ResponseService["begin"]>>;

/**
 * Makes responses that are kept. The outcome is durable before anyone is told of it: the last events are published
 * after the record is saved.
 */
export class ResponseRunner {
  // fixed at birth
  private readonly options: RunnerOptions;
  // changed by events
  private readonly running = new Map<string, LiveResponse>();

  constructor(options: RunnerOptions) {
    this.options = options;
  }

  /** A response somebody waits for; an engine's refusal is thrown and nothing is kept. */
  async start(job: Job, signal: AbortSignal): Promise<LiveResponse> {
    const live = this.make(job);
    const abort = (): void => live.abort();
    const leave = (): void => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      const generation = await this.options.generate.start(job.parsed.request, job.caller, live.signal);
      live.facts = generation;
      const record = await this.keepBegun(job, live, generation);
      live.finished = this.pump(live, generation, record).finally(leave);
      return live;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** A response nobody waits for: it is visible as queued at once, and fails in its own record. */
  async startBackground(job: Job): Promise<LiveResponse> {
    const live = this.make(job);
    live.queue();
    const record = await this.keep(job, live);
    live.finished = this.work(job, live, record);
    return live;
  }

  /** A running response of this caller. */
  find(id: string, caller: Caller): LiveResponse | undefined {
    const live = this.running.get(id);
    return live?.owner === caller.keyId ? live : undefined;
  }

  /** Ends everything that runs and waits until it is kept. */
  async close(): Promise<void> {
    const all = [...this.running.values()];
    for (const live of all) live.abort();
    await Promise.all(all.map((live) => live.finished));
  }

  private make({ parsed, caller }: Job): LiveResponse {
    return new LiveResponse(parsed, caller.keyId, this.options.surface);
  }

  /** An answer that cannot be kept is ended, so that its engine and its limits are free again. */
  private async keepBegun(job: Job, live: LiveResponse, generation: Generation): Promise<Kept> {
    try {
      return await this.keep(job, live);
    } catch (error) {
      live.abort();
      for await (const _batch of generation.batches) break;
      throw error;
    }
  }

  private async keep(job: Job, live: LiveResponse): Promise<Kept> {
    const { answerOptions } = job.parsed;
    const record = await this.options.responses.begin(
      {
        id: live.id,
        previousId: answerOptions.previousResponseId ?? null,
        body: JSON.stringify(live.body(answerOptions.background ? "queued" : "in_progress")),
        input: JSON.stringify(inputItems(job.wire, live.id)),
        items: inputOf(answerOptions),
      },
      job.caller,
    );
    this.running.set(live.id, live);
    return record;
  }

  private async work(job: Job, live: LiveResponse, record: Kept): Promise<void> {
    let generation: Generation;
    try {
      generation = await this.options.generate.start(job.parsed.request, job.caller, live.signal);
    } catch (thrown) {
      const error = live.signal.aborted ? canceled() : toParleyError(thrown);
      await this.finish(live, [{ type: "begin" }, { type: "finish", reason: "error", error }], record);
      return;
    }
    await this.pump(live, generation, record);
  }

  private async pump(live: LiveResponse, generation: Generation, record: Kept): Promise<void> {
    live.transcript = generation.transcript;
    try {
      for await (const batch of generation.batches) {
        if (batch.at(-1)?.type === "finish") await this.conclude(live, batch, record);
        else live.publish(live.encode(batch));
      }
    } catch (thrown) {
      // a mistake of ours: it ends this response, not the process
      this.options.log.error({ id: live.id, err: thrown }, "a response broke off");
      await this.finish(live, [{ type: "finish", reason: "error", error: toParleyError(thrown) }], record);
    }
  }

  private async finish(live: LiveResponse, batch: Batch, record: Kept): Promise<void> {
    live.transcript.apply(batch);
    await this.conclude(live, batch, record);
  }

  /** Saves, then publishes the last events; a failure is told to the log and the followers are let go. Never rejects. */
  private async conclude(live: LiveResponse, batch: Batch, record: Kept): Promise<void> {
    try {
      const last = live.encode(batch);
      const items = [...inputOf(live.parsed.answerOptions), ...answerItems(live.transcript)];
      const events = JSON.stringify([...live.events, ...last]);
      await this.options.responses.end(record, { body: JSON.stringify(live.body()), items, events });
      live.publish(last);
    } catch (error) {
      this.options.log.error({ id: live.id, err: error }, "a response could not be kept");
      live.lost = toParleyError(error);
    } finally {
      this.running.delete(live.id);
      live.end();
    }
  }
}

function inputOf(answerOptions: ResponsesAnswerOptions): Item[] {
  return answerOptions.input.filter((item) => item.type !== "reference");
}

function canceled(): ParleyError {
  return new ParleyError("canceled", "the response was canceled");
}

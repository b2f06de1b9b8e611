import type { IncomingHttpHeaders } from "node:http";
import { invalid, ParleyError, toParleyError } from "../../model/error.ts";
import { unixSeconds, vendorId } from "../../model/id.ts";
import type { Item } from "../../model/item.ts";
import { isObject, parseJson } from "../../model/json.ts";
import { Transcript } from "../../model/transcript.ts";
import type { Caller } from "../../policy/authenticate.ts";
import {
  answerItems,
  bodySource,
  eventJson,
  ResponseEvents,
  responsesSurface,
  socketError,
} from "../../surface/responses/index.ts";
import type { ResponsesAnswerOptions } from "../../surface/responses/index.ts";
import type { ParsedRequest } from "../../surface/surface.ts";
import type { ResponsesRouteOptions } from "./create-route.ts";
import { recall } from "./recall.ts";

export interface SessionOptions {
  /** Who sends, as of now; throws when the key is not good any more. */
  authenticate(): Promise<Caller>;
  options: ResponsesRouteOptions;
  headers: IncomingHttpHeaders;
  /** Resolves when more may be sent. */
  send(text: string): Promise<void>;
}

/** Messages that may wait while one is answered. */
const longestQueue = 32;
/** Turns a connection remembers; the oldest is forgotten first. */
const mostTurns = 64;

type Parsed = ParsedRequest<ResponsesAnswerOptions>;

/**
 * One WebSocket connection: `response.create` messages, answered one after another. It remembers its own turns, so that
 * `previous_response_id` works for them even when they are not stored.
 */
export class SocketSession {
  // fixed at birth
  private readonly of: SessionOptions;
  private readonly surface: ReturnType<typeof responsesSurface>;
  /** Fires when the connection is gone or has to go. */
  readonly aborter = new AbortController();
  // changed by events
  private readonly turns = new Map<string, readonly Item[]>();
  private queue: Promise<void> = Promise.resolve();
  private waiting = 0;
  /** Characters of the messages that wait or are being answered. */
  private held = 0;

  constructor(options: SessionOptions) {
    this.of = options;
    this.surface = responsesSurface(options.options.surface);
  }

  receive(text: string): void {
    const tooLong = this.waiting > 0 && this.held + text.length > this.of.options.bodyLimit;
    if (tooLong || this.waiting >= longestQueue)
      return this.refuse(new ParleyError("connection-limit", "too many waiting messages"));
    this.waiting += 1;
    this.held += text.length;
    this.queue = this.queue.then(async () => {
      try {
        if (!this.aborter.signal.aborted) await this.create(text);
      } catch (thrown) {
        this.refuse(toParleyError(thrown));
      } finally {
        this.waiting -= 1;
        this.held -= text.length;
      }
    });
  }

  refuse(error: ParleyError): void {
    if (error.kind === "internal") this.of.options.log.error({ err: error.cause ?? error }, "internal error");
    if (!this.aborter.signal.aborted) void this.of.send(JSON.stringify(socketError(error)));
  }

  close(): void {
    this.aborter.abort();
  }

  /** Takes no more messages; resolves when those under way are answered. */
  async finish(): Promise<void> {
    this.waiting = Infinity;
    await this.queue;
  }

  private async create(text: string): Promise<void> {
    const message = parseJson(text);
    if (!isObject(message)) throw invalid("", "a message must be a JSON object");
    const { type, ...body } = message;
    if (type !== "response.create") throw invalid("type", `must be "response.create"`);
    const caller = await this.of.authenticate();
    const alone = this.surface.parse({ ...body, stream: true, background: false }, this.context());
    const previous = alone.answerOptions.previousResponseId;
    try {
      const parsed = await recall(alone, caller, {
        responses: this.of.options.responses,
        recent: this.of.options.recent,
        memory: { history: (id) => this.turns.get(id) },
      });
      if (parsed.answerOptions.generate) await this.answer(parsed, caller);
      else await this.warmUp(parsed);
    } catch (thrown) {
      if (previous !== undefined) this.turns.delete(previous);
      throw thrown;
    }
  }

  private async answer(parsed: Parsed, caller: Caller): Promise<void> {
    const { options } = this.of;
    const history = conversation(parsed);
    if (parsed.answerOptions.store) {
      const live = await options.runner.start({ parsed, caller, wire: {} }, this.aborter.signal);
      for await (const events of live.follow(-1, this.aborter.signal))
        for (const event of events) await this.of.send(eventJson(event));
      if (live.lost !== undefined) throw live.lost;
      return this.remember(parsed, history, live.transcript);
    }
    const generation = await options.generate.start(parsed.request, caller, this.aborter.signal);
    const encoder = new ResponseEvents(bodySource(parsed, options.surface));
    for await (const batch of generation.batches) {
      if (this.aborter.signal.aborted) return;
      if (generation.transcript.finish !== undefined) this.remember(parsed, history, generation.transcript);
      for (const event of encoder.accept(batch, generation.transcript)) await this.of.send(eventJson(event));
    }
  }

  /** A turn without an answer: its input is remembered, so that the next message may build on it. */
  private async warmUp(parsed: Parsed): Promise<void> {
    const transcript = new Transcript();
    const encoder = new ResponseEvents(bodySource(parsed, this.of.options.surface));
    const batch = [{ type: "begin" }, { type: "finish", reason: "stop" }] as const;
    transcript.apply(batch);
    this.remember(parsed, conversation(parsed), transcript);
    for (const event of encoder.accept(batch, transcript)) await this.of.send(eventJson(event));
  }

  /** A failed turn is not remembered, and neither is what it continued. */
  private remember(parsed: Parsed, history: readonly Item[], transcript: Transcript): void {
    if (transcript.finish?.reason === "error") {
      const previous = parsed.answerOptions.previousResponseId;
      if (previous !== undefined) this.turns.delete(previous);
      return;
    }
    this.turns.set(parsed.request.id, [...history, ...answerItems(transcript)]);
    const oldest = this.turns.keys().next().value;
    if (this.turns.size > mostTurns && oldest !== undefined) this.turns.delete(oldest);
  }

  private context(): Parameters<typeof this.surface.parse>[1] {
    const { options, headers } = this.of;
    return {
      id: vendorId(options.ids),
      createdAt: unixSeconds(options.ids),
      strict: options.strict,
      card: (name) => options.models.card(name),
      header: (name) => {
        const value = headers[name];
        return Array.isArray(value) ? value[0] : value;
      },
    };
  }
}

/** The conversation without the instructions, which belong to one turn only. */
function conversation({ request, answerOptions }: Parsed): readonly Item[] {
  const { instructions } = answerOptions.echo;
  return instructions === null || instructions === "" ? request.items : request.items.slice(1);
}

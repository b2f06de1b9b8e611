import { isUtf8 } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import type { ByteLease } from "../../lib/byte-budget.ts";
import { invalid, ParleyError, toParleyError } from "../../model/error.ts";
import { unixSeconds, vendorId } from "../../model/id.ts";
import { isObject } from "../../model/json.ts";
import type { Caller } from "../../policy/authenticate.ts";
import { ConversationMemory } from "../../service/responses/memory.ts";
import { eventJson, eventJsonSteps, isLong, socketError } from "../../surface/responses/index.ts";
import type { ParseContext } from "../../surface/surface.ts";
import { headerReader, ownerOf } from "../generation-route.ts";
import { stopping } from "../server.ts";
import type { ResponsesRouteOptions } from "./create-route.ts";

export interface SessionOptions {
  /** Who sends, as of now; throws when the key is not valid any more. */
  authenticate(): Promise<Caller>;
  options: Omit<ResponsesRouteOptions, "sseDone">;
  /** What the connection remembers; closed with the session. */
  memory?: ConversationMemory | undefined;
  headers: IncomingHttpHeaders;
  /** Resolves when more may be sent. */
  send(text: string): Promise<void>;
  /** Ends the connection because of a message that is no text (RFC 6455, 8.1). */
  refuseBytes(): void;
}

/** Messages that may wait while one is answered. */
const maxQueue = 32;

/**
 * One WebSocket connection: `response.create` messages, answered one after another. It remembers its own conversations,
 * so that `previous_response_id` works for them even when they are not stored.
 */
export class SocketSession {
  // fixed at birth
  private readonly of: SessionOptions;
  private readonly memory: ConversationMemory;
  /** Aborted when the connection is gone or must end. */
  readonly aborter = new AbortController();
  // changed by events
  /** Settles when all messages received so far are answered; each message is appended to it. */
  private queue: Promise<void> = Promise.resolve();
  /** Messages that wait or are being answered. */
  private waiting = 0;
  /** Bytes of these messages. */
  private waitingBytes = 0;
  /** Set by `finish`: no more messages are taken. */
  private finishing = false;

  constructor(options: SessionOptions) {
    this.of = options;
    this.memory = options.memory ?? new ConversationMemory();
  }

  /** `message`: in the pieces that have arrived. `lease`: what it takes in memory; given back when it is answered. */
  receive(message: Buffer[], lease?: ByteLease): void {
    const release = lease?.hold();
    const bytes = message.reduce((sum, { length }) => sum + length, 0);
    const tooLong = this.waiting > 0 && this.waitingBytes + bytes > this.of.options.bodyLimit;
    if (this.finishing || tooLong || this.waiting >= maxQueue) {
      release?.();
      return this.refuse(
        this.finishing ? stopping() : new ParleyError("connection-limit", "too many waiting messages"),
      );
    }
    this.waiting += 1;
    this.waitingBytes += bytes;
    this.queue = this.queue.then(async () => {
      try {
        if (!this.aborter.signal.aborted) await this.create(message, lease);
      } catch (thrown) {
        this.refuse(toParleyError(thrown));
      } finally {
        this.waiting -= 1;
        this.waitingBytes -= bytes;
        release?.();
      }
    });
  }

  refuse(error: ParleyError): void {
    if (error.kind === "internal") this.of.options.log.error({ err: error.cause ?? error }, "internal error");
    if (!this.aborter.signal.aborted) void this.of.send(JSON.stringify(socketError(error)));
  }

  close(): void {
    this.aborter.abort();
    this.memory.close();
  }

  /** Takes no more messages; resolves when those under way are answered. */
  async finish(): Promise<void> {
    this.finishing = true;
    await this.queue;
  }

  private async create(pieces: Buffer[], lease: ByteLease | undefined): Promise<void> {
    const { jsonReader } = this.of.options;
    const text = await jsonReader.join(pieces, this.aborter.signal, lease?.owner);
    if (!isUtf8(text)) return this.of.refuseBytes();
    const message = await jsonReader.parse([text], "message", this.aborter.signal, lease?.owner);
    if (!isObject(message)) throw invalid("message", "must be a JSON object");
    const { type, ...body } = message;
    // clients may report how far they are (Codex: `response.processed`), and read an answer as that of their next request
    if (type !== "response.create" && typeof type === "string" && type.startsWith("response.")) return;
    if (type !== "response.create") throw invalid("type", `must be "response.create"`);
    const caller = await this.of.authenticate();
    const { surface, responses, slices } = this.of.options;
    await responses.checkCaller(caller);
    const asked = { ...body, stream: true, background: false };
    const parsed = await slices.run(surface.parseSteps(asked, this.context(caller)), this.aborter.signal, caller.keyId);
    try {
      const { signal } = this.aborter;
      const answer = await responses.create({ parsed, caller, body, lease, memory: this.memory }, signal);
      for await (const events of answer.events(-1, signal)) {
        for (const event of events) {
          await this.of.send(isLong(event) ? await slices.run(eventJsonSteps(event)) : eventJson(event));
        }
      }
    } catch (thrown) {
      const previous = parsed.answerOptions.previousResponseId;
      if (previous !== undefined) this.memory.forget(previous);
      throw thrown;
    }
  }

  private context(caller: Caller): ParseContext {
    const { options, headers } = this.of;
    return {
      id: vendorId(options.ids),
      owner: ownerOf(caller),
      createdAt: unixSeconds(options.ids),
      strict: options.strict,
      card: (name) => options.models.card(name),
      contextWindow: (name) => options.models.contextWindow(name),
      header: headerReader(headers),
    };
  }
}

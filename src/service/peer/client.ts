import { request, type IncomingMessage } from "node:http";
import type { ByteLease } from "../../lib/byte-budget.ts";
import type { TimeSlices } from "../../lib/time-slices.ts";
import { ParleyError } from "../../model/error.ts";
import { isObject, type JsonObject } from "../../model/json.ts";
import type { ResponseEvent } from "../../model/response.ts";
import type { KeyHash } from "../../policy/authenticate.ts";
import type { WorkerId, WorkerStore } from "../../store/store.ts";
import { parseBytes } from "../responses/stored-text.ts";
import { credentialHeader, encodeKeyId, keyHeader, peerCredential, type PeerRequest } from "./credential.ts";
import { LineReader } from "./line-reader.ts";

export interface PeerClientOptions {
  workers: WorkerStore;
  hash: KeyHash;
  slices: TimeSlices;
}

export interface PeerAnswer {
  status: number;
  /** Empty where it is no JSON object. */
  body: JsonObject;
}

/** What bounds a request. */
export interface PeerCall {
  signal: AbortSignal;
  /** The bytes of what is received are counted with it while they are held. */
  lease?: ByteLease | undefined;
}

interface Sending extends PeerCall {
  /** How long the other may be silent. */
  silenceMs: number;
}

/** How long a process may take to accept a connection; longer ones are those of a machine that is gone. */
const connectMs = 3_000;
/** How long it may be silent: before an answer, and in a stream, whose comment lines come every `peerHeartbeatMs`. */
const answerMs = 30_000;
export const peerHeartbeatMs = 5_000;
const streamMs = 15_000;
/** An event of this many bytes is parsed at once. */
const smallBytes = 16_384;
const dataPrefix = "data: ";
const brace = 0x7b;

/** Asks the process that makes a response. Each request has a connection of its own: none is left behind that the other may have closed. */
export class PeerClient {
  private readonly options: PeerClientOptions;

  constructor(options: PeerClientOptions) {
    this.options = options;
  }

  /** Whether it is known how to reach a process. */
  async reaches(worker: WorkerId): Promise<boolean> {
    return (await this.options.workers.url(worker)) !== undefined;
  }

  /** `undefined` where it is not known how to reach the process. Throws `unavailable` where it does not answer. */
  async ask(asked: PeerRequest, call: PeerCall): Promise<PeerAnswer | undefined> {
    const url = await this.options.workers.url(asked.to);
    if (url === undefined) return undefined;
    const answer = await this.send(url, asked, { ...call, silenceMs: answerMs });
    const chunks: Buffer[] = [];
    for await (const chunk of received(answer)) {
      call.lease?.grow(chunk.length);
      chunks.push(chunk);
    }
    const body = await parseBytes(Buffer.concat(chunks), this.options.slices);
    return { status: answer.statusCode ?? 0, body: isObject(body) ? (body as JsonObject) : {} };
  }

  /**
   * The events of a stream, as they come; none where it is not known how to reach the process. Throws `unavailable` where
   * it does not answer or the stream breaks off.
   */
  async *events(asked: PeerRequest, call: PeerCall): AsyncGenerator<readonly ResponseEvent[]> {
    const url = await this.options.workers.url(asked.to);
    if (url === undefined) return;
    const answer = await this.send(url, asked, { ...call, silenceMs: streamMs });
    const lines = new LineReader();
    let held = 0;
    try {
      for await (const chunk of received(answer)) {
        if (answer.statusCode !== 200) throw lost(new Error(`status ${answer.statusCode}`));
        call.lease?.grow(chunk.length);
        held += chunk.length;
        const events = await this.eventsOf(lines.push(chunk));
        call.lease?.shrink(held - lines.restBytes);
        held = lines.restBytes;
        if (events.length > 0) yield events;
      }
    } finally {
      call.lease?.shrink(held);
    }
  }

  private async eventsOf(lines: readonly Buffer[]): Promise<ResponseEvent[]> {
    const events: ResponseEvent[] = [];
    for (const line of lines) {
      const event = await this.eventOf(line);
      if (event !== undefined) events.push(event);
    }
    return events;
  }

  /** `undefined` for lines that hold no event: names, comments, the mark of the end. */
  private async eventOf(line: Buffer): Promise<ResponseEvent | undefined> {
    const data = line.subarray(dataPrefix.length);
    if (data[0] !== brace || line.toString("latin1", 0, dataPrefix.length) !== dataPrefix) return undefined;
    const event: unknown =
      data.length <= smallBytes ? JSON.parse(data.toString()) : await parseBytes(data, this.options.slices);
    return event as ResponseEvent;
  }

  private async send(url: string, asked: PeerRequest, call: Sending): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const credential = peerCredential(asked, this.options.hash);
    const { method, path } = asked;
    const sent = request(new URL(url), {
      method,
      path,
      headers: { [credentialHeader]: credential, [keyHeader]: encodeKeyId(asked.keyId) },
      agent: false,
      signal: call.signal,
      timeout: call.silenceMs,
    });
    const connecting = setTimeout(() => sent.destroy(new Error("no connection in time")), connectMs);
    sent.on("socket", (socket) => socket.once("connect", () => clearTimeout(connecting)));
    sent.on("timeout", () => sent.destroy(new Error("silent for too long")));
    sent.on("response", resolve);
    // also after the answer has begun, which then breaks off by itself
    sent.on("error", reject);
    sent.end();
    try {
      return await promise;
    } catch (error) {
      throw lost(error);
    } finally {
      clearTimeout(connecting);
    }
  }
}

/** The body of an answer. Throws `unavailable` where it breaks off. */
async function* received(answer: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of answer) yield chunk as Buffer;
  } catch (error) {
    throw lost(error);
  }
}

/** Where a stored response is found at every process. */
export function responsePath(id: string): string {
  return `/v1/responses/${encodeURIComponent(id)}`;
}

function lost(cause: unknown): ParleyError {
  const message = "the process that makes this response does not answer; send the request again";
  return new ParleyError("unavailable", message, { retryAfter: 5, cause });
}

import type { IncomingMessage, ServerResponse } from "node:http";
import type { ByteBudget, ByteLease } from "../lib/byte-budget.ts";
import type { Intake } from "../lib/intake.ts";
import { ParleyError, invalid, toParleyError } from "../model/error.ts";
import { ContentDecoder, contentCodings, tooLarge } from "./content-coding.ts";
import { GatheredBytes, release } from "./gathered-bytes.ts";
import type { JsonReader } from "./json-reader.ts";

/** How long an over-long body is read on, so that the client can read the answer (MiniMax-Provider-Verifier, 2026-06: exact statuses). */
const drainMs = 10_000;

/** A declared length up to which a body is received with one wait for its end. */
const shortBytes = 64 * 1024;

/** The bytes of a request, held until its answer is over. `owner`: the key. */
export function leaseUntilAnswered(response: ServerResponse, budget: ByteBudget, owner: string): ByteLease {
  const lease = budget.lease(owner);
  response.on("close", lease.hold());
  return lease;
}

/** How a body is received. */
export interface Receiving {
  /** Most bytes, as sent and as decoded. */
  limit: number;
  reader: Pick<JsonReader, "parse">;
  /** Counts the bytes that are held. */
  lease?: ByteLease | undefined;
  /** Where large bodies wait for each other. */
  intake?: Intake;
  /** Aborted when the caller is gone: a large body is not read on then, because its bytes are no longer counted. */
  signal: AbortSignal | undefined;
}

/**
 * Reads a JSON body: bytes, taken out of their content codings, then UTF-8, then JSON. A body over the limit is read to its end
 * (bounded in time) before it is refused; nothing more of it is decoded. Throws `ParleyError` of kind `too-large`, `invalid` or
 * `unsupported-encoding`, what the lease throws, and the signal's reason.
 */
export async function readJson(stream: IncomingMessage, receiving: Receiving): Promise<unknown> {
  const pieces = await readBytes(stream, receiving);
  if (pieces.length === 0) throw invalid("body", "is empty; a JSON object is required");
  return receiving.reader.parse(pieces, "body", receiving.signal, receiving.lease?.owner);
}

async function readBytes(stream: IncomingMessage, receiving: Receiving): Promise<Buffer[]> {
  const { limit, lease } = receiving;
  const { "content-length": declared = "0", "content-encoding": encoding } = stream.headers;
  const bytes = Number(declared);
  // what cannot fit is refused before it is read
  lease?.check(Math.min(limit, bytes));
  const isShort = encoding === undefined && bytes > 0 && bytes <= Math.min(limit, shortBytes);
  return isShort ? readShort(stream, bytes, receiving) : readLong(stream, receiving);
}

/** A body of a declared length, as most are: Node's parser holds it to that. */
async function readShort(stream: IncomingMessage, bytes: number, { lease, intake }: Receiving): Promise<Buffer[]> {
  const body = await received(stream, new DeclaredBody(bytes, lease));
  const turn = intake?.take(bytes);
  if (turn !== undefined) await turn;
  return [body];
}

function received(stream: IncomingMessage, body: DeclaredBody): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let over = false;
    const fail = (error: unknown): void => {
      if (!over) reject(error);
      over = true;
    };
    const end = (cause?: unknown): void => fail(interrupted(cause));
    if (stream.destroyed) return end();
    stream.on("data", (piece: Buffer) => {
      if (over) return;
      try {
        body.add(piece);
      } catch (error) {
        fail(error);
      }
    });
    stream.on("error", end);
    stream.on("close", end);
    stream.on("end", () => {
      over = true;
      resolve(body.take());
    });
  });
}

/**
 * Gathers a body of a declared length. A body in one piece, as most are, is not copied; from the second piece on there is memory
 * for all of it, and that much is counted: a caller that sends byte by byte makes no more pieces of memory than others.
 */
class DeclaredBody {
  // fixed at birth
  private readonly bytes: number;
  private readonly lease: ByteLease | undefined;
  // changed by events
  /** The first piece, or memory for the whole body. */
  private memory: Buffer = Buffer.alloc(0);
  /** Bytes of `memory` that are received. */
  private filled = 0;

  constructor(bytes: number, lease: ByteLease | undefined) {
    this.bytes = bytes;
    this.lease = lease;
  }

  /** Throws what the lease throws. */
  add(piece: Buffer): void {
    if (this.filled === 0) {
      this.lease?.grow(piece.length);
      this.memory = piece;
    } else {
      this.widen();
      piece.copy(this.memory, this.filled);
    }
    this.filled += piece.length;
  }

  /** What was received. */
  take(): Buffer {
    return this.memory.subarray(0, this.filled);
  }

  private widen(): void {
    if (this.memory.length === this.bytes) return;
    this.lease?.grow(this.bytes - this.memory.length);
    const whole = Buffer.allocUnsafeSlow(this.bytes);
    this.memory.copy(whole);
    this.memory = whole;
  }
}

async function readLong(stream: IncomingMessage, { limit, lease, intake }: Receiving): Promise<Buffer[]> {
  const body = new DecodedBody(stream.headers["content-encoding"], limit, lease);
  let refusal: ParleyError | undefined;
  let deadline = Infinity;
  try {
    for await (const chunk of arriving(stream)) {
      await intake?.take(chunk.length);
      if (performance.now() > deadline) break;
      if (refusal === undefined) {
        await body.take(chunk).catch((error: unknown) => {
          refusal = toParleyError(error);
          deadline = performance.now() + drainMs;
          body.close();
          lease?.clear();
        });
      }
      if (!body.isEncoded) release(chunk);
    }
    if (refusal !== undefined) throw refusal;
    return await body.finish();
  } finally {
    body.close();
  }
}

/** Gathers a body while its content codings are taken off, the last one first. */
class DecodedBody {
  // fixed at birth
  private readonly limit: number;
  private readonly lease: ByteLease | undefined;
  private readonly decoders: readonly ContentDecoder[];
  // changed by events
  private readonly gathered = new GatheredBytes();
  /** Bytes received, as they were sent. */
  private received = 0;

  constructor(contentEncoding: string | undefined, limit: number, lease: ByteLease | undefined) {
    this.limit = limit;
    this.lease = lease;
    this.decoders = contentCodings(contentEncoding)
      .toReversed()
      .map((coding) => new ContentDecoder(coding, limit, (bytes) => lease?.grow(bytes)));
  }

  get isEncoded(): boolean {
    return this.decoders.length > 0;
  }

  async take(chunk: Buffer): Promise<void> {
    this.received += chunk.length;
    if (this.received > this.limit) throw tooLarge(this.limit);
    await this.pass([chunk], 0);
  }

  async finish(): Promise<Buffer[]> {
    for (const [at, decoder] of this.decoders.entries()) await this.pass(await decoder.finish(), at + 1);
    return this.gathered.take();
  }

  close(): void {
    this.gathered.clear();
    for (const decoder of this.decoders) decoder.close();
  }

  /** Sends pieces through the decoders from number `at` on. */
  private async pass(pieces: readonly Buffer[], at: number): Promise<void> {
    const decoder = this.decoders[at];
    for (const piece of pieces) {
      if (decoder !== undefined) await this.pass(await decoder.take(piece), at + 1);
      else if (piece.length > 0) this.keep(piece);
    }
  }

  private keep(piece: Buffer): void {
    // decoded pieces were counted when they were decoded
    if (!this.isEncoded) this.lease?.grow(piece.length);
    this.gathered.add(piece);
  }
}

/** The body's pieces. */
async function* arriving(stream: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* stream as AsyncIterable<Buffer>;
  } catch (cause) {
    throw interrupted(cause);
  }
}

/** A caller who goes away in the middle of its body, or is cut off by the connection's clock, has canceled. */
function interrupted(cause: unknown): ParleyError {
  return new ParleyError("canceled", "the connection ended before the body did", { cause });
}

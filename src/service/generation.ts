import type { Target } from "../engine/engine.ts";
import type { ErrorKind } from "../model/error.ts";
import type { Batch, ServedBy, Usage } from "../model/event.ts";
import type { RateLimitStatus } from "../model/limit.ts";
import type { Outcome } from "../model/outcome.ts";
import type { GenerationRequest } from "../model/request.ts";
import type { Transcript } from "../model/transcript.ts";

/** An answer that an engine has begun: its first batch has arrived. */
export interface Started {
  target: Target;
  /** The request as the engine got it. */
  prepared: GenerationRequest;
  first: Batch;
  /** The batches after `first`. */
  rest: AsyncIterator<Batch>;
  /** `performance.now()` when the engine was called. */
  calledAt: number;
  /** Milliseconds the engine took for its first batch. */
  engineMs: number;
}

/**
 * What is known of one generation. Its steps fill it in; when it is over it is given to every observer once, also when
 * no engine began.
 */
export interface GenerationRecord {
  /** As the caller asked. */
  readonly request: GenerationRequest;
  readonly keyId: string;
  /** The answer so far. */
  readonly transcript: Transcript;
  /** `performance.now()` at arrival. */
  readonly startedAt: number;
  /** The catalog's name of the model, not the caller's spelling; set when the model was found. */
  model: string | undefined;
  /**
   * Set when an engine began: the engine, the request as it got it, and the milliseconds to the first batch: from
   * arrival (`firstMs`), and of those the engine's own (`engineMs`). `whole`: it began with the complete answer.
   */
  started: (Pick<Started, "target" | "prepared" | "engineMs"> & { firstMs: number; whole: boolean }) | undefined;
  /** Milliseconds from arrival to the end; set at the end. */
  totalMs: number | undefined;
  /** What the engine reported; set at the end, absent where it reported nothing. */
  usage: Usage | undefined;
  /** Set at the end. */
  outcome: Outcome | undefined;
}

/** A generation that is over. */
export type EndedGeneration = GenerationRecord & { outcome: Outcome; totalMs: number };

/** Called once with every generation that is over, before its last batch is handed on. */
export type GenerationObserver = (ended: EndedGeneration) => void;

/** How an answer is made, for its headers. */
export interface AnswerFacts {
  /** What the caller may still use. */
  rateLimit: RateLimitStatus;
  /** Milliseconds until the first batch: the server's own steps, and the engine's. */
  timing: { ownMs: number; engineMs: number };
  /** Which engine answers. */
  target: Target;
  /** Which replica of the engine answers, where it has several. */
  servedBy: ServedBy | undefined;
}

/** A try of an answer that broke off before its caller saw anything of it; the answer is begun again elsewhere. */
export interface LostTry {
  model: string;
  engine: string;
  replica: string | undefined;
  kind: ErrorKind;
  /** What it used; no one is charged for it. */
  usage: Usage;
}

/** One answer under way. The first batch has arrived, so from here on failure is a `finish` event. */
export interface Generation extends AnswerFacts {
  request: GenerationRequest;
  /** Grows as `batches` is read. */
  transcript: Transcript;
  /** To be read once, to the end or until `return`. */
  batches: AsyncIterable<Batch>;
}

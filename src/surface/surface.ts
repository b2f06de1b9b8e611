import type { Steps } from "../lib/time-slices.ts";
import type { ModelCard } from "../model/card.ts";
import type { ParleyError } from "../model/error.ts";
import type { Batch } from "../model/event.ts";
import type { GenerationRequest } from "../model/request.ts";
import type { Transcript } from "../model/transcript.ts";

/** What parsing may ask of its surroundings; all of it fixed for the request. */
export interface ParseContext {
  /** The answer's id. */
  id: string;
  /** Unix seconds. */
  createdAt: number;
  /** Whose request it is; encrypted texts of other owners cannot be read. Absent: no one's. */
  owner?: string | undefined;
  /** Refuse what the vendor refuses, where we are lenient by default. */
  strict: boolean;
  /** The card of a model name; throws `invalid` for an unknown one. */
  card(name: string): ModelCard;
  /** The largest context window behind a model name, in tokens; absent: the card's. */
  contextWindow?(name: string): number;
  /** The first model that reads images, of those the caller may use; for requests that name none. */
  imageModel?(): ModelCard | undefined;
  /** A request header, lower-case name; for per-request overrides. */
  header(name: string): string | undefined;
}

/** One parsed request: what goes to an engine, and what only the answer depends on. */
export interface ParsedRequest<AnswerOptions> {
  request: GenerationRequest;
  answerOptions: AnswerOptions;
}

/** An answer that is not a stream. */
export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

/** Turns batches into bytes of one server-sent event stream. Synchronous, no clock. */
export interface SseEncoder {
  /** Text to write now; `""` when everything was held back. The transcript has already seen the batch. */
  encode(batch: Batch, transcript: Transcript): string;
  /** Writes out what is held back; called when `maxWaitMs` passed since something was first held. */
  flush(transcript: Transcript): string;
  /** What is sent after long silence once the stream has begun; absent: a comment line. */
  readonly heartbeat?: string;
  /** Whether something is held back. */
  readonly pending: boolean;
  /** Milliseconds a small piece may be held back. */
  readonly maxWaitMs: number;
}

/** Pure translation between one wire protocol without streams and the canonical model. */
export interface WholeSurface<AnswerOptions> {
  readonly name: string;
  readonly path: string;
  /** Further paths under which clients look for it. */
  readonly aliases?: readonly string[];
  /** Throws `ParleyError`, kind `invalid`, naming the field. */
  parse(body: unknown, context: ParseContext): ParsedRequest<AnswerOptions>;
  /** The same in steps, for bodies of any size. */
  parseSteps(body: unknown, context: ParseContext): Steps<ParsedRequest<AnswerOptions>>;
  json(transcript: Transcript, parsed: ParsedRequest<AnswerOptions>): unknown;
  /** The error in this surface's dialect; `requestId` as in `model/id.ts`. */
  error(error: ParleyError, requestId: string): Reply;
}

/** The same of a protocol with streams. */
export interface Surface<AnswerOptions extends { stream: boolean }> extends WholeSurface<AnswerOptions> {
  sse(parsed: ParsedRequest<AnswerOptions>): SseEncoder;
}

/** Headers by which agents name their session; requests of one session share a prompt's beginning. */
const sessionHeaders = [
  "x-session-affinity",
  "x-session-id",
  "session-id",
  "thread-id",
  "x-claude-code-session-id",
] as const;

/** The session a request belongs to, where its client names one; a hint only. */
export function sessionOf(context: ParseContext): string | undefined {
  for (const name of sessionHeaders) {
    const value = context.header(name);
    if (value !== undefined && value !== "") return value.slice(0, 512);
  }
  return undefined;
}

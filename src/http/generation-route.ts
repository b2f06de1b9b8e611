import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ByteBudget, ByteLease } from "../lib/byte-budget.ts";
import type { TimeSlices } from "../lib/time-slices.ts";
import { canceled, toParleyError } from "../model/error.ts";
import type { Batch } from "../model/event.ts";
import { unixSeconds, type IdSource } from "../model/id.ts";
import type { GenerationRequest } from "../model/request.ts";
import { Transcript } from "../model/transcript.ts";
import type { Caller } from "../policy/authenticate.ts";
import type { GenerateService } from "../service/generate.ts";
import type { AnswerFacts } from "../service/generation.ts";
import type { ModelService } from "../service/model.ts";
import type { ParsedRequest, ParseContext, Surface, WholeSurface } from "../surface/surface.ts";
import type { Log } from "../telemetry/log.ts";
import { leaseUntilAnswered, readJson } from "./body.ts";
import type { JsonReader } from "./json-reader.ts";
import { answerHeaders } from "./headers.ts";
import type { RunningRequests } from "./running.ts";
import { useErrors } from "./server.ts";
import { SseResponse } from "./sse-response.ts";

export interface GenerationRouteOptions {
  generate: GenerateService;
  models: ModelService;
  ids: IdSource;
  strict: boolean;
  bodyLimit: number;
  jsonReader: JsonReader;
  /** Bytes of the requests under way. */
  requestBudget: ByteBudget;
  slices: TimeSlices;
  heartbeatMs: number;
  running: RunningRequests;
  log: Log;
}

/** Mounts one surface in a scope of its own: parse, generate, answer as JSON or as a stream. Any `Surface` fits. */
export async function mountGeneration<AnswerOptions extends { stream: boolean }>(
  server: FastifyInstance,
  surface: Surface<AnswerOptions> | WholeSurface<AnswerOptions>,
  options: GenerationRouteOptions,
): Promise<void> {
  await server.register(async (scope) => {
    useErrors(scope, surface.error.bind(surface), options.log);
    const generate = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
      const { signal } = options.running.track(reply.raw);
      const { parsed } = await readRequest(request, reply, { options, surface, signal, callers: options.generate });
      const answering = { surface, parsed, caller: request.caller, reply, signal };
      const streamed = "sse" in surface && parsed.answerOptions.stream;
      return streamed ? stream({ ...answering, surface }, options) : answer(answering, options);
    };
    for (const path of [surface.path, ...(surface.aliases ?? [])]) scope.post(path, generate);
  });
}

/** What a request is read with. */
export interface Reading<AnswerOptions> {
  options: Omit<GenerationRouteOptions, "generate" | "heartbeatMs" | "running" | "log">;
  surface: Pick<WholeSurface<AnswerOptions>, "parseSteps">;
  signal: AbortSignal;
  /** `checkCaller` throws where no request of this caller would be taken. */
  callers: { checkCaller(caller: Caller): Promise<void> };
}

/** A request as it was read: its body, what a surface makes of it, and the bytes that are counted for it. */
export interface ReadRequest<AnswerOptions> {
  body: unknown;
  parsed: ParsedRequest<AnswerOptions>;
  lease: ByteLease;
}

/** The caller is checked before a byte of the body is read; then the body is read, counted and parsed. */
export async function readRequest<AnswerOptions>(
  request: FastifyRequest,
  reply: FastifyReply,
  reading: Reading<AnswerOptions>,
): Promise<ReadRequest<AnswerOptions>> {
  const { options, surface, signal, callers } = reading;
  const { bodyLimit: limit, jsonReader: reader, requestBudget, slices } = options;
  await callers.checkCaller(request.caller);
  const lease = leaseUntilAnswered(reply.raw, requestBudget, request.caller.keyId);
  const body = await readJson(request.raw, { limit, reader, lease, signal, intake: slices.intake });
  const parsed = await slices.run(surface.parseSteps(body, parseContext(request, options)), signal, lease.owner);
  return { body, parsed, lease };
}

/** One parsed request on its way to an answer. */
interface Answering<AnswerOptions> {
  surface: WholeSurface<AnswerOptions>;
  parsed: ParsedRequest<AnswerOptions>;
  caller: Caller;
  reply: FastifyReply;
  signal: AbortSignal;
}

async function answer<AnswerOptions>(
  { surface, parsed, caller, reply, signal }: Answering<AnswerOptions>,
  options: GenerationRouteOptions,
): Promise<unknown> {
  const request: GenerationRequest = { ...parsed.request, delivery: "whole" };
  const generation = await options.generate.start(request, caller, signal);
  for await (const _batch of generation.batches) if (signal.aborted) break;
  const { finish, items } = generation.transcript;
  if (finish === undefined) throw canceled();
  if (finish.error !== undefined && items.length === 0) throw finish.error;
  reply.headers(answerHeaders(generation));
  return surface.json(generation.transcript, parsed);
}

async function stream<AnswerOptions extends { stream: boolean }>(
  { surface, parsed, caller, reply, signal }: Answering<AnswerOptions> & { surface: Surface<AnswerOptions> },
  options: GenerationRouteOptions,
): Promise<FastifyReply> {
  const encoder = surface.sse(parsed);
  return streamWhenBegun(options.generate.start(parsed.request, caller, signal), {
    reply,
    options,
    send: (generation, sse) => sse.send(generation.batches, generation.transcript, encoder),
    facts: (generation) => generation,
    fail: (error, sse) => {
      const transcript = new Transcript();
      const batch: Batch = [{ type: "begin" }, { type: "finish", reason: "error", error: toParleyError(error) }];
      transcript.apply(batch);
      return sse.send(one(batch), transcript, encoder);
    },
  });
}

/** How a stream is written when its answer has begun. */
export interface Streaming<Begun> {
  reply: FastifyReply;
  options: Pick<GenerationRouteOptions, "heartbeatMs" | "log">;
  /** Writes the whole answer. */
  send: (begun: Begun, sse: SseResponse) => Promise<void>;
  /** How the answer is made, for its headers. */
  facts: (begun: Begun) => AnswerFacts | undefined;
  /** Writes a failure as the stream's only content. */
  fail: (error: unknown, sse: SseResponse) => Promise<void>;
}

/**
 * Waits for an answer to begin while its stream is kept alive, then writes it. A failure is thrown while a status can
 * still be answered; after the first comment line it becomes the stream's only content.
 */
export async function streamWhenBegun<Begun>(
  starting: Promise<Begun>,
  { reply, options, send, facts, fail }: Streaming<Begun>,
): Promise<FastifyReply> {
  const headers = reply.getHeaders() as Record<string, string>;
  const sse = new SseResponse({ response: reply.raw, headers, heartbeatMs: options.heartbeatMs });
  let begun: Begun;
  try {
    begun = await starting;
  } catch (thrown) {
    if (!sse.started) {
      sse.close();
      throw thrown;
    }
    reply.hijack();
    await fail(thrown, sse);
    return reply;
  }
  reply.hijack();
  const known = facts(begun);
  // they are sent with the first bytes
  if (known !== undefined) Object.assign(headers, answerHeaders(known));
  try {
    await send(begun, sse);
  } catch (error) {
    // the headers are sent: the log is the only place left for it
    options.log.error({ id: reply.request.id, err: error }, "a stream broke off");
  }
  return reply;
}

async function* one(batch: Batch): AsyncGenerator<Batch> {
  yield batch;
}

/** What parsing needs of the request around its body. */
function parseContext(
  request: FastifyRequest,
  options: Pick<GenerationRouteOptions, "ids" | "strict" | "models">,
): ParseContext {
  const header = headerReader(request.headers);
  const strict = header("x-parley-strict")?.toLowerCase();
  return {
    id: request.id,
    owner: ownerOf(request.caller),
    createdAt: unixSeconds(options.ids),
    strict: strict === "true" ? true : strict === "false" ? false : options.strict,
    card: (name) => options.models.card(name),
    contextWindow: (name) => options.models.contextWindow(name),
    imageModel: () => options.models.forImages(request.caller.models),
    header,
  };
}

/** Who may read what was encrypted for a caller: all keys of its organisation, else the key alone. */
export function ownerOf({ keyId, organisation }: Caller): string {
  return organisation === undefined ? `key:${keyId}` : `organisation:${organisation}`;
}

/** Reads a header by its lower-case name; the first value where it was sent more than once. */
export function headerReader(headers: FastifyRequest["headers"]): (name: string) => string | undefined {
  return (name) => {
    const value = headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
}

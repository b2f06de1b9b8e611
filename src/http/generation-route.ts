import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ParleyError, toParleyError } from "../model/error.ts";
import type { Batch } from "../model/event.ts";
import { unixSeconds, type IdSource } from "../model/id.ts";
import { Transcript } from "../model/transcript.ts";
import type { Caller } from "../policy/authenticate.ts";
import type { GenerateService } from "../service/generate.ts";
import type { ModelService } from "../service/model.ts";
import type { Log } from "../telemetry/log.ts";
import type { ParsedRequest, ParseContext, SseEncoder, Surface } from "../surface/surface.ts";
import { answerHeaders } from "./answer-headers.ts";
import { SseResponse } from "./sse-response.ts";
import { readJson } from "./body.ts";
import type { RunningRequests } from "./running.ts";
import { useErrors } from "./server.ts";
import { traceHeaders } from "./trace.ts";

export interface GenerationRouteOptions {
  generate: GenerateService;
  models: ModelService;
  ids: IdSource;
  strict: boolean;
  bodyLimit: number;
  heartbeatMs: number;
  running: RunningRequests;
  log: Log;
}

/** Mounts one surface in a scope of its own: parse, generate, answer as JSON or as a stream. Any `Surface` fits. */
export async function mountGeneration<Wanted extends { stream: boolean }>(
  server: FastifyInstance,
  surface: Surface<Wanted>,
  options: GenerationRouteOptions,
): Promise<void> {
  await server.register(async (scope) => {
    useErrors(scope, surface.error.bind(surface), options.log);
    mountRoute(scope, surface, options);
  });
}

function mountRoute<Wanted extends { stream: boolean }>(
  server: FastifyInstance,
  surface: Surface<Wanted>,
  options: GenerationRouteOptions,
): void {
  server.post(surface.path, async (request, reply) => {
    const { signal } = options.running.track(reply.raw);
    const body = await readJson(request.raw, options.bodyLimit);
    const parsed = surface.parse(body, parseContext(request, options));
    return answer({ surface, parsed, caller: request.caller, reply, signal }, options);
  });
}

/** One parsed request on its way to an answer. */
export interface Answering<Wanted extends { stream: boolean }> {
  surface: Surface<Wanted>;
  parsed: ParsedRequest<Wanted>;
  caller: Caller;
  reply: FastifyReply;
  signal: AbortSignal;
  /** Told when the answer is over, before the caller can ask for more. */
  ended?(transcript: Transcript): void;
}

/** Answers as a stream or as the body that is returned. */
export async function answer<Wanted extends { stream: boolean }>(
  answering: Answering<Wanted>,
  options: GenerationRouteOptions,
): Promise<unknown> {
  const { surface, parsed, caller, reply, signal } = answering;
  if (parsed.answerOptions.stream) {
    await stream(answering, options);
    return reply;
  }
  const generation = await options.generate.start(parsed.request, caller, signal);
  for await (const _batch of generation.batches) if (signal.aborted) break;
  const { finish, items } = generation.transcript;
  if (finish === undefined) throw new ParleyError("canceled", "the request was canceled");
  if (finish.error !== undefined && items.length === 0) throw finish.error;
  answering.ended?.(generation.transcript);
  reply.headers(answerHeaders(generation));
  return surface.json(generation.transcript, parsed);
}

async function stream<Wanted extends { stream: boolean }>(
  answering: Answering<Wanted>,
  options: GenerationRouteOptions,
): Promise<void> {
  const { surface, parsed, reply } = answering;
  const encoder = surface.sse(parsed);
  const headers = traceHeaders(reply);
  const sse = new SseResponse({ response: reply.raw, headers, heartbeatMs: options.heartbeatMs });
  const starting = options.generate.start(parsed.request, answering.caller, answering.signal);
  const generation = await begun(starting, { reply, sse, encoder });
  if (generation === undefined) return;
  // they go out with the first bytes
  Object.assign(headers, answerHeaders(generation));
  try {
    await sse.send(generation.batches, generation.transcript, encoder);
    answering.ended?.(generation.transcript);
  } catch (error) {
    // the headers are out: nobody else would hear of it
    options.log.error({ id: parsed.request.id, err: error }, "a stream broke off");
  }
}

interface Opening {
  reply: FastifyReply;
  sse: SseResponse;
  encoder: SseEncoder;
}

/**
 * Waits for an answer to begin while its stream is kept alive. A failure is thrown while a status can still be answered;
 * after the first comment line it becomes the stream's only content, and the outcome is `undefined`.
 */
export async function begun<Begun>(
  starting: Promise<Begun>,
  { reply, sse, encoder }: Opening,
): Promise<Begun | undefined> {
  try {
    const value = await starting;
    reply.hijack();
    return value;
  } catch (thrown) {
    if (!sse.started) {
      sse.close();
      throw thrown;
    }
    reply.hijack();
    const transcript = new Transcript();
    const batch = failure(toParleyError(thrown));
    transcript.apply(batch);
    await sse.send(once(batch), transcript, encoder);
    return undefined;
  }
}

function failure(error: ParleyError): Batch {
  return [{ type: "begin" }, { type: "finish", reason: "error", error }];
}

async function* once(batch: Batch): AsyncGenerator<Batch> {
  yield batch;
}

export function parseContext(
  request: FastifyRequest,
  options: Pick<GenerationRouteOptions, "ids" | "strict" | "models">,
): ParseContext {
  const header = (name: string): string | undefined => {
    const value = request.headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  const asked = header("x-parley-strict")?.toLowerCase();
  return {
    id: request.id,
    createdAt: unixSeconds(options.ids),
    strict: asked === "true" ? true : asked === "false" ? false : options.strict,
    card: (name) => options.models.card(name),
    header,
  };
}

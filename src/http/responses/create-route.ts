import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { TimeSlices } from "../../lib/time-slices.ts";
import { ParleyError } from "../../model/error.ts";
import type { ResponseAnswer, StoredResponses } from "../../service/responses/answer.ts";
import type { ResponseEvent } from "../../model/response.ts";
import type { ResponseRequest, ResponsesService } from "../../service/responses/responses.ts";
import {
  compactionBody,
  endText,
  eventFrame,
  eventJsonSteps,
  eventText,
  isLong,
  type ParsedResponses,
} from "../../surface/responses/index.ts";
import type { Surface } from "../../surface/surface.ts";
import { readRequest, streamWhenBegun, type GenerationRouteOptions } from "../generation-route.ts";
import { answerHeaders } from "../headers.ts";
import { sendJson } from "../slices.ts";

export interface ResponsesRouteOptions extends Omit<GenerationRouteOptions, "generate"> {
  surface: Surface<ParsedResponses["answerOptions"]>;
  responses: ResponsesService<ParsedResponses>;
  /** What was stored before, whichever process makes it. */
  stored: StoredResponses;
  /** Whether streams end with `data: [DONE]`. */
  sseDone: boolean;
}

/** `POST /v1/responses`, `/v1/responses/input_tokens` and `/v1/responses/compact`. */
export function mountCreate(server: FastifyInstance, options: ResponsesRouteOptions): void {
  const { responses, running, surface } = options;

  server.post(surface.path, async (request, reply) => {
    const { signal } = running.track(reply.raw);
    const asked = await readResponsesRequest(request, reply, options, signal);
    const { stream, background } = asked.parsed.answerOptions;
    const starting = responses.create(asked, signal);
    if (stream) {
      const failure = (error: unknown): ResponseEvent[] => responses.failure(asked.parsed, error);
      return streamAnswer(starting, { reply, signal, options, after: -1, failure });
    }
    const answer = await starting;
    const body = await (background ? answer.snapshot() : answer.body());
    // not before: an answer that broke off was begun again elsewhere
    if (answer.facts !== undefined) reply.headers(answerHeaders(answer.facts));
    return sendJson(reply, options.slices, body);
  });

  server.post(`${surface.path}/input_tokens`, async (request, reply) => {
    const { signal } = running.track(reply.raw);
    const tokens = await responses.count(await readResponsesRequest(request, reply, options, signal), signal);
    return { object: "response.input_tokens", input_tokens: tokens };
  });

  server.post(`${surface.path}/compact`, async (request, reply) => {
    const { signal } = running.track(reply.raw);
    const { parsed, ...asked } = await readResponsesRequest(request, reply, options, signal);
    const alone = { kind: "compaction", stream: false, store: false, storeOmitted: false, background: false } as const;
    const compaction = { ...parsed, answerOptions: { ...parsed.answerOptions, ...alone } };
    const answer = await responses.create({ ...asked, parsed: compaction }, signal);
    const body = compactionBody(await answer.body());
    if (Array.isArray(body["output"]) && body["output"].length > 0) return body;
    throw new ParleyError("upstream", "the model gave no complete summary of the conversation");
  });
}

async function readResponsesRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  options: ResponsesRouteOptions,
  signal: AbortSignal,
): Promise<ResponseRequest<ParsedResponses>> {
  const { surface, responses: callers } = options;
  return { ...(await readRequest(request, reply, { options, surface, signal, callers })), caller: request.caller };
}

interface AnswerStream {
  reply: FastifyReply;
  signal: AbortSignal;
  options: Pick<ResponsesRouteOptions, "heartbeatMs" | "log" | "sseDone" | "slices">;
  /** Only events numbered above it are sent. */
  after: number;
  /** The events of an answer that did not begin. */
  failure: (error: unknown) => readonly ResponseEvent[];
}

/** Writes a response's events as server-sent events, following it while it runs. */
export function streamAnswer(
  starting: Promise<ResponseAnswer>,
  { reply, signal, options, after, failure }: AnswerStream,
): Promise<FastifyReply> {
  const end = endText(options.sseDone);
  const text = (events: readonly ResponseEvent[]): string | AsyncIterable<string> => textOf(events, options.slices);
  return streamWhenBegun(starting, {
    reply,
    options,
    facts: (answer) => answer.facts,
    send: (answer, sse) => sse.relay(answer.events(after, signal), text, end),
    fail: (error, sse) => sse.relay(one(failure(error)), text, end),
  });
}

/** Events as text; one after the other where one is long. */
function textOf(events: readonly ResponseEvent[], slices: TimeSlices): string | AsyncIterable<string> {
  return events.some(isLong) ? textsInSteps(events, slices) : events.map(eventText).join("");
}

async function* textsInSteps(events: readonly ResponseEvent[], slices: TimeSlices): AsyncGenerator<string> {
  for (const event of events) yield eventFrame(event, await slices.run(eventJsonSteps(event)));
}

async function* one(events: readonly ResponseEvent[]): AsyncGenerator<readonly ResponseEvent[]> {
  yield events;
}

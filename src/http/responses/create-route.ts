import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { invalid } from "../../model/error.ts";
import { isObject } from "../../model/json.ts";
import type { Transcript } from "../../model/transcript.ts";
import type { Caller } from "../../policy/authenticate.ts";
import type { ResponseService } from "../../service/response.ts";
import {
  answerById,
  answerItems,
  emptyBody,
  endText,
  eventText,
  responsesSurface,
} from "../../surface/responses/index.ts";
import type { TextCipher } from "../../lib/cipher.ts";
import type { ResponsesOptions, ResponsesAnswerOptions } from "../../surface/responses/index.ts";
import type { ParsedRequest } from "../../surface/surface.ts";
import { answerHeaders } from "../answer-headers.ts";
import { readJson } from "../body.ts";
import { answer, begun, parseContext } from "../generation-route.ts";
import type { GenerationRouteOptions } from "../generation-route.ts";
import { SseResponse } from "../sse-response.ts";
import { traceHeaders } from "../trace.ts";
import { compact } from "./compact.ts";
import type { LiveResponse } from "./live.ts";
import { recall } from "./recall.ts";
import type { RecentItems } from "./recent.ts";
import type { Job, ResponseRunner } from "./runner.ts";

export interface ResponsesRouteOptions extends GenerationRouteOptions {
  surface: ResponsesOptions;
  cipher: TextCipher;
  responses: ResponseService;
  runner: ResponseRunner;
  recent: RecentItems;
}

/** `POST /v1/responses`, `/v1/responses/input_tokens` and `/v1/responses/compact`. */
export function mountCreate(server: FastifyInstance, options: ResponsesRouteOptions): void {
  const surface = responsesSurface(options.surface);
  server.post(surface.path, async (request, reply) => {
    const { signal } = options.running.track(reply.raw);
    const { caller } = request;
    const { wire, parsed } = await parseWhole(request, surface, options);
    const { answerOptions } = parsed;
    if (answerOptions.compact) return compact({ parsed, caller, signal }, options);
    if (!answerOptions.generate) return emptyBody(parsed, "completed", options.surface);
    if (answerOptions.background) {
      const live = await options.runner.startBackground({ parsed, caller, wire });
      if (answerOptions.stream) return relay(live, -1, { reply, signal, options });
      return live.body("queued");
    }
    if (!answerOptions.store) {
      const remember = (transcript: Transcript): void => keepRecent(options.recent, { parsed, caller, transcript });
      const answering = { surface, parsed, caller, reply, signal };
      return answer(answerOptions.storeOmitted ? { ...answering, ended: remember } : answering, options);
    }
    if (answerOptions.stream) return keptStream({ parsed, caller, wire }, { reply, signal, options });
    const live = await options.runner.start({ parsed, caller, wire }, signal);
    if (live.facts !== undefined) reply.headers(answerHeaders(live.facts));
    await live.finished;
    if (live.lost !== undefined) throw live.lost;
    return live.body();
  });

  server.post(`${surface.path}/input_tokens`, async (request, reply) => {
    const { signal } = options.running.track(reply.raw);
    const { parsed } = await parseWhole(request, surface, options);
    const tokens = await options.generate.count(parsed.request, request.caller, signal);
    return { object: "response.input_tokens", input_tokens: tokens };
  });

  server.post(`${surface.path}/compact`, async (request, reply) => {
    const { signal } = options.running.track(reply.raw);
    const wire = await readJson(request.raw, options.bodyLimit);
    if (!isObject(wire)) throw invalid("body", "must be an object");
    const parsed = surface.parse({ ...wire, stream: false }, parseContext(request, options));
    const whole = await recall(parsed, request.caller, options);
    return compact({ parsed: whole, caller: request.caller, signal }, options);
  });
}

interface Answered {
  parsed: ParsedRequest<ResponsesAnswerOptions>;
  caller: Caller;
  transcript: Transcript;
}

function keepRecent(recent: RecentItems, { parsed, caller, transcript }: Answered): void {
  const { request, answerOptions } = parsed;
  for (const [id, item] of answerById(parsed, transcript)) recent.keep(caller.keyId, id, item);
  if (transcript.finish?.reason === "error") return;
  const items = [...answerOptions.input.filter((item) => item.type !== "reference"), ...answerItems(transcript)];
  recent.keepTurn(caller.keyId, request.id, { previous: answerOptions.previousResponseId, items });
}

/** The caller's body, and what it asks with the turns before it. */
async function parseWhole(
  request: FastifyRequest,
  surface: ReturnType<typeof responsesSurface>,
  options: ResponsesRouteOptions,
): Promise<{ wire: unknown; parsed: ReturnType<typeof surface.parse> }> {
  const wire = await readJson(request.raw, options.bodyLimit);
  const parsed = await recall(surface.parse(wire, parseContext(request, options)), request.caller, options);
  return { wire, parsed };
}

interface Relay<Options = Pick<ResponsesRouteOptions, "heartbeatMs" | "surface">> {
  reply: FastifyReply;
  signal: AbortSignal;
  options: Options;
}

/** A stream of a response that is kept, alive while the engine has not begun. */
async function keptStream(job: Job, { reply, signal, options }: Relay<ResponsesRouteOptions>): Promise<FastifyReply> {
  const headers = traceHeaders(reply);
  const sse = new SseResponse({ response: reply.raw, headers, heartbeatMs: options.heartbeatMs });
  const encoder = responsesSurface(options.surface).sse(job.parsed);
  const live = await begun(options.runner.start(job, signal), { reply, sse, encoder });
  if (live === undefined) return reply;
  if (live.facts !== undefined) Object.assign(headers, answerHeaders(live.facts));
  await sse.relay(texts(live, -1, signal), endText(options.surface.sseDone));
  return reply;
}

/** A stream of a response's events above `after`, following it while it runs. */
export async function relay(
  live: LiveResponse,
  after: number,
  { reply, signal, options }: Relay,
): Promise<FastifyReply> {
  const facts = live.facts === undefined ? {} : answerHeaders(live.facts);
  const headers = { ...traceHeaders(reply), ...facts };
  const sse = new SseResponse({ response: reply.raw, headers, heartbeatMs: options.heartbeatMs });
  reply.hijack();
  await sse.relay(texts(live, after, signal), endText(options.surface.sseDone));
  return reply;
}

/** Breaks off, without the stream's usual end, where the answer's own end could not be kept. */
async function* texts(live: LiveResponse, after: number, signal: AbortSignal): AsyncGenerator<string> {
  for await (const events of live.follow(after, signal)) yield events.map(eventText).join("");
  if (live.lost !== undefined) throw live.lost;
}

import type { Usage } from "../model/event.ts";
import type { Outcome } from "../model/outcome.ts";
import type { GenerationRequest } from "../model/request.ts";
import type { AttributeValue, Span } from "./span.ts";

/** An HTTP request that has arrived. */
export interface RequestStart {
  id: string;
  method: string;
  traceparent: string | undefined;
}

/** How it was answered. */
export interface RequestEnd {
  /** The route's pattern; absent for unknown paths. */
  route: string | undefined;
  /** An unknown path, shortened; absent where there is a route, whose path may hold ids. */
  path?: string | undefined;
  /** The HTTP status; 499 where the caller left before anything was sent. */
  status: number;
  /** Whether the whole answer was sent. */
  complete: boolean;
  /** The kind of error it was answered with. */
  error: string | undefined;
  /** Why, in words that hold nothing of the request. */
  reason?: string | undefined;
  /** Absent where no known key was sent. */
  keyId: string | undefined;
  /** Our side of the connection. */
  address: string | undefined;
  port: number | undefined;
}

/** How a generation ended; `engine` is absent where none could begin. */
export interface GenerationEnd {
  outcome: Outcome;
  /** The catalog's name, not the caller's spelling. */
  model?: string | undefined;
  engine?: EngineFacts;
  /** Milliseconds to the first batch; absent where the answer came at once. */
  firstMs?: number | undefined;
  usage?: Usage | undefined;
}

/** Which engine answered. */
export interface EngineFacts {
  name: string;
  kind: string;
  /** The engine's own model name. */
  model: string;
  /** Base URL of the replica that answered, where there are several. */
  replica: string | undefined;
  /** Base URL of another server, where there is one. */
  address: string | undefined;
}

/** Where a span stands in its trace and in time. */
export type SpanPlace = Pick<Span, "traceId" | "spanId" | "parentId" | "startMs" | "endMs">;

/**
 * The span of an HTTP request (OpenTelemetry semantic conventions for HTTP servers). Paths and queries are left out,
 * because they may hold ids and tokens of downloads: the route stands for them.
 */
export function httpSpan(place: SpanPlace, begun: RequestStart, ended: RequestEnd): Span {
  const { route, status, complete } = ended;
  const failed = status >= 500;
  return {
    ...place,
    kind: "server",
    name: route === undefined ? begun.method : `${begun.method} ${route}`,
    failed,
    attributes: {
      "http.request.method": begun.method,
      "http.route": route,
      "http.response.status_code": status,
      "url.scheme": "http",
      "server.address": ended.address,
      "server.port": ended.port,
      "error.type": failed ? String(status) : complete ? undefined : "canceled",
      "parley.request.id": begun.id,
      "parley.key.id": ended.keyId,
    },
  };
}

/** The conventions' names of the outcomes of answers that came to their end. */
const finishReasons: Partial<Readonly<Record<Outcome, string>>> = {
  stop: "stop",
  length: "length",
  calls: "tool_calls",
  filter: "content_filter",
};

/** The span of a generation (OpenTelemetry semantic conventions for generative AI); nothing of its content. */
export function generationSpan(place: SpanPlace, request: GenerationRequest, ended: GenerationEnd): Span {
  const { outcome, engine, usage, firstMs } = ended;
  const { sampling, format } = request;
  const model = modelName(request.model);
  const address = engine?.replica ?? engine?.address;
  const finishReason = finishReasons[outcome];
  return {
    ...place,
    kind: address === undefined ? "internal" : "client",
    name: model === undefined ? "chat" : `chat ${model}`,
    failed: finishReason === undefined && outcome !== "canceled",
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": engine?.kind,
      "gen_ai.request.model": model,
      "gen_ai.request.max_tokens": sampling.maxTokens,
      "gen_ai.request.temperature": double(sampling.temperature),
      "gen_ai.request.top_p": double(sampling.topP),
      "gen_ai.request.top_k": double(sampling.topK),
      "gen_ai.request.seed": sampling.seed,
      "gen_ai.output.type": format.type === "text" ? "text" : "json",
      "gen_ai.response.id": request.id,
      "gen_ai.response.model": engine?.model,
      "gen_ai.response.finish_reasons": finishReason === undefined ? undefined : [finishReason],
      "gen_ai.response.time_to_first_chunk": double(firstMs === undefined ? undefined : firstMs / 1000),
      "gen_ai.usage.input_tokens": usage?.input,
      "gen_ai.usage.output_tokens": usage?.output,
      "gen_ai.usage.cache_read.input_tokens": usage?.cached,
      "gen_ai.usage.reasoning.output_tokens": usage?.reasoning,
      ...serverOf(address),
      "error.type": finishReason === undefined ? outcome : undefined,
      "parley.engine": engine?.name,
    },
  };
}

/** The conventions say which numbers are doubles, also where the value is whole. */
function double(value: number | undefined): AttributeValue | undefined {
  return value === undefined ? undefined : { double: value };
}

/** Host and port of a base URL, or of a replica's public name, which is both. */
function serverOf(address: string | undefined): Record<string, AttributeValue> {
  const url = address === undefined ? null : URL.parse(address.includes("://") ? address : `http://${address}`);
  if (url === null) return {};
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  return { "server.address": url.hostname, "server.port": port };
}

/** A model's name for logs and spans: callers choose it, so one that does not look like a name is not shown. */
export function modelName(model: string): string | undefined {
  return /^[\p{L}\p{N}_.:/@+-]{1,120}$/u.test(model) ? model : undefined;
}

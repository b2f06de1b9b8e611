import type { GenerationRequest } from "../model/request.ts";
import { modelName } from "./model-name.ts";
import type { AttributeValue, Span } from "./span.ts";
import type { GenerationEnded, RequestBegun, RequestEnded } from "./watch.ts";

/** Where a span stands in its trace and in time. */
export type SpanPlace = Pick<Span, "traceId" | "spanId" | "parentId" | "startMs" | "endMs">;

/**
 * The span of an HTTP request, in the words of the HTTP server conventions. Paths and queries are left out, because
 * they may hold ids and tokens of downloads: the route stands for them.
 */
export function httpSpan(place: SpanPlace, begun: RequestBegun, ended: RequestEnded): Span {
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

/** Ends that are no failure of the generation. */
const ends: ReadonlySet<string> = new Set(["stop", "length", "calls", "filter"]);

/** The convention's words for two of ours. */
const reasons: Readonly<Record<string, string>> = { calls: "tool_calls", filter: "content_filter" };

/** The span of a generation, in the words of the GenAI conventions; nothing of its content. */
export function generationSpan(place: SpanPlace, request: GenerationRequest, ended: GenerationEnded): Span {
  const { how, engine, usage, firstMs } = ended;
  const { sampling, format } = request;
  const model = modelName(request.model);
  const address = engine?.replica ?? engine?.address;
  const well = ends.has(how);
  return {
    ...place,
    kind: address === undefined ? "internal" : "client",
    name: model === undefined ? "chat" : `chat ${model}`,
    failed: !well && how !== "canceled",
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
      "gen_ai.response.finish_reasons": well ? [reasons[how] ?? how] : undefined,
      "gen_ai.response.time_to_first_chunk": double(firstMs === undefined ? undefined : firstMs / 1000),
      "gen_ai.usage.input_tokens": usage?.input,
      "gen_ai.usage.output_tokens": usage?.output,
      "gen_ai.usage.cache_read.input_tokens": usage?.cached,
      "gen_ai.usage.reasoning.output_tokens": usage?.reasoning,
      ...serverOf(address),
      "error.type": well ? undefined : how,
      "parley.engine": engine?.name,
    },
  };
}

/** The conventions say which numbers are doubles, also where the value is whole. */
function double(value: number | undefined): AttributeValue | undefined {
  return value === undefined ? undefined : { double: value };
}

/** Host and port of a base URL. */
function serverOf(address: string | undefined): Record<string, AttributeValue> {
  const url = address === undefined ? null : URL.parse(address);
  if (url === null) return {};
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  return { "server.address": url.hostname, "server.port": port };
}

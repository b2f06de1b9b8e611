import type { Template } from "@huggingface/jinja";
import type { Family } from "../../../model/card.ts";
import { finish, type Steps } from "../../../lib/time-slices.ts";
import { ParleyError } from "../../../model/error.ts";
import { isObject, type Json, type JsonObject } from "../../../model/json.ts";
import type { GenerationRequest, OutputFormat } from "../../../model/request.ts";
import type { CallMarkup } from "../../markup/markup.ts";
import { promptFamilies, type PromptFamily } from "../../template/family.ts";
import { firstMedia } from "../../template/message.ts";
import { markGuard, templateMarks, type TextGuard } from "../../template/marks.ts";
import { compileTemplate, renderSteps } from "../../template/render.ts";
import type { UpstreamClient } from "../wire/client.ts";
import type { ModelMarkup } from "../read/markup.ts";
import type { Dialect } from "./dialect.ts";
import { streamFields } from "./request.ts";

/** A model's chat template, for servers that only complete text. */
export interface RawTemplate {
  template: Template;
  bosToken: string;
  eosToken: string;
  /** A caller's text without the template's own marks in it. */
  guard: TextGuard;
}

/** One request in raw mode: what to send, and how to read what comes. */
export interface RawRequest {
  body: JsonObject;
  markup: ModelMarkup;
  /** The beginning of the answer that the prompt already holds; read before the stream. */
  opening: string;
}

/** The prompt family of a model that is known by its card's family only. */
export function promptFamilyOf(family: Family | undefined): PromptFamily {
  return family === "m2" || family === "m3" ? promptFamilies[family] : promptFamilies.generic;
}

/**
 * The template: configured, or llama-server's own from `GET /props`. Other servers do not serve theirs, so for them it
 * has to be configured. Throws `internal` where there is none.
 */
export async function loadTemplate(client: UpstreamClient, source: string | undefined): Promise<RawTemplate> {
  if (source !== undefined) return rawTemplate(source, {});
  const props = await client.ask("/props", undefined, AbortSignal.timeout(5_000)).catch(() => undefined);
  const text = (name: string): string => (isObject(props) && typeof props[name] === "string" ? props[name] : "");
  if (text("chat_template") === "") {
    throw new ParleyError("internal", "raw mode needs the model's chat template: the upstream does not serve it");
  }
  // llama-server adds the beginning-of-text token itself.
  return rawTemplate(text("chat_template"), { eosToken: text("eos_token"), special: [text("bos_token")] });
}

/** `special`: further tokens of the server's vocabulary. */
export function rawTemplate(
  source: string,
  { bosToken = "", eosToken = "", special = [] }: { bosToken?: string; eosToken?: string; special?: string[] },
): RawTemplate {
  const guard = markGuard([...templateMarks(source), bosToken, eosToken, ...special]);
  return { template: compileTemplate(source), bosToken, eosToken, guard };
}

/** How a call begins in each markup, up to its name and behind it. */
const openings: Readonly<Record<Exclude<CallMarkup, "none">, { before: string; after: string }>> = {
  m2: { before: '<minimax:tool_call>\n<invoke name="', after: '">\n' },
  m3: { before: ']<]minimax[>[<tool_call>\n]<]minimax[>[<invoke name="', after: '">' },
  json: { before: '<tool_call>\n{"name": "', after: '", "arguments": ' },
};

/**
 * A forced call is forced by writing its beginning into the prompt; no server has to know how. Throws `invalid` for a name
 * that would be read as something else there.
 */
function openingFor(request: GenerationRequest, calls: CallMarkup, guard: RawTemplate["guard"]): string {
  const { toolChoice, tools } = request;
  if (calls === "none" || toolChoice === "auto" || toolChoice === "none" || tools.length === 0) return "";
  const { before, after } = openings[calls];
  const only = typeof toolChoice === "object" ? toolChoice.name : tools.length === 1 ? tools[0]?.name : undefined;
  if (only === undefined) return before;
  if (finish(guard(only)) !== only || /["\\<>\p{Cc}]/u.test(only)) {
    throw new ParleyError("invalid", "tool_choice: the tool's name cannot be written in this model's markup", {
      param: "tool_choice",
    });
  }
  return before + only + after;
}

/** The body of `POST /v1/completions`. Throws `invalid` for pictures and videos: a text prompt holds none. */
export function* rawRequest(
  request: GenerationRequest,
  dialect: Dialect,
  { family, bosToken, eosToken, template, guard }: RawTemplate & { family: PromptFamily },
): Steps<RawRequest> {
  const media = firstMedia(request.items);
  if (media !== undefined) throw new ParleyError("invalid", `${media.param}: this model takes no ${media.type}`, media);
  const opening = openingFor(request, family.calls, guard);
  // A forced call and a grammar begin where reasoning has ended.
  const direct = opening !== "" || request.format.type !== "text";
  const rendered = direct ? { ...request, reasoning: "off" as const } : request;
  const prompt = yield* renderSteps(template, rendered, { family, bosToken, eosToken, guard });
  const { sampling } = request;
  const body: Record<string, Json> = {
    model: request.model,
    prompt: prompt.text + opening,
    ...streamFields(request, dialect),
  };
  if (sampling.maxTokens !== undefined) body["max_tokens"] = sampling.maxTokens;
  if (sampling.temperature !== undefined) body["temperature"] = sampling.temperature;
  if (sampling.topP !== undefined) body["top_p"] = sampling.topP;
  if (sampling.topK !== undefined && dialect.topK) body["top_k"] = sampling.topK;
  if (sampling.seed !== undefined) body["seed"] = sampling.seed;
  if (sampling.stop.length > 0) body["stop"] = sampling.stop;
  return {
    body: { ...body, ...dialect.rawFields, ...formatFields(request.format, dialect) },
    markup: { think: prompt.think, calls: family.calls },
    opening,
  };
}

function formatFields(format: OutputFormat, dialect: Dialect): JsonObject {
  if (format.type === "text") return {};
  const schema = format.type === "schema" ? format.schema : { type: "object" };
  switch (dialect.rawFormat) {
    case "json_schema":
      return { json_schema: schema };
    case "json_schema_text":
      return { json_schema: JSON.stringify(schema) };
    case "response_format":
      return { response_format: { type: "json_schema", json_schema: { name: "answer", schema } } };
    case "none":
      return {};
  }
}

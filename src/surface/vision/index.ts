import { finish, type Steps } from "../../lib/time-slices.ts";
import type { ModelCard } from "../../model/card.ts";
import { invalid, ParleyError } from "../../model/error.ts";
import { textPart, type Media } from "../../model/item.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { Transcript } from "../../model/transcript.ts";
import { stopReasonOf } from "../shared/answer.ts";
import { baseResp, envelope } from "../shared/envelope.ts";
import { Fields } from "../shared/fields.ts";
import { imagePart, readMedia } from "../shared/media.ts";
import { refuseOverlongBody } from "../shared/prompt-size.ts";
import { engineTopP } from "../shared/sampling.ts";
import type { ParsedRequest, ParseContext, Reply, WholeSurface } from "../surface.ts";

/** The answer is never a stream. */
export interface VisionAnswerOptions {
  stream: false;
}

const success = { status_code: 0, status_msg: "success" };
/** Options of a picture are not part of this wire. */
const words = { details: {}, listed: [] };

/**
 * `POST /v1/coding_plan/vlm`: one question about one picture, `{"prompt","image_url"}` or `{"prompt","file_id"}`, answered
 * by `{"content","base_resp"}` (MiniMax-AI/cli 1.0.27 and MiniMax-Coding-Plan-MCP, which call it). The request names no
 * model: the first that reads images answers.
 */
export function visionSurface(): WholeSurface<VisionAnswerOptions> {
  return {
    name: "vision",
    path: "/v1/coding_plan/vlm",
    parse: (body, context) => finish(parseVision(body, context)),
    parseSteps: parseVision,
    json: (transcript) => ({ content: answerText(transcript), base_resp: success }),
    error: visionError,
  };
}

/** Throws `invalid` naming the field at fault. */
function* parseVision(value: unknown, context: ParseContext): Steps<ParsedRequest<VisionAnswerOptions>> {
  const body = Fields.of(value, "");
  const prompt = body.nonEmptyString("prompt");
  const param =
    body.ofAnyLength("image_url") === undefined && body.given("file_id") !== undefined ? "file_id" : "image_url";
  const media =
    param === "file_id" ? readFileId(body) : readMedia(body.nonEmptyLongString(param), param, context.strict);
  const card = context.imageModel?.();
  if (card === undefined) throw invalid(param, "no model that this key may use reads images");
  refuseOverlongBody(body, ["prompt"], context.contextWindow?.(card.id) ?? card.contextWindow);
  yield;
  const image = imagePart({ media, options: [], words, param });
  const request: GenerationRequest = {
    id: context.id,
    createdAt: context.createdAt,
    model: card.id,
    items: [{ type: "message", role: "user", parts: [image, textPart(prompt)] }],
    tools: [],
    toolChoice: "none",
    parallelCalls: false,
    reasoning: reasoningOf(card),
    format: { type: "text" },
    sampling: { temperature: card.temperature.default, topP: engineTopP(card.topP.default), stop: [] },
    tier: "standard",
    ...(context.strict ? { strict: true } : {}),
  };
  return { request, answerOptions: { stream: false } };
}

/** An uploaded file by its number, or by the digits of it. */
function readFileId(body: Fields): Media {
  const id = body.given("file_id");
  const digits = typeof id === "number" ? String(id) : body.requiredString("file_id");
  if (!/^\d{1,16}$/.test(digits)) throw body.error("file_id", "must be the number of a file");
  return { kind: "file", fileId: digits };
}

/** None is shown, so none is asked for. */
function reasoningOf({ reasoning }: ModelCard): GenerationRequest["reasoning"] {
  return reasoning === "always" ? "on" : "off";
}

/** Throws the error the answer ended with, and where moderation left nothing of it. */
function answerText(transcript: Transcript): string {
  const reason = stopReasonOf(transcript);
  if (typeof reason !== "string") throw reason;
  const text = transcript.text().trim();
  if (reason === "filter" && text === "") throw new ParleyError("output-sensitive", "moderation refused the output");
  return text;
}

function visionError(error: ParleyError, requestId: string): Reply {
  return { ...envelope(error, requestId), body: { base_resp: baseResp(error) } };
}

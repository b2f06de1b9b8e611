import { finish } from "../../lib/time-slices.ts";
import type { ResponseEvent } from "../../model/response.ts";
import type { ParsedRequest, Surface } from "../surface.ts";
import type { ResponsesAnswerOptions } from "./answer-options.ts";
import { responsesCodec } from "./codec.ts";
import { compactionBody } from "./compaction.ts";
import { endText, eventFrame, eventJson, eventJsonSteps, eventText, isLong, ResponsesSseEncoder } from "./encode.ts";
import { errorReply, socketError } from "./error.ts";
import type { ResponsesOptions } from "./answer-options.ts";
import { parseRequest } from "./parse.ts";

export type ParsedResponses = ParsedRequest<ResponsesAnswerOptions>;
export type { ResponseEvent, ResponsesAnswerOptions, ResponsesOptions };
export {
  compactionBody,
  endText,
  eventFrame,
  eventJson,
  eventJsonSteps,
  eventText,
  isLong,
  responsesCodec,
  socketError,
};

/** `POST /v1/responses` as the vendor documents it, completed to the Open Responses contract (docs/api-responses.md). */
export function responsesSurface(options: ResponsesOptions): Surface<ResponsesAnswerOptions> {
  const codec = responsesCodec(options);
  return {
    name: "responses",
    path: "/v1/responses",
    parse: (body, context) => finish(parseRequest(body, context, options)),
    parseSteps: (body, context) => parseRequest(body, context, options),
    json: (transcript, parsed) => codec.encoder(parsed).body(transcript),
    sse: (parsed) => new ResponsesSseEncoder(codec.encoder(parsed), endText(options.sseDone)),
    error: errorReply,
  };
}

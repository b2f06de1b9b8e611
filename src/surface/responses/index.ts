import type { Surface } from "../surface.ts";
import { bodySource, emptyBody, responseBody } from "./body.ts";
import { compactionBody, compactionRequest } from "./compaction.ts";
import { endText, eventJson, eventText, ResponsesSseEncoder } from "./encode.ts";
import { errorReply, socketError } from "./error.ts";
import type { ResponseEvent } from "./events.ts";
import { ResponseEvents } from "./events.ts";
import type { Recall } from "./history.ts";
import { needsRecall, recalled } from "./history.ts";
import { inputItems } from "./input-items.ts";
import type { ItemContext } from "./item.ts";
import { parseItems } from "./item.ts";
import type { ResponsesOptions } from "./option.ts";
import { answerById, answerItems } from "./output.ts";
import { parseRequest } from "./parse.ts";
import type { ResponsesAnswerOptions } from "./answer-options.ts";

export type { ItemContext, Recall, ResponseEvent, ResponsesOptions, ResponsesAnswerOptions };
export {
  answerById,
  answerItems,
  bodySource,
  compactionBody,
  compactionRequest,
  emptyBody,
  endText,
  eventJson,
  eventText,
  inputItems,
  needsRecall,
  parseItems,
  recalled,
  responseBody,
  ResponseEvents,
  socketError,
};

/** `POST /v1/responses`: seeds 000 and 004, completed to the Open Responses contract (docs/api-responses.md). */
export function responsesSurface(options: ResponsesOptions): Surface<ResponsesAnswerOptions> {
  return {
    name: "responses",
    path: "/v1/responses",
    parse: (body, context) => parseRequest(body, context, options),
    json: (transcript, parsed) => responseBody(bodySource(parsed, options), transcript),
    sse: (parsed) => new ResponsesSseEncoder(new ResponseEvents(bodySource(parsed, options)), endText(options.sseDone)),
    error: errorReply,
  };
}

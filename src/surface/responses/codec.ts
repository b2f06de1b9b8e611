import type { Batch } from "../../model/event.ts";
import type { Item } from "../../model/item.ts";
import type { JsonObject } from "../../model/json.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { ResponseEvent } from "../../model/response.ts";
import type { Transcript } from "../../model/transcript.ts";
import type { ParsedRequest } from "../surface.ts";
import type { ResponsesAnswerOptions } from "./answer-options.ts";
import { responseBody, type BodySource, type ResponseStatus } from "./body.ts";
import { CompactionEncoder, CompactionOutput, compactionRequest } from "./compaction.ts";
import { cipherFor } from "../shared/encrypted-text.ts";
import { ResponseEvents } from "./events.ts";
import { recalled } from "./history.ts";
import { toolsItem } from "./item.ts";
import { foundTools } from "./tools.ts";
import { inputItems } from "./input-items.ts";
import type { ResponsesOptions } from "./answer-options.ts";
import { answerItems, itemAt, Output } from "./output.ts";

type Parsed = ParsedRequest<ResponsesAnswerOptions>;

/** The error of a response whose process ended before its answer was complete. */
const interruption = { code: "server_error", message: "the server stopped before the answer was complete (1000)" };

/** The events and bodies of one answer that a model generates. */
class AnswerEncoder {
  private readonly source: BodySource;
  private readonly output: Output;
  private readonly encoder: ResponseEvents;

  constructor(parsed: Parsed, options: ResponsesOptions) {
    const { request, answerOptions } = parsed;
    const cipher = answerOptions.encryptReasoning ? cipherFor(options.cipher, answerOptions.owner) : undefined;
    const { forms, searched, summarizeReasoning } = answerOptions;
    this.output = new Output({ id: request.id, forms, searched, summarizeReasoning, cipher });
    const source = { parsed, ids: options.ids, output: this.output };
    this.source = source;
    this.encoder = new ResponseEvents(source);
  }

  queued(): ResponseEvent[] {
    return this.encoder.queued();
  }

  accept(batch: Batch, transcript: Transcript): ResponseEvent[] {
    return this.encoder.accept(batch, transcript);
  }

  body(transcript: Transcript, status?: ResponseStatus): JsonObject {
    return responseBody(this.source, transcript, status);
  }

  items(transcript: Transcript): { id: string; item: Item }[] {
    const items = answerItems(transcript).map((item, index) => ({
      id: this.output.idOf(itemAt(transcript, index), index),
      item,
    }));
    if (items.length === 0) return [];
    const tools = foundTools(this.source.parsed.answerOptions.searched);
    const search = this.output.search().map(({ id }) => ({ id, item: toolsItem(tools) }));
    return [...search, ...items];
  }
}

/** What the Responses use case needs of the wire: events, bodies, recalled requests and compactions. */
export function responsesCodec(options: ResponsesOptions) {
  return {
    encoder: (parsed: Parsed): AnswerEncoder | CompactionEncoder => {
      if (parsed.answerOptions.kind !== "compaction") return new AnswerEncoder(parsed, options);
      const output = new CompactionOutput(parsed.request.id, cipherFor(options.cipher, parsed.answerOptions.owner));
      return new CompactionEncoder({ parsed, ids: options.ids, output });
    },
    recalled,
    engineRequest: (parsed: Parsed): GenerationRequest =>
      parsed.answerOptions.kind === "compaction" ? compactionRequest(parsed) : parsed.request,
    inputItems,
    interrupted: (body: JsonObject): JsonObject => ({ ...body, status: "failed", error: interruption }),
  };
}

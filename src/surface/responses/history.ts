import type { Steps } from "../../lib/time-slices.ts";
import { invalid, ParleyError } from "../../model/error.ts";
import type { Item } from "../../model/item.ts";
import { textPart } from "../../model/item.ts";
import type { JsonObject } from "../../model/json.ts";
import type { ItemReference, RecalledParts } from "../../model/response.ts";
import { Fields } from "../shared/fields.ts";
import type { ParsedRequest } from "../surface.ts";
import { OpenCalls } from "../shared/open-calls.ts";
import type { ResponsesAnswerOptions } from "./answer-options.ts";
import { readChoice } from "./tool-choice.ts";
import { addTools, emptyToolbox, searchedTools, type Toolbox } from "./tools.ts";

/** Reasoning that is no longer stored changes little; a conversation should not end for it. */
const reasoningId = /_rs(_\d+)?$/;

/**
 * The request with its whole conversation: instructions, history, input, and every tool they make available. In the result
 * `answerOptions.input` holds only items: what history keeps of this turn. Throws `invalid` for an unknown reference and
 * for calls and results that do not pair up.
 */
export function* recalled(
  parsed: ParsedRequest<ResponsesAnswerOptions>,
  recall: RecalledParts,
): Steps<ParsedRequest<ResponsesAnswerOptions>> {
  const input = parsed.answerOptions.input.flatMap((item) =>
    item.type === "reference" ? dereference(item, recall) : [item],
  );
  const { echo, tools: own } = parsed.answerOptions;
  const conversation = [...instructionItems(echo.instructions), ...recall.history, ...input];
  checkPairs(conversation);
  yield;
  const toolbox = yield* toolboxOf(own, conversation);
  yield;
  const { tools, toolChoice, forms } = readChoice(echo.toolChoice, toolbox);
  const searched = searchedTools(toolbox, Fields.of({ tools: own }, ""));
  const items = conversation.filter((item) => item.type !== "message" || item.tools === undefined);
  return {
    request: { ...parsed.request, items, tools, toolChoice },
    answerOptions: { ...parsed.answerOptions, input, forms, searched },
  };
}

/** The request's own tools and those that items of the conversation add. */
function* toolboxOf(own: readonly JsonObject[], conversation: readonly Item[]): Steps<Toolbox> {
  const toolbox = emptyToolbox();
  yield* addTools(toolbox, Fields.of({ tools: own }, ""), { strict: false, added: false });
  for (const item of conversation) {
    if (item.type !== "message" || item.tools === undefined) continue;
    yield* addTools(toolbox, Fields.of({ tools: item.tools }, ""), { strict: false, added: true });
  }
  return toolbox;
}

function dereference(reference: ItemReference, recall: RecalledParts): readonly Item[] {
  const items = recall.resolve(reference.id);
  if (items !== undefined) return items;
  if (reasoningId.test(reference.id)) return [];
  throw new ParleyError("invalid", `${reference.param}: item ${JSON.stringify(reference.id)} not found`, {
    param: reference.param,
    code: "item_not_found",
  });
}

function instructionItems(instructions: string | null): Item[] {
  if (instructions === null || instructions === "") return [];
  return [{ type: "message", role: "system", parts: [textPart(instructions)] }];
}

/** Every result answers a call before it, and every call has its result. */
function checkPairs(items: readonly Item[]): void {
  const open = new OpenCalls();
  for (const item of items) {
    if (item.type === "call") open.call(item.id);
    if (item.type === "result" && !open.result(item.id)) {
      throw invalid("input", `tool result's tool id(${item.id}) not found`);
    }
  }
  if (open.first !== undefined) throw invalid("input", `no tool output found for call ${open.first.id}`);
}

import type { ModelCard } from "../../model/card.ts";
import { invalid } from "../../model/error.ts";
import type { CallItem, Item, Role } from "../../model/item.ts";
import { textPart } from "../../model/item.ts";
import { Fields } from "../shared/fields.ts";
import { OpenCalls } from "../shared/open-calls.ts";
import { callIdOf, parseCall, shellOutput } from "./call.ts";
import { parseContent } from "./part.ts";
import type { TextCipher } from "../../lib/cipher.ts";
import { decryptText } from "./encrypted-text.ts";
import type { Reference } from "./answer-options.ts";

/** What reading items depends on. */
export interface ItemContext {
  card: ModelCard;
  strict: boolean;
  cipher: TextCipher | undefined;
}

/** What the input means. */
export interface ParsedInput {
  items: (Item | Reference)[];
  /** A `compaction_trigger` was among the items. */
  compact: boolean;
}

/** Put before the text of a decrypted compaction item, so that the model is not misled about its author. */
const summaryIntroduction = "Summary of the conversation so far:\n\n";

const messageRoles = ["user", "assistant", "system", "developer", "tool"] as const;
const vendorTypes = new Set(["message", "function_call", "function_call_output", "reasoning"]);
const resultTypes = new Set(["function_call_output", "custom_tool_call_output"]);
const shellResultTypes = new Set(["local_shell_call_output", "shell_call_output"]);
/** `compaction_summary` and `context_compaction` are older names that clients still hold. */
const compactionTypes = new Set(["compaction", "compaction_summary", "context_compaction"]);
/**
 * Traces of tools that the vendor's cloud or a client runs (`web_search_call`, `mcp_list_tools`, `computer_call_output`):
 * they hold nothing that a model here could use. By their endings, because agents invent new ones with every release.
 */
const silentType = /_(call|output|request|response|tools|update)$|^program$/;

/** Throws `invalid` naming the item at fault: `input[3].content[0].type`. */
export function parseItems(values: readonly unknown[], path: string, context: ItemContext): ParsedInput {
  const parsed: ParsedInput = { items: [], compact: false };
  const open = new OpenCalls();
  for (const [index, value] of values.entries()) {
    const item = Fields.of(value, `${path}[${index}]`);
    if (item.given("type") === "compaction_trigger") {
      if (index < values.length - 1) throw item.error("type", "compaction_trigger must be the last input item");
      parsed.compact = true;
      continue;
    }
    for (const found of parseItem(item, context, open)) {
      if (found.type === "call") open.call(found.id);
      if (found.type === "result") open.result(found.id);
      parsed.items.push(found);
    }
  }
  return parsed;
}

function parseItem(item: Fields, context: ItemContext, open: OpenCalls): (Item | Reference)[] {
  const type = typeOf(item);
  if (context.strict && !vendorTypes.has(type)) throw item.error("type", `unknown item type ${type}`);
  if (type === "message") return [parseMessage(item, context, open)];
  if (type === "reasoning") return parseReasoning(item, context);
  if (type === "item_reference") return [{ type: "reference", id: item.nonEmptyString("id"), param: item.path }];
  if (resultTypes.has(type)) return [result(item, parseContent(item, "output", context.card))];
  if (shellResultTypes.has(type)) return [result(item, [textPart(shellOutput(item))])];
  if (type === "apply_patch_call_output") return [patchResult(item)];
  if (compactionTypes.has(type)) return [parseCompaction(item, context)];
  const call = parseCall(item, type);
  if (call !== undefined) return type === "mcp_call" ? [call, mcpResult(item, call)] : [call];
  if (silentType.test(type)) return [];
  throw item.error("type", `unknown item type ${JSON.stringify(type)}`);
}

/** Absent means a message (MiniMax API docs, create response, 2026-11), except for a bare id, which Open Responses lets stand for a reference. */
function typeOf(item: Fields): string {
  const type = item.string("type");
  if (type !== undefined) return type;
  const bare = item.given("role") === undefined && item.given("content") === undefined;
  return bare && item.given("id") !== undefined ? "item_reference" : "message";
}

function parseMessage(item: Fields, context: ItemContext, open: OpenCalls): Item {
  const role = item.required("role", item.word("role", messageRoles));
  const parts = parseContent(item, "content", context.card);
  // The vendor's own words for it; without `strict` an empty message is passed on.
  if (context.strict && role === "user" && parts.length === 0) throw item.error("content", "chat content is empty");
  if (role === "assistant" && parts.some((part) => part.type !== "text"))
    throw item.error("content", "an assistant says text only");
  if (role === "tool") return { type: "result", id: toolCallId(item, open), parts, failed: false };
  const name = item.string("name");
  const phase = item.string("phase");
  return {
    type: "message",
    role: role satisfies Role,
    parts,
    ...(name === undefined ? {} : { name }),
    ...(phase === undefined ? {} : { phase }),
  };
}

/** A tool message without an id answers the first call before it that has no result yet. */
function toolCallId(item: Fields, open: OpenCalls): string {
  const id = item.string("call_id") ?? item.string("tool_call_id") ?? open.first?.id;
  if (id === undefined) throw invalid(item.path, "tool call result does not follow tool call");
  return id;
}

function result(item: Fields, parts: Extract<Item, { type: "result" }>["parts"]): Item {
  return { type: "result", id: callIdOf(item), parts, failed: false };
}

function patchResult(item: Fields): Item {
  const failed = item.string("status") === "failed";
  return { type: "result", id: callIdOf(item), parts: [textPart(item.string("output") ?? "")], failed };
}

function mcpResult(item: Fields, call: CallItem): Item {
  const problem = item.given("error");
  const failed = problem !== undefined;
  const text = typeof problem === "string" ? problem : JSON.stringify(problem);
  return {
    type: "result",
    id: call.id,
    parts: [textPart(failed ? text : (item.string("output") ?? ""))],
    failed,
  };
}

/** Exact from our encrypted text, else from `content`, else from `summary`; without any of them there is no item. */
function parseReasoning(item: Fields, context: ItemContext): Item[] {
  const encrypted = item.string("encrypted_content");
  const decrypted = encrypted === undefined ? undefined : decryptText(context.cipher, "reasoning", encrypted);
  const content = joinedText(item, "content", "");
  const summary = joinedText(item, "summary", "\n\n");
  const text = decrypted ?? (content === "" ? summary : content);
  return text === "" ? [] : [{ type: "reasoning", text }];
}

function joinedText(item: Fields, key: string, separator: string): string {
  return Array.from(item.objects(key), (part) => part.string("text") ?? "").join(separator);
}

function parseCompaction(item: Fields, context: ItemContext): Item {
  const summary = decryptText(context.cipher, "compaction", item.nonEmptyString("encrypted_content"));
  if (summary === undefined) {
    throw item.error("encrypted_content", "was not made by this server, or its secret has changed");
  }
  return summaryMessage(summary);
}

/** A compaction as the model reads it. */
export function summaryMessage(summary: string): Item {
  return { type: "message", role: "user", parts: [textPart(summaryIntroduction + summary)] };
}

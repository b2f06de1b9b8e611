import { finish, type Steps } from "../../lib/time-slices.ts";
import type { ModelCard } from "../../model/card.ts";
import { invalid } from "../../model/error.ts";
import type { CallItem, Item, Part, Role } from "../../model/item.ts";
import { textPart, withOwnLines } from "../../model/item.ts";
import type { JsonObject } from "../../model/json.ts";
import type { ItemReference } from "../../model/response.ts";
import { Fields } from "../shared/fields.ts";
import { OpenCalls } from "../shared/open-calls.ts";
import { callIdOf, flatName, parseCall, shellOutput, type CallType } from "./call.ts";
import { parseContent } from "./part.ts";
import type { TextCipher } from "../../lib/cipher.ts";
import { decryptText } from "../shared/encrypted-text.ts";
import { addTools, foundTools, modelName, type Toolbox } from "./tools.ts";

/** What reading items depends on. */
export interface ItemContext {
  card: ModelCard;
  strict: boolean;
  cipher: TextCipher | undefined;
  /** The tools so far; items add to them. */
  toolbox: Toolbox;
}

/** What the input means. */
export interface ParsedInput {
  items: (Item | ItemReference)[];
  /** A `compaction_trigger` was among the items. */
  compact: boolean;
  /** Types of items and parts that were left out, in order. */
  dropped: Set<string>;
}

/** The input as far as it was read. */
interface Reading extends ItemContext {
  open: OpenCalls;
  dropped: Set<string>;
}

/** Put before the text of a decrypted compaction item, so that the model is not misled about its author. */
const summaryIntroduction = "Summary of the conversation so far:\n\n";

const messageRoles = ["user", "assistant", "system", "developer", "tool"] as const;
const vendorTypes = new Set(["message", "function_call", "function_call_output", "reasoning"]);

type ItemReader = (item: Fields, reading: Reading, type: string) => (Item | ItemReference)[];

/** What each item type means; `nothing` for what holds nothing that a model here could use. */
const itemTypes: Readonly<Record<string, ItemReader | "nothing">> = {
  message: (item, reading) => [parseMessage(item, reading)],
  /** A word from one agent to another (Codex). */
  agent_message: (item, reading) => [
    { type: "message", role: "user", parts: parseContent(item, "content", { ...reading, place: "message" }) },
  ],
  reasoning: (item, reading) => parseReasoning(item, reading),
  item_reference: (item) => [{ type: "reference", id: item.nonEmptyString("id"), param: item.path }],
  additional_tools: (item, reading) => parseAddedTools(item, reading),
  tool_search_output: (item, reading) => parseSearchOutput(item, reading),
  tool_search_call: (item, reading, type) => (isServerSearch(item) ? [] : parseToolCall(item, reading, type)),
  function_call: parseToolCall,
  custom_tool_call: parseToolCall,
  local_shell_call: parseToolCall,
  shell_call: parseToolCall,
  apply_patch_call: parseToolCall,
  mcp_call: parseToolCall,
  function_call_output: parseResult,
  custom_tool_call_output: parseResult,
  local_shell_call_output: (item) => [result(item, [textPart(shellOutput(item))])],
  shell_call_output: (item) => [result(item, [textPart(shellOutput(item))])],
  apply_patch_call_output: (item) => [patchResult(item)],
  compaction: (item, reading) => [parseCompaction(item, reading)],
  /** Older names that clients still hold. */
  compaction_summary: (item, reading) => [parseCompaction(item, reading)],
  context_compaction: (item, reading) => [parseCompaction(item, reading)],
  /** Traces of tools that the vendor's or OpenAI's cloud runs. */
  web_search_call: "nothing",
  file_search_call: "nothing",
  computer_call: "nothing",
  computer_call_output: "nothing",
  code_interpreter_call: "nothing",
  image_generation_call: "nothing",
  mcp_list_tools: "nothing",
  mcp_approval_request: "nothing",
  mcp_approval_response: "nothing",
  program: "nothing",
  program_output: "nothing",
  configuration_update: "nothing",
  /** Codex's note of the state of a repository. */
  ghost_snapshot: "nothing",
};

/** Items that are read in one step. */
const itemsPerStep = 100;

/** Throws `invalid` naming the item at fault: `input[3].content[0].type`. */
export function* parseItems(values: readonly unknown[], path: string, context: ItemContext): Steps<ParsedInput> {
  const parsed: ParsedInput = { items: [], compact: false, dropped: new Set() };
  const open = new OpenCalls();
  const reading: Reading = { ...context, open, dropped: parsed.dropped };
  for (const [index, value] of values.entries()) {
    if (index % itemsPerStep === 0) yield;
    const item = Fields.of(value, `${path}[${index}]`);
    if (!context.strict && item.given("type") === "compaction_trigger") {
      if (index < values.length - 1) throw item.error("type", "compaction_trigger must be the last input item");
      parsed.compact = true;
      continue;
    }
    for (const found of parseItem(item, reading)) {
      if (found.type === "call") open.call(found.id);
      if (found.type === "result") open.result(found.id);
      parsed.items.push(found);
    }
  }
  return parsed;
}

function parseItem(item: Fields, reading: Reading): (Item | ItemReference)[] {
  const type = typeOf(item);
  if (reading.strict && !vendorTypes.has(type)) throw item.error("type", `unknown item type ${type}`);
  const meaning = Object.hasOwn(itemTypes, type) ? itemTypes[type] : undefined;
  if (meaning === undefined) throw item.error("type", `unknown item type ${JSON.stringify(type)}`);
  if (meaning !== "nothing") return meaning(item, reading, type);
  reading.dropped.add(type);
  return [];
}

function parseToolCall(item: Fields, reading: Reading, type: string): Item[] {
  const call = parseCall(item, type as CallType, (form) => modelName(reading.toolbox, form));
  return type === "mcp_call" ? [call, mcpResult(item, call)] : [call];
}

function parseResult(item: Fields, reading: Reading): Item[] {
  const parts = parseContent(item, "output", { ...reading, place: "result" });
  const source = reading.strict ? undefined : sourceOf(item, reading.open);
  return [source === undefined ? result(item, parts) : sourceMessage(source, withOwnLines(parts))];
}

/**
 * Where an output comes from that answers no call: Codex sends the goal of its agent as the output of
 * `agent.goal_objective`, with an `id` and without a `call_id`.
 */
function sourceOf(item: Fields, open: OpenCalls): string | undefined {
  const name = item.string("name") ?? "";
  const id = item.string("id");
  if (name === "" || item.given("call_id") !== undefined || (id !== undefined && open.has(id))) return undefined;
  const namespace = item.string("namespace") ?? "";
  return namespace === "" ? name : `${namespace}.${name}`;
}

/** What the harness says beside the conversation. */
function sourceMessage(source: string, [first, ...others]: readonly Part[]): Item {
  const label = `${source}: `;
  const parts =
    first?.type === "text"
      ? [textPart(label + first.text), ...others]
      : [textPart(label), ...(first === undefined ? [] : [first])];
  return { type: "message", role: "developer", parts };
}

/** A note of the tools that can be called from here on. */
export function toolsItem(tools: readonly JsonObject[]): Item {
  return { type: "message", role: "developer", parts: [], tools };
}

function parseAddedTools(item: Fields, { toolbox }: Reading): Item[] {
  item.required("tools", item.array("tools"));
  finish(addTools(toolbox, item, { strict: false, added: true }));
  return [toolsItem(item.value["tools"] as JsonObject[])];
}

/** A search that a server has run has no call that waits for its result. */
function isServerSearch(item: Fields): boolean {
  const execution = item.word("execution", ["server", "client"] as const);
  return execution === "server" || (execution === undefined && item.given("call_id") === undefined);
}

function parseSearchOutput(item: Fields, { toolbox }: Reading): Item[] {
  const tools = foundTools(Array.from(item.objects("tools"), ({ value }) => value as JsonObject));
  finish(addTools(toolbox, item, { strict: false, added: true }));
  const note = toolsItem(tools);
  return isServerSearch(item) ? [note] : [result(item, [textPart(foundText(item))]), note];
}

/** What the model reads of a search it asked for; the tools themselves are shown where all tools are. */
function foundText(item: Fields): string {
  const names = Array.from(item.objects("tools")).flatMap((tool) => {
    const name = tool.string("name") ?? tool.nonEmptyString("type");
    if (tool.given("type") !== "namespace") return [name];
    return Array.from(tool.objects("tools"), (nested) => flatName(nested.nonEmptyString("name"), name));
  });
  return names.length === 0 ? "No tools were found." : `Tools found, which can be called now: ${names.join(", ")}`;
}

/** Absent means a message (MiniMax API docs, create response, 2026-11), except for a bare id, which Open Responses lets stand for a reference. */
function typeOf(item: Fields): string {
  const type = item.string("type");
  if (type !== undefined) return type;
  const bare = item.given("role") === undefined && item.given("content") === undefined;
  return bare && item.given("id") !== undefined ? "item_reference" : "message";
}

function parseMessage(item: Fields, reading: Reading): Item {
  const role = item.required("role", item.word("role", messageRoles));
  const place = role === "tool" ? "result" : "message";
  const parts = parseContent(item, "content", { ...reading, place });
  // The vendor's own words for it; without `strict` an empty message is passed on.
  if (reading.strict && role === "user" && parts.length === 0) throw item.error("content", "chat content is empty");
  if (role === "assistant" && parts.some((part) => part.type !== "text"))
    throw item.error("content", "an assistant says text only");
  if (role === "tool") {
    return { type: "result", id: toolCallId(item, reading.open), parts: withOwnLines(parts), failed: false };
  }
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
  return { type: "result", id: callIdOf(item), parts: withOwnLines(parts), failed: false };
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
    throw item.error(
      "encrypted_content",
      "was not made by this server for this key or its organisation, or the server's secret has changed",
    );
  }
  return summaryMessage(summary);
}

/** A compaction as the model reads it. */
export function summaryMessage(summary: string): Item {
  return { type: "message", role: "user", parts: [textPart(summaryIntroduction + summary)] };
}

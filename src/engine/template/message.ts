import type { CallItem, Item, MessageItem, Part, Role } from "../../model/item.ts";
import { textOf } from "../../model/item.ts";
import { isObject, parseJson } from "../../model/json.ts";
import type { PromptFamily } from "./family.ts";

/** A call as templates take it: arguments are an object, not JSON text. */
export interface TemplateCall {
  id: string;
  type: "function";
  function: { name: string; arguments: Record<string, unknown> };
}

/** A message as chat templates take it (the form of Transformers' `apply_chat_template`). */
export interface TemplateMessage {
  role: "root" | "system" | "user" | "assistant" | "tool";
  content: string;
  name?: string;
  reasoning_content?: string;
  tool_calls?: TemplateCall[];
  tool_call_id?: string;
}

type PlacedRole = "root" | "system" | "user" | "assistant";

/** Where a role's text goes, and the words put before it. Role-play roles have no place of their own in templates. */
const places: Readonly<Record<Role, { role: PlacedRole; lead?: string; speaker?: string }>> = {
  root: { role: "root" },
  system: { role: "system" },
  developer: { role: "system" },
  user: { role: "user" },
  assistant: { role: "assistant" },
  user_system: { role: "system", lead: "The user's persona" },
  group: { role: "system", lead: "The scene" },
  sample_message_user: { role: "system", lead: "Example dialogue", speaker: "User" },
  sample_message_ai: { role: "system", lead: "Example dialogue", speaker: "Assistant" },
};

/**
 * Items as template messages. System-side text is merged, in order, into one leading message (templates read the first
 * only), except for roles that the family keeps apart. Reasoning, text and calls of one assistant turn fold
 * into one message. Images and videos are left out here: the engine refuses them or sends them another way.
 */
export function templateMessages(items: readonly Item[], family?: Pick<PromptFamily, "ownRoles">): TemplateMessage[] {
  const named = namesThatMatter(items);
  const heads: Record<"root" | "system", string[]> = { root: [], system: [] };
  const turns = new Turns();
  let lead: string | undefined;
  for (const item of items) {
    const place = item.type === "message" ? places[item.role] : undefined;
    if (item.type !== "message" || place === undefined || place.role === "user" || place.role === "assistant") {
      turns.add(item, named);
      lead = undefined;
      continue;
    }
    const text = systemText(item, place, lead);
    const own = place.role === "root" && (family?.ownRoles.includes("root") ?? false);
    // example turns under one heading are one block
    if (place.speaker !== undefined && lead === place.lead) heads.system.push(`${heads.system.pop() ?? ""}\n${text}`);
    else if (text !== "") heads[own ? "root" : "system"].push(text);
    lead = place.lead;
  }
  return [...head("root", heads.root), ...head("system", heads.system), ...turns.messages];
}

function head(role: "root" | "system", texts: readonly string[]): TemplateMessage[] {
  return texts.length === 0 ? [] : [{ role, content: texts.join("\n\n") }];
}

function systemText(
  item: MessageItem,
  place: { lead?: string; speaker?: string },
  previous: string | undefined,
): string {
  const text = textOf(item.parts);
  if (place.lead === undefined) return text;
  if (place.speaker === undefined) {
    return `${place.lead}${item.name === undefined ? "" : ` (${item.name})`}:\n${text}`;
  }
  const line = `${item.name ?? place.speaker}: ${text}`;
  return previous === place.lead ? line : `${place.lead}:\n${line}`;
}

/** Roles with several senders: there a name must be readable in the text, for templates ignore the field. */
function namesThatMatter(items: readonly Item[]): ReadonlySet<Role> {
  const names = new Map<Role, Set<string>>();
  for (const item of items) {
    if (item.type !== "message" || item.name === undefined) continue;
    names.set(item.role, (names.get(item.role) ?? new Set()).add(item.name));
  }
  return new Set([...names].filter(([, senders]) => senders.size > 1).map(([role]) => role));
}

/** Folds items of the conversation into messages; an assistant turn takes reasoning, then text, then calls. */
class Turns {
  readonly messages: TemplateMessage[] = [];
  // changed by items
  private turn: TemplateMessage | undefined;
  private stage: "reasoning" | "text" | "calls" = "reasoning";

  add(item: Item, named: ReadonlySet<Role>): void {
    if (item.type === "reasoning") this.reasoning(item.text);
    else if (item.type === "call") this.call(item);
    else if (item.type === "result") this.other({ role: "tool", content: textOf(item.parts), tool_call_id: item.id });
    else if (item.role === "assistant") this.text(item, named);
    else this.other({ role: "user", ...sender(item, named) });
  }

  private other(message: TemplateMessage): void {
    this.turn = undefined;
    this.messages.push(message);
  }

  private reasoning(text: string): void {
    const turn = this.turnFor("reasoning");
    turn.reasoning_content = turn.reasoning_content === undefined ? text : `${turn.reasoning_content}\n${text}`;
  }

  private text(item: MessageItem, named: ReadonlySet<Role>): void {
    // two assistant messages in a row are two turns
    if (this.stage === "text") this.turn = undefined;
    const turn = this.turnFor("text");
    const { content, ...rest } = sender(item, named);
    // templates put their own newlines behind reasoning; those the model wrote there stand in the answer's text
    Object.assign(turn, rest, { content: content.replace(/^\n+/u, "") });
    this.stage = "text";
  }

  private call(item: CallItem): void {
    const turn = this.turnFor("calls");
    const call: TemplateCall = {
      id: item.id,
      type: "function",
      function: { name: item.name, arguments: callArguments(item.args) },
    };
    turn.tool_calls ??= [];
    turn.tool_calls.push(call);
  }

  private turnFor(stage: "reasoning" | "text" | "calls"): TemplateMessage {
    const order = ["reasoning", "text", "calls"];
    if (this.turn === undefined || order.indexOf(stage) < order.indexOf(this.stage)) {
      this.turn = { role: "assistant", content: "" };
      this.messages.push(this.turn);
    }
    this.stage = stage;
    return this.turn;
  }
}

function sender(item: MessageItem, named: ReadonlySet<Role>): { content: string; name?: string } {
  const text = textOf(item.parts);
  if (item.name === undefined) return { content: text };
  return { content: named.has(item.role) ? `${item.name}: ${text}` : text, name: item.name };
}

/** Templates walk over arguments; text that is no JSON object is kept whole under one name. */
function callArguments(args: string): Record<string, unknown> {
  const value = args.trim() === "" ? {} : parseJson(args);
  return isObject(value) ? value : { arguments: args };
}

/**
 * The same conversation for templates that know less: system text opens the first user message, turns of one speaker
 * in a row are one, and ids of calls are nine letters and digits (what Mistral's templates insist on).
 */
export function plainerMessages(messages: readonly TemplateMessage[]): TemplateMessage[] {
  const ids = new Map<string, string>();
  const short = (id: string): string => {
    const known = ids.get(id) ?? `call${String(ids.size + 1).padStart(5, "0")}`;
    ids.set(id, known);
    return known;
  };
  const plain: TemplateMessage[] = [];
  for (const message of messages) {
    const role = message.role === "root" || message.role === "system" ? "user" : message.role;
    const last = plain.at(-1);
    if (last?.role === role && role === "user") {
      last.content = `${last.content}\n\n${message.content}`;
      continue;
    }
    const { tool_calls: calls, tool_call_id: answered } = message;
    plain.push({
      ...message,
      role,
      ...(calls === undefined ? {} : { tool_calls: calls.map((call) => ({ ...call, id: short(call.id) })) }),
      ...(answered === undefined ? {} : { tool_call_id: short(answered) }),
    });
  }
  return plain;
}

/** The first part a text-only engine cannot take, as the caller would find it. */
export function firstMedia(items: readonly Item[]): { param: string; type: "image" | "video" } | undefined {
  for (const [index, item] of items.entries()) {
    const parts: readonly Part[] = item.type === "message" || item.type === "result" ? item.parts : [];
    for (const part of parts) {
      if (part.type !== "text") return { param: part.param ?? `messages[${index}].content`, type: part.type };
    }
  }
  return undefined;
}

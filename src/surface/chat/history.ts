import { ParleyError } from "../../model/error.ts";
import type { CallItem } from "../../model/item.ts";
import { isObject, parseJson } from "../../model/json.ts";
import { readArray, readObject, readString, refuseDeep, required } from "./field.ts";

/** Error texts here are the vendor's own (spec sheet 4.4): clients match on them. */
function refusal(message: string, param: string): ParleyError {
  return new ParleyError("invalid", message, { param });
}

/** The start of a caller's own text, for a message. */
function shown(text: string): string {
  return text.length > 128 ? `${text.slice(0, 128)}…` : text;
}

const outOfPlace = "tool call result does not follow tool call";

/**
 * The history rules: each call is answered before the conversation goes on, and each result names a call of the turn
 * it follows. Several assistant messages in a row may each bring calls. Ids may come again in later turns.
 */
export class CallLedger {
  // changed by events
  private open = new Map<string, { count: number; path: string }>();
  private inTurn = false;

  /** An assistant message at `path` made calls. */
  called(calls: readonly CallItem[], path: string): void {
    this.inTurn = true;
    for (const call of calls) this.open.set(call.id, { count: (this.open.get(call.id)?.count ?? 0) + 1, path });
  }

  /** The tool message at `path` answers the call `id`. */
  answered(id: string, path: string): void {
    if (!this.inTurn) throw refusal(outOfPlace, path);
    const call = this.open.get(id);
    if (call === undefined) throw refusal(`tool result's tool id(${shown(id)}) not found`, `${path}.tool_call_id`);
    call.count -= 1;
    if (call.count === 0) this.open.delete(id);
  }

  /** A message that is neither, or the end: whatever was called must be answered by now. */
  settle(): void {
    for (const [id, call] of this.open)
      throw refusal(`${outOfPlace}, tool_call_id: ${shown(id)} has no result`, call.path);
    this.inTurn = false;
  }
}

/** The `tool_calls` of an assistant message. */
export function readCalls(value: unknown, path: string, strict: boolean): CallItem[] {
  return (readArray(value, path) ?? []).map((call, index) => readCall(call, `${path}[${index}]`, strict));
}

function readCall(value: unknown, path: string, strict: boolean): CallItem {
  const call = required(readObject(value, path), path);
  const id = required(readString(call["id"], `${path}.id`), `${path}.id`);
  if (id === "") throw refusal(`${path}.id: must not be empty`, `${path}.id`);
  const type = readString(call["type"], `${path}.type`) ?? (strict ? "" : "function");
  if (type !== "function") throw refusal(`invalid tool type: ${shown(type)}`, `${path}.type`);
  const body = required(readObject(call["function"], `${path}.function`), `${path}.function`);
  const name = readString(body["name"], `${path}.function.name`) ?? "";
  if (name === "") throw refusal("function name or parameters is empty", `${path}.function.name`);
  return { type: "call", id, name, args: readArguments(body["arguments"], { id, path, strict }) };
}

/** JSON text of an object; what a caller left empty is `{}` unless strict. */
function readArguments(value: unknown, at: { id: string; path: string; strict: boolean }): string {
  const param = `${at.path}.function.arguments`;
  if (!at.strict && (value === undefined || value === null || value === "")) return "{}";
  const parsed = typeof value === "string" ? parseJson(value) : undefined;
  if (typeof value !== "string" || !isObject(parsed)) {
    throw refusal(`invalid function arguments json string, tool_call_id: ${shown(at.id)}`, param);
  }
  refuseDeep(parsed, param);
  return value;
}

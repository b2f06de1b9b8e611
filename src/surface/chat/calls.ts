import type { CallItem } from "../../model/item.ts";
import { isObject, parseJson } from "../../model/json.ts";
import { excerpt, refusal } from "../shared/call-order.ts";
import type { Fields } from "../shared/fields.ts";

/** The `tool_calls` of an assistant message. */
export function readCalls(message: Fields, strict: boolean): CallItem[] {
  return Array.from(message.objects("tool_calls"), (call) => readCall(call, strict));
}

function readCall(call: Fields, strict: boolean): CallItem {
  const id = call.nonEmptyString("id");
  const type = call.string("type") ?? (strict ? "" : "function");
  if (type !== "function") throw refusal(`invalid tool type: ${excerpt(type)}`, call.pathOf("type"));
  const body = call.requiredObject("function");
  const name = body.string("name") ?? "";
  if (name === "") throw refusal("function name or parameters is empty", body.pathOf("name"));
  return { type: "call", id, name, args: readArguments(body, id, strict) };
}

/** JSON text of an object; what a caller left empty is `{}` unless strict. */
function readArguments(body: Fields, id: string, strict: boolean): string {
  const value = body.given("arguments");
  if (!strict && (value === undefined || value === "")) return "{}";
  const parsed = typeof value === "string" ? parseJson(value) : undefined;
  if (typeof value !== "string" || !isObject(parsed)) {
    throw refusal(`invalid function arguments json string, tool_call_id: ${excerpt(id)}`, body.pathOf("arguments"));
  }
  body.checkDepth("arguments", parsed);
  return value;
}

import { isObject, type JsonObject } from "../../model/json.ts";
import { textContent } from "./part-form.ts";

type WireItem = Record<string, unknown>;

/**
 * The input of a valid request as `GET /v1/responses/{id}/input_items` lists it, in the caller's order: a string becomes
 * a user message, and what callers may leave out (`id`, `type`, `status`, the array form of content) is filled in.
 */
export function inputItems(body: unknown, responseId: string): JsonObject[] {
  const input = isObject(body) ? body["input"] : undefined;
  const items = typeof input === "string" ? [{ role: "user", content: input }] : Array.isArray(input) ? input : [];
  return items.filter(isObject).map((item, index) => wireItem(item, `${responseId}_in_${index}`) as JsonObject);
}

function wireItem(item: WireItem, madeUpId: string): WireItem {
  const id = typeof item["id"] === "string" && item["id"] !== "" ? item["id"] : madeUpId;
  const type =
    typeof item["type"] === "string" ? item["type"] : item["role"] === undefined ? "item_reference" : "message";
  if (type === "item_reference") return { id, type };
  const status = typeof item["status"] === "string" ? item["status"] : "completed";
  const filled = { id, type, status };
  const { content, role } = item;
  if (type !== "message" || typeof content !== "string") return Object.assign({ ...filled }, item, filled);
  const text = role === "assistant" ? textContent(content) : { type: "input_text", text: content };
  return Object.assign({ ...filled }, item, filled, { content: [text] });
}

import { z } from "zod";
import { ParleyError } from "./error.ts";
import { roles, type Item } from "./item.ts";
import { isObject, parseJson, type Json, type JsonObject } from "./json.ts";

/**
 * What a stored response holds as JSON texts: `{"version": 1, "value": ...}`. A text without a version is of version 0,
 * the bare value, as it was written before there were versions. The readers throw `internal` for a text that is damaged
 * or of a later version. A change of a form is a new version, and its reader still reads the earlier ones.
 */
const version = 1;

const media = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("url"), url: z.string() }),
  z.object({ kind: z.literal("file"), fileId: z.string() }),
]);
const picture = {
  media,
  detail: z.enum(["low", "default", "high"]),
  maxLongSide: z.number().exactOptional(),
  param: z.string().exactOptional(),
};
const parts = z.array(
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("text"), text: z.string() }),
    z.object({ type: z.literal("image"), ...picture }),
    z.object({ type: z.literal("video"), ...picture, fps: z.number() }),
  ]),
);
/** Items as surfaces make them; what `media/prepare` adds is never stored. */
const items: z.ZodType<Item[]> = z.array(
  z.discriminatedUnion("type", [
    z.object({
      type: z.literal("message"),
      role: z.enum(roles),
      parts,
      name: z.string().exactOptional(),
      phase: z.string().exactOptional(),
    }),
    z.object({ type: z.literal("reasoning"), text: z.string(), encrypted: z.string().exactOptional() }),
    z.object({ type: z.literal("call"), id: z.string(), name: z.string(), args: z.string() }),
    z.object({ type: z.literal("result"), id: z.string(), parts, failed: z.boolean() }),
  ]),
);

/** A turn's own items as they are stored. */
export function formatItems(list: readonly Item[]): string {
  return formatStored(list);
}

/** The items of a stored turn. Throws `internal`. */
export function parseItems(text: string): Item[] {
  const parsed = items.safeParse(parseStored(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw damaged(`items: ${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? "not valid"}`);
}

/** A body, events or input items in their wire form, as they are stored. */
export function formatStored(value: unknown): string {
  return JSON.stringify({ version, value });
}

/** What was stored as one object, such as a response's body. Throws `internal`. */
export function parseStoredObject(text: string): JsonObject {
  const value = parseStored(text);
  if (!isObject(value)) throw damaged("an object was expected");
  return value as JsonObject;
}

/** What was stored as a list of objects, such as a response's events. Throws `internal`. */
export function parseStoredList(text: string): JsonObject[] {
  const value = parseStored(text);
  if (!Array.isArray(value) || !value.every(isObject)) throw damaged("a list of objects was expected");
  return value as JsonObject[];
}

function parseStored(text: string): Json | undefined {
  const stored = parseJson(text);
  if (stored === undefined) throw damaged("it is not JSON");
  if (!isObject(stored) || typeof stored["version"] !== "number" || !("value" in stored)) return stored;
  if (stored["version"] === version) return stored["value"] as Json;
  throw damaged(`version ${stored["version"]} is not known, this Parley reads up to ${version}: use a newer one`);
}

function damaged(why: string): ParleyError {
  return new ParleyError("internal", `a stored text cannot be read: ${why}`);
}

import { isDeepStrictEqual } from "node:util";
import type { Steps } from "../../lib/time-slices.ts";
import { isObject, type JsonObject } from "../../model/json.ts";
import type { ResponseEvent } from "../../model/response.ts";
import { jsonTexts } from "./stored-text.ts";

/**
 * The stored form of a response's events. Several of them hold the response object, with all instructions and tools of the
 * request; only what differs from the stored body is written again. Read back they are the same, byte for byte.
 */
interface StoredEvents {
  version: 1;
  /** An event's `response` is `{ fields, own }`: all its fields in order, and the values that differ from the body's. */
  events: JsonObject[];
}

const version = 1;

/** Events that are written or read in one step. */
const eventsPerStep = 200;

/** `body`: the response object that is stored beside them. */
export function* formatEvents(events: readonly ResponseEvent[], body: JsonObject): Steps<string[]> {
  const stored: StoredEvents = { version, events: yield* each(events, (event) => withoutBody(event, body)) };
  return yield* jsonTexts(stored);
}

/** Rows without a version hold the events as they were sent. Throws an `Error` where it is neither: it was changed from outside. */
export function* parseEvents({ id, events, body }: StoredRow): Steps<ResponseEvent[]> {
  const list = isObject(events) && events["version"] === version ? events["events"] : events;
  if (!Array.isArray(list) || !list.every(isEvent))
    throw new Error(`the stored events of response ${id} cannot be read`);
  if (list === events) return list;
  if (!isObject(body)) throw new Error(`the stored body of response ${id} cannot be read`);
  return yield* each(list, (event) => withBody(event, body as JsonObject));
}

/** Two texts of a stored response, as JSON values. */
interface StoredRow {
  id: string;
  events: unknown;
  body: unknown;
}

function* each<From, To>(values: readonly From[], change: (value: From) => To): Steps<To[]> {
  const changed: To[] = [];
  for (const [index, value] of values.entries()) {
    if (index % eventsPerStep === eventsPerStep - 1) yield;
    changed.push(change(value));
  }
  return changed;
}

function isEvent(value: unknown): value is ResponseEvent {
  return isObject(value) && typeof value["type"] === "string" && Number.isInteger(value["sequence_number"]);
}

function withoutBody(event: ResponseEvent, body: JsonObject): JsonObject {
  const { response } = event;
  if (!isObject(response)) return event as unknown as JsonObject;
  const fields = Object.keys(response).filter((field) => response[field] !== undefined);
  const differing = fields.filter((field) => !isDeepStrictEqual(response[field], body[field]));
  const own = Object.fromEntries(differing.map((field) => [field, response[field]]));
  return { ...event, response: { fields, own } } as unknown as JsonObject;
}

function withBody(event: ResponseEvent, body: JsonObject): ResponseEvent {
  const { response } = event;
  if (!isObject(response) || !Array.isArray(response["fields"])) return event;
  const own = isObject(response["own"]) ? response["own"] : {};
  const fields = response["fields"].map(String);
  const whole = fields.map((field) => [field, Object.hasOwn(own, field) ? own[field] : body[field]] as const);
  return { ...event, response: Object.fromEntries(whole) };
}

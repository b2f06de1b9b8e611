import { textBytes, type ByteLease } from "../../lib/byte-budget.ts";
import type { TimeSlices } from "../../lib/time-slices.ts";
import type { JsonObject } from "../../model/json.ts";
import { isObject, parseJson } from "../../model/json.ts";
import type { ResponseRecord } from "../../store/store.ts";
import type { ResponseAnswer } from "./answer.ts";
import type { ResponseEvent } from "../../model/response.ts";
import { parseEvents } from "./stored-events.ts";

/** The texts that are needed to read a body or events; stored events leave out what the body holds. */
export const textsFor = { body: ["body"], events: ["events", "body"] } as const;

/** What of a stored response is shown. */
type StoredTexts = Pick<ResponseRecord, "id" | "body" | "events">;

/** A response that is over, read from the store. */
export class StoredAnswer implements ResponseAnswer {
  readonly facts = undefined;
  private readonly record: StoredTexts;
  private readonly slices: TimeSlices;

  constructor(record: StoredTexts, slices: TimeSlices) {
    this.record = record;
    this.slices = slices;
  }

  /** Throws an `Error` where the stored text cannot be a response object. */
  get text(): string {
    const { id, body } = this.record;
    if (!body.startsWith("{") || !body.endsWith("}")) throw unreadable(id);
    return body;
  }

  get id(): string {
    return this.record.id;
  }

  async *events(after: number): AsyncGenerator<readonly ResponseEvent[]> {
    const events = (await this.slices.run(parseEvents(this.record))).filter((event) => event.sequence_number > after);
    if (events.length > 0) yield events;
  }

  snapshot(): JsonObject {
    return parseBody(this.record);
  }

  body(): Promise<JsonObject> {
    return Promise.resolve(parseBody(this.record));
  }
}

/** Keeps of a record what is shown, counted with the lease; throws what the lease throws. */
export function storedAnswer({ id, body, events }: StoredTexts, slices: TimeSlices, lease?: ByteLease): StoredAnswer {
  lease?.grow(textBytes(body) + textBytes(events));
  return new StoredAnswer({ id, body, events }, slices);
}

/** Throws an `Error` where the stored text is not a response object: it was changed from outside. */
export function parseBody({ id, body }: Pick<ResponseRecord, "id" | "body">): JsonObject {
  const parsed = parseJson(body);
  if (!isObject(parsed)) throw unreadable(id);
  return parsed as JsonObject;
}

function unreadable(id: string): Error {
  return new Error(`the stored body of response ${id} cannot be read`);
}

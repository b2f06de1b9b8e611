import type { JsonObject } from "../../model/json.ts";
import { isObject, parseJson } from "../../model/json.ts";
import type { ResponseRecord } from "../../store/store.ts";
import type { ResponseAnswer } from "./answer.ts";
import type { ResponseEvent } from "../../model/response.ts";

/** A response that is over, read from the store. */
export class StoredAnswer implements ResponseAnswer {
  readonly facts = undefined;
  private readonly record: ResponseRecord;

  constructor(record: ResponseRecord) {
    this.record = record;
  }

  get id(): string {
    return this.record.id;
  }

  async *events(after: number): AsyncGenerator<readonly ResponseEvent[]> {
    const events = parseEvents(this.record).filter((event) => event.sequence_number > after);
    if (events.length > 0) yield events;
  }

  snapshot(): JsonObject {
    return parseBody(this.record);
  }

  body(): Promise<JsonObject> {
    return Promise.resolve(parseBody(this.record));
  }
}

/** Throws an `Error` where the stored text is not a response object: it was changed from outside. */
export function parseBody({ id, body }: Pick<ResponseRecord, "id" | "body">): JsonObject {
  const parsed = parseJson(body);
  if (!isObject(parsed)) throw new Error(`the stored body of response ${id} cannot be read`);
  return parsed as JsonObject;
}

function parseEvents({ id, events }: ResponseRecord): ResponseEvent[] {
  const parsed = parseJson(events);
  const valid =
    Array.isArray(parsed) &&
    parsed.every((one) => isObject(one) && typeof one["type"] === "string" && Number.isInteger(one["sequence_number"]));
  if (!valid) throw new Error(`the stored events of response ${id} cannot be read`);
  return parsed as unknown as ResponseEvent[];
}

import { parseTextSteps } from "../../lib/json-scanner/parse.ts";
import type { Steps, TimeSlices } from "../../lib/time-slices.ts";
import type { JsonObject } from "../../model/json.ts";
import { isObject, parseJson } from "../../model/json.ts";
import type { ResponseRecord } from "../../store/store.ts";
import type { ResponseAnswer } from "./answer.ts";
import type { ResponseEvent } from "../../model/response.ts";

/** A response that is over, read from the store. */
export class StoredAnswer implements ResponseAnswer {
  readonly facts = undefined;
  private readonly record: ResponseRecord;
  private readonly slices: TimeSlices;

  constructor(record: ResponseRecord, slices: TimeSlices) {
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

/** Throws an `Error` where the stored text is not a response object: it was changed from outside. */
export function parseBody({ id, body }: Pick<ResponseRecord, "id" | "body">): JsonObject {
  const parsed = parseJson(body);
  if (!isObject(parsed)) throw unreadable(id);
  return parsed as JsonObject;
}

function unreadable(id: string): Error {
  return new Error(`the stored body of response ${id} cannot be read`);
}

function* parseEvents({ id, events }: ResponseRecord): Steps<ResponseEvent[]> {
  const parsed = yield* parseTextSteps(events);
  const valid =
    Array.isArray(parsed) &&
    parsed.every((one) => isObject(one) && typeof one["type"] === "string" && Number.isInteger(one["sequence_number"]));
  if (!valid) throw new Error(`the stored events of response ${id} cannot be read`);
  return parsed as unknown as ResponseEvent[];
}

import type { TimeSlices } from "../../lib/time-slices.ts";
import { isObject, type JsonObject } from "../../model/json.ts";
import type { ResponseEvent } from "../../model/response.ts";
import type { StoredText } from "../../store/store.ts";
import type { ResponseAnswer } from "./answer.ts";
import { parseStored } from "./stored-text.ts";

/** What of a stored response is shown. */
interface ShownResponse {
  id: string;
  body: StoredText;
  events: readonly ResponseEvent[];
}

/** A response that is over, read from the store. */
export class StoredAnswer implements ResponseAnswer {
  readonly facts = undefined;
  private readonly shown: ShownResponse;
  private readonly slices: TimeSlices;

  constructor(shown: ShownResponse, slices: TimeSlices) {
    this.shown = shown;
    this.slices = slices;
  }

  get id(): string {
    return this.shown.id;
  }

  /** Throws an `Error` where the stored text cannot be a response object. */
  get text(): StoredText {
    const { id, body } = this.shown;
    const { loaded = "{}" } = body;
    if (!loaded.startsWith("{") || !loaded.endsWith("}")) throw unreadable(id);
    return body;
  }

  async *events(after: number): AsyncGenerator<readonly ResponseEvent[]> {
    const events = this.shown.events.filter((event) => event.sequence_number > after);
    if (events.length > 0) yield events;
    if (this.shown.events.length > 0) return;
    const response = await this.body();
    // its process ended before it did: how many events that one sent is not known, and the last one says what happened
    if (response["status"] === "failed") yield [{ type: "response.failed", sequence_number: after + 1, response }];
  }

  snapshot(): Promise<JsonObject> {
    return parseBody(this.shown, this.slices);
  }

  body(): Promise<JsonObject> {
    return parseBody(this.shown, this.slices);
  }
}

/** Throws an `Error` where the stored text is not a response object: it was changed from outside. */
export async function parseBody(
  { id, body }: Pick<ShownResponse, "id" | "body">,
  slices: TimeSlices,
): Promise<JsonObject> {
  const parsed = await parseStored(body, slices);
  if (!isObject(parsed)) throw unreadable(id);
  return parsed as JsonObject;
}

function unreadable(id: string): Error {
  return new Error(`the stored body of response ${id} cannot be read`);
}

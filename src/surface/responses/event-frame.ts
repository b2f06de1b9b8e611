import { Transcript } from "../../model/transcript.ts";
import { responseBody, statusFrom, type BodySource, type ResponseStatus } from "./body.ts";
import { EventSequence } from "./event-sequence.ts";

/** The event that ends a stream. A cancelled answer has none of its own: it ends as failed, its status says the rest. */
const terminalTypes: Readonly<Record<ResponseStatus, string>> = {
  completed: "response.completed",
  incomplete: "response.incomplete",
  failed: "response.failed",
  cancelled: "response.failed",
  queued: "response.failed",
  in_progress: "response.failed",
};

/** The events around the items of one response: what every kind of answer begins and ends with. */
export class EventFrame {
  // fixed at birth
  readonly sequence = new EventSequence();
  private readonly source: BodySource;
  // changed by events
  /** Whether `response.created` was sent. */
  private announced = false;

  constructor(source: BodySource) {
    this.source = source;
  }

  /** A background response before an engine took it up: created and queued. */
  queued(): void {
    this.announce("queued");
    this.snapshot("response.queued", "queued");
  }

  /** An engine has begun. */
  begin(): void {
    this.announce("in_progress");
    this.snapshot("response.in_progress", "in_progress");
  }

  /** The last event. */
  end(transcript: Transcript): void {
    const status = statusFrom(transcript);
    this.sequence.add(terminalTypes[status], { response: responseBody(this.source, transcript, status) });
  }

  private announce(status: ResponseStatus): void {
    if (!this.announced) this.snapshot("response.created", status);
    this.announced = true;
  }

  /** The response before its answer; the transcript at hand may already hold the rest of the batch. */
  private snapshot(type: string, status: ResponseStatus): void {
    this.sequence.add(type, { response: responseBody(this.source, new Transcript(), status) });
  }
}

import type { ResponseEvent } from "../../model/response.ts";

/** Numbers the events of one response. */
export class EventSequence {
  // changed by events
  /** The number of the next event. */
  private next = 0;
  /** Events that were added and not yet taken. */
  private events: ResponseEvent[] = [];

  add(type: string, fields: Readonly<Record<string, unknown>>): void {
    this.events.push({ type, sequence_number: this.next++, ...fields });
  }

  /** The events added since the last call. */
  take(): ResponseEvent[] {
    const taken = this.events;
    this.events = [];
    return taken;
  }
}

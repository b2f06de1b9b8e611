import { ParleyError } from "../../model/error.ts";
import type { CallItem } from "../../model/item.ts";
import { OpenCalls } from "./open-calls.ts";

/** Error texts here are the vendor's own (seen from api.minimax.io, 2026-06): clients match on them. */
export function refusal(message: string, param: string): ParleyError {
  return new ParleyError("invalid", message, { param });
}

/** The start of a caller's own text, for a message. */
export function excerpt(text: string): string {
  return text.length > 128 ? `${text.slice(0, 128)}…` : text;
}

const outOfPlace = "tool call result does not follow tool call";

/**
 * The order of calls and results where messages carry them: each call is answered before the conversation goes on, and each result names a
 * call of the turn that it follows. Several assistant messages in a row may each make calls. Ids may come again in later
 * turns.
 */
export class CallOrder {
  // changed by events
  private readonly open = new OpenCalls();
  /** Whether a result may come next; set by an assistant message with calls, until something else comes. */
  private resultsMayFollow = false;

  /** The assistant message at `path` made these calls. */
  calls(calls: readonly CallItem[], path: string): void {
    this.resultsMayFollow = true;
    for (const call of calls) this.open.call(call.id, path);
  }

  /** The tool message at `path` is the result of the call `id`. */
  result(id: string, path: string): void {
    if (!this.resultsMayFollow) throw refusal(outOfPlace, path);
    if (this.open.result(id)) return;
    throw refusal(`tool result's tool id(${excerpt(id)}) not found`, `${path}.tool_call_id`);
  }

  /** Whether a call has no result yet. */
  get waiting(): boolean {
    return this.open.first !== undefined;
  }

  /** Any other message, or the end: every call must have its result by now. */
  endTurn(): void {
    const { first } = this.open;
    if (first !== undefined) {
      throw refusal(`${outOfPlace}, tool_call_id: ${excerpt(first.id)} has no result`, first.path);
    }
    this.resultsMayFollow = false;
  }
}

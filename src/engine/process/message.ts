import { causeMessage, ParleyError, type ErrorDetail, type ErrorKind } from "../../model/error.ts";
import type { Batch, GenerationEvent } from "../../model/event.ts";
import type { Capabilities } from "../engine.ts";

/** How the engine of the process is. */
export interface EngineState {
  capabilities: Capabilities;
  /** Requests it can run at once for the server that is sent this: an equal part where several share it. */
  slots: number;
  /** Why its model is not loaded; absent where it is. */
  error?: PlainError;
}

/** A `ParleyError` as JSON. */
export interface PlainError extends Omit<ErrorDetail, "cause" | "rateLimit"> {
  kind: ErrorKind;
  message: string;
  /** The message of what caused it, for the log. */
  cause?: string;
}

export function plainOf(error: ParleyError): PlainError {
  const { kind, message, param, retryAfter, reason, code, cause } = error;
  return {
    kind,
    message,
    ...(param === undefined ? {} : { param }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(reason === undefined ? {} : { reason }),
    ...(code === undefined ? {} : { code }),
    ...(cause === undefined ? {} : { cause: causeMessage(cause) }),
  };
}

export function errorOf({ kind, message, cause, ...detail }: PlainError): ParleyError {
  return new ParleyError(kind, message, { ...detail, ...(cause === undefined ? {} : { cause: new Error(cause) }) });
}

/** A finish as JSON; every other event is JSON already. */
interface PlainFinish extends Omit<Extract<GenerationEvent, { type: "finish" }>, "error"> {
  error?: PlainError;
}

/** The JSON text of a batch. */
export function encodeBatch(batch: Batch): string {
  const last = batch.at(-1);
  if (last?.type !== "finish" || last.error === undefined) return JSON.stringify(batch);
  const plain: PlainFinish = { ...last, error: plainOf(last.error) };
  return JSON.stringify([...batch.slice(0, -1), plain]);
}

export function decodeBatch(text: string): GenerationEvent[] {
  const events = JSON.parse(text) as (Exclude<GenerationEvent, { type: "finish" }> | PlainFinish)[];
  return events.map((event): GenerationEvent => {
    if (event.type !== "finish") return event;
    const { error, ...finish } = event;
    return error === undefined ? finish : { ...finish, error: errorOf(error) };
  });
}

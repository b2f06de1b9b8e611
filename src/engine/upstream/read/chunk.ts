import { nestsDeeper } from "../../../lib/json-scanner/depth.ts";
import { textPieces } from "../../../lib/long-text.ts";
import type { Steps } from "../../../lib/time-slices.ts";
import { ParleyError } from "../../../model/error.ts";
import { isObject } from "../../../model/json.ts";
import type { ReasoningField } from "../dialect/dialect.ts";
import type { Emit } from "./piece.ts";
import type { Repairs } from "./repair.ts";

export type Chunk = Readonly<Record<string, unknown>>;

/** Objects and lists within each other in one event; what reads them later recurses. */
export const maxDepth = 500;
/** UTF-16 units of a whole answer's text that are read in one step. */
const stepUnits = 64 * 1024;
/** Events that may be skipped before the stream counts as garbage. */
const maxForeign = 100;

/** Reads the data of events. The rule `foreign-frame`: what is no JSON object, such as a ping, is skipped. */
export class ChunkReader {
  // fixed at birth
  private readonly repairs: Repairs;
  // changed by events
  /** Events that were skipped. */
  private foreign = 0;

  constructor(repairs: Repairs) {
    this.repairs = repairs;
  }

  /** `undefined`: to be skipped. Throws `upstream` at broken JSON, and at a stream of nothing but foreign events. */
  read(data: string): Chunk | "done" | undefined {
    const text = data.trim();
    if (text === "[DONE]") return "done";
    if (text.startsWith("{")) return parseChunk(text);
    this.repairs.fired("foreign-frame");
    this.foreign += 1;
    if (this.foreign <= maxForeign) return undefined;
    throw new ParleyError("upstream", "the upstream sends something else than answers");
  }
}

/** A chunk, or a whole answer, from its JSON text. */
export function parseChunk(text: string): Chunk {
  if (text.length > maxDepth && nestsDeeper(text, maxDepth)) {
    throw new ParleyError("upstream", "the upstream sent an event that nests too deep");
  }
  let chunk: unknown;
  try {
    chunk = JSON.parse(text);
  } catch (cause) {
    throw new ParleyError("upstream", "the upstream sent a broken event", { cause });
  }
  return objectChunk(chunk);
}

/** What was parsed, as a chunk. Throws `upstream` where it is no object. */
export function objectChunk(value: unknown): Chunk {
  if (!isObject(value)) throw new ParleyError("upstream", "the upstream sent an answer of another form");
  return value;
}

export interface DeltaContext {
  reasoningFields: readonly ReasoningField[];
  repairs: Repairs;
  /** Whether something came before. */
  hasOutput: () => boolean;
  /** Takes what a delta adds to the answer. */
  emit: Emit;
}

/** The choices that count: the first one, which some servers send in several parts. */
export function firstChoices({ choices }: Chunk): readonly Chunk[] {
  if (!Array.isArray(choices)) return [];
  return (choices as unknown[]).filter(isObject).filter(({ index }) => (index ?? 0) === 0);
}

/** Emits what one choice adds to the answer. */
export function readChoice({ delta, message, text }: Chunk, context: DeltaContext): void {
  if (isObject(delta)) readDelta(delta, context);
  else if (typeof text === "string") emitText("content", text, context);
  // A final event that repeats the whole message brings nothing new.
  else if (isObject(message) && !context.hasOutput()) readDelta(message, context);
}

/** Emits the message of an answer that is no stream, long texts in steps. */
export function* readMessage({ delta, message, text }: Chunk, context: DeltaContext): Steps<void> {
  const whole = isObject(message) ? message : isObject(delta) ? delta : { content: text };
  yield* emitLong("reasoning-field", readReasoning(whole, context), context);
  yield* emitLong("content", contentOf(whole), context);
  readCalls(whole, context);
}

function* emitLong(type: "content" | "reasoning-field", text: string, context: DeltaContext): Steps<void> {
  if (text.length <= stepUnits) return emitText(type, text, context);
  for (const piece of textPieces(text, stepUnits)) {
    emitText(type, piece, context);
    yield;
  }
}

function readDelta(delta: Chunk, context: DeltaContext): void {
  emitText("reasoning-field", readReasoning(delta, context), context);
  emitText("content", contentOf(delta), context);
  readCalls(delta, context);
}

function contentOf(delta: Chunk): string {
  const text = textOf(delta["content"]);
  return text === "" ? textOf(delta["refusal"]) : text;
}

function readCalls(delta: Chunk, context: DeltaContext): void {
  const { tool_calls: entries, function_call: legacy } = delta;
  if (Array.isArray(entries) && entries.length > 0) context.emit({ type: "tool-calls", entries });
  else if (isObject(legacy)) context.emit({ type: "tool-calls", entries: [{ index: 0, function: legacy }] });
}

function emitText(type: "content" | "reasoning-field", text: string, { emit }: DeltaContext): void {
  if (text !== "") emit({ type, text });
}

/** Reasoning of a delta. The rule `thought-twice`: of several fields that have some, the first is read. */
function readReasoning(delta: Chunk, { reasoningFields, repairs }: DeltaContext): string {
  let found = "";
  for (const field of reasoningFields) {
    const text = textOf(delta[field]);
    if (text === "") continue;
    if (found === "") found = text;
    else if (repairs.on("thought-twice")) repairs.fired("thought-twice");
    else found += text;
  }
  return found;
}

/** A string, or the texts of a list of parts. */
function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((part: unknown) => (isObject(part) && typeof part["text"] === "string" ? part["text"] : ""))
    .join("");
}

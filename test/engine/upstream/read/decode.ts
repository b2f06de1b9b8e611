import { markupOf, type ModelMarkup } from "../../../../src/engine/upstream/read/markup.ts";
import { ChatDecoder } from "../../../../src/engine/upstream/read/decode.ts";
import { dialects, type Dialect } from "../../../../src/engine/upstream/dialect/dialect.ts";
import type { Chunk } from "../../../../src/engine/upstream/read/chunk.ts";
import { Repairs, type RepairRule, type RepairSwitches } from "../../../../src/engine/upstream/read/repair.ts";
import { SseReader } from "../../../../src/engine/upstream/wire/sse.ts";
import type { Family } from "../../../../src/model/card.ts";
import type { GenerationEvent } from "../../../../src/model/event.ts";
import type { ToolDefinition } from "../../../../src/model/request.ts";
import { callIds } from "../../../../src/model/id.ts";
import { fixedIds } from "../fake.ts";

export { bytePieces } from "../fake.ts";

export interface DecodeSetup {
  dialect?: Dialect;
  family?: Family | undefined;
  markup?: Partial<ModelMarkup>;
  switches?: RepairSwitches;
  /** Default: one that no answer calls, so that markup is read. */
  tools?: readonly ToolDefinition[];
  maxTokens?: number;
  maxCalls?: number;
  onRepair?: (rule: RepairRule) => void;
}

export function decoderFor(setup: DecodeSetup = {}): ChatDecoder {
  return new ChatDecoder({
    dialect: setup.dialect ?? dialects.generic,
    repairs: new Repairs(setup.switches, setup.onRepair),
    markup: { ...markupOf(setup.family), ...setup.markup },
    tools: setup.tools ?? [{ name: "any_tool", parameters: {} }],
    callId: callIds(fixedIds()),
    maxTokens: setup.maxTokens,
    maxCalls: setup.maxCalls,
    estimateInput: () => 5,
  });
}

/** Network reads to events, as the engine does it without a network. */
export function decode(reads: readonly Uint8Array[], setup: DecodeSetup = {}): GenerationEvent[] {
  const decoder = decoderFor(setup);
  const events = new SseReader((data) => decoder.data(data));
  const gathered: GenerationEvent[] = [];
  for (const bytes of reads) {
    events.feed(bytes);
    gathered.push(...decoder.take());
  }
  events.end();
  decoder.end();
  gathered.push(...decoder.take());
  return gathered;
}

/** The body of an answer that is no stream to events, as the engine does it without a network. */
export function decodeBody(body: Chunk, setup: DecodeSetup = {}): GenerationEvent[] {
  const decoder = decoderFor(setup);
  const gathered: GenerationEvent[] = [];
  for (const _ of decoder.body(body)) gathered.push(...decoder.take());
  return [...gathered, ...decoder.take()];
}

type Members = Record<string, unknown>;

/** The body that a server answers where it is asked for the answer of a recorded stream without one. */
export function bodyOf(stream: Uint8Array): Chunk {
  const message: Members = { role: "assistant", content: "" };
  const calls: { id: unknown; index: unknown; function: { name: string; arguments: string } }[] = [];
  const body: Members = { object: "chat.completion" };
  const choice: Members = { index: 0, message };
  const add = (into: Members, name: string, value: unknown): void => {
    if (value === null || value === undefined || name === "role") return;
    const before = into[name];
    if (Array.isArray(value)) into[name] = [...((before ?? []) as unknown[]), ...(value as unknown[])];
    else into[name] = typeof value === "string" && typeof before === "string" ? before + value : value;
  };
  const addCall = (entry: Members): void => {
    const { id, index, function: called } = entry;
    const { name = "", arguments: args = "" } = called as { name?: string; arguments?: string };
    const same = calls.find((call) => call.index === index && (id === undefined || id === null || call.id === id));
    if (same === undefined) calls.push({ id, index, function: { name, arguments: args } });
    else same.function.arguments += args;
  };
  const reader = new SseReader((data) => {
    if (data === "[DONE]") return;
    const { choices, object: _object, ...rest } = JSON.parse(data) as Members & { choices?: Members[] };
    for (const [name, value] of Object.entries(rest)) if (value !== null) body[name] = value;
    for (const { delta, text, finish_reason: reason } of choices ?? []) {
      const { tool_calls: entries, ...texts } = (delta ?? {}) as Members & { tool_calls?: Members[] | null };
      for (const [name, value] of Object.entries(texts)) add(message, name, value);
      for (const entry of entries ?? []) addCall(entry);
      add(choice, "text", text);
      if (typeof reason === "string") choice["finish_reason"] = reason;
    }
  });
  reader.feed(stream);
  reader.end();
  if (calls.length > 0) message["tool_calls"] = calls.map(({ id, function: called }) => ({ id, function: called }));
  if (choice["text"] !== undefined) delete choice["message"];
  return { ...body, choices: [choice] };
}

/** Deltas of one item that follow one another, joined. */
export function joined(events: readonly GenerationEvent[]): GenerationEvent[] {
  const found: GenerationEvent[] = [];
  for (const event of events) {
    const last = found.at(-1);
    if (event.type === "call-delta" && last?.type === "call-delta")
      found[found.length - 1] = { ...last, args: last.args + event.args };
    else if ((event.type === "text-delta" || event.type === "reasoning-delta") && last?.type === event.type) {
      found[found.length - 1] = { ...last, text: last.text + event.text };
    } else found.push(event);
  }
  return found;
}

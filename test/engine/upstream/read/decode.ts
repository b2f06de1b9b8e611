import { markupOf, type ModelMarkup } from "../../../../src/engine/upstream/read/markup.ts";
import { ChatDecoder } from "../../../../src/engine/upstream/read/decode.ts";
import { dialects, type Dialect } from "../../../../src/engine/upstream/dialect/dialect.ts";
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

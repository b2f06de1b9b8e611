import type { GenerationEvent } from "../../model/event.ts";

export type StartEvent = Extract<GenerationEvent, { type: "text-start" | "reasoning-start" | "call-start" }>;
export type DeltaEvent = Extract<GenerationEvent, { type: "text-delta" | "reasoning-delta" | "call-delta" }>;
export type EndEvent = Extract<GenerationEvent, { type: "text-end" | "reasoning-end" | "call-end" }>;

export function isStart(event: GenerationEvent): event is StartEvent {
  return event.type === "text-start" || event.type === "reasoning-start" || event.type === "call-start";
}

export function isDelta(event: GenerationEvent): event is DeltaEvent {
  return event.type === "text-delta" || event.type === "reasoning-delta" || event.type === "call-delta";
}

export function isEnd(event: GenerationEvent): event is EndEvent {
  return event.type === "text-end" || event.type === "reasoning-end" || event.type === "call-end";
}

export function contentOf(event: DeltaEvent): string {
  return event.type === "call-delta" ? event.args : event.text;
}

export function endOf(start: StartEvent): EndEvent {
  const { index } = start;
  if (start.type === "call-start") return { type: "call-end", index };
  return start.type === "text-start" ? { type: "text-end", index } : { type: "reasoning-end", index };
}

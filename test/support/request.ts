import { textPart } from "../../src/model/item.ts";
import type { GenerationRequest } from "../../src/model/request.ts";

/** A plain request of one user message, "hi", with the changes a test needs. */
export function generationRequest(changes: Partial<GenerationRequest> = {}): GenerationRequest {
  return {
    id: "0".repeat(32),
    createdAt: 1,
    model: "MiniMax-M3",
    items: [{ type: "message", role: "user", parts: [textPart("hi")] }],
    tools: [],
    toolChoice: "auto",
    parallelCalls: true,
    reasoning: "off",
    format: { type: "text" },
    sampling: { stop: [] },
    tier: "standard",
    ...changes,
  };
}

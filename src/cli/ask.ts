import { textPart } from "../model/item.ts";
import { systemIds, unixSeconds, vendorId } from "../model/id.ts";
import type { GenerationRequest } from "../model/request.ts";

/** The command line as a caller of the service. */
export const caller = { keyId: "cli", name: "command line" };

/** A request with one user message, sampled greedily. */
export function ask(model: string, text: string): GenerationRequest {
  return {
    id: vendorId(systemIds),
    createdAt: unixSeconds(systemIds),
    model,
    items: [{ type: "message", role: "user", parts: [textPart(text)] }],
    tools: [],
    toolChoice: "none",
    parallelCalls: true,
    reasoning: "adaptive",
    format: { type: "text" },
    sampling: { stop: [], temperature: 0 },
    tier: "standard",
  };
}

import { textPart, type Item, type Part } from "../model/item.ts";
import { systemIds, unixSeconds, vendorId } from "../model/id.ts";
import type { GenerationRequest } from "../model/request.ts";

/** The command line as a caller of the service. */
export const caller = { keyId: "cli", name: "command line" };

/** A message of the user, or of the system. */
export function message(role: "user" | "system", parts: readonly Part[]): Item {
  return { type: "message", role, parts };
}

/** A request with these items, or with one user message, sampled greedily. */
export function ask(model: string, content: string | readonly Item[]): GenerationRequest {
  return {
    id: vendorId(systemIds),
    createdAt: unixSeconds(systemIds),
    model,
    items: typeof content === "string" ? [message("user", [textPart(content)])] : content,
    tools: [],
    toolChoice: "none",
    parallelCalls: true,
    reasoning: "adaptive",
    format: { type: "text" },
    sampling: { stop: [], temperature: 0 },
    tier: "standard",
  };
}

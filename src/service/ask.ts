import type { Catalog } from "../engine/engine.ts";
import { ParleyError } from "../model/error.ts";
import { unixSeconds, vendorId, type IdSource } from "../model/id.ts";
import { textPart } from "../model/item.ts";
import type { GenerationRequest } from "../model/request.ts";
import { Transcript } from "../model/transcript.ts";
import type { Ask } from "../policy/moderate/guard.ts";

/**
 * Asks a served model one question for the server's own use: without thought, chance, limits or moderation. The targets
 * are tried in order. Throws a `ParleyError`.
 */
export function catalogAsk(catalog: Catalog, ids: IdSource): Ask {
  return async ({ model, prompt, maxTokens }, signal) => {
    const request: Omit<GenerationRequest, "model"> = {
      id: vendorId(ids),
      createdAt: unixSeconds(ids),
      items: [{ type: "message", role: "user", parts: [textPart(prompt)] }],
      tools: [],
      toolChoice: "none",
      parallelCalls: false,
      reasoning: "off",
      format: { type: "text" },
      sampling: { temperature: 0, maxTokens, stop: [] },
      tier: "priority",
      delivery: "whole",
    };
    let last: unknown = new ParleyError("overloaded", "no engine serves this model");
    for (const target of catalog.targets(model)) {
      try {
        const transcript = new Transcript();
        const { engine, model: own, family } = target;
        const asked = { ...request, model: own, ...(family === undefined ? {} : { family }) };
        for await (const batch of engine.generate(asked, signal)) {
          transcript.apply(batch);
        }
        if (transcript.finish?.error !== undefined) throw transcript.finish.error;
        return transcript.text();
      } catch (thrown) {
        if (signal.aborted) throw thrown;
        last = thrown;
      }
    }
    throw last;
  };
}

import type { Family } from "../../../model/card.ts";
import type { GenerationRequest } from "../../../model/request.ts";
import { promptFamilyOf } from "../dialect/raw.ts";

/**
 * Whether the model's text begins inside reasoning: what the family's template does in the mode that was asked for. A
 * server without a reasoning parser sends it so, one with a parser does not: where no one said which it is, the answer
 * shows it.
 */
export function reasoningStart(facts: {
  configured: boolean | undefined;
  reasoning: GenerationRequest["reasoning"];
  family: Family | undefined;
}): "inside" | "outside" | "unknown" {
  const { configured, reasoning, family } = facts;
  if (configured === false || family === "her") return "outside";
  const opens = family === undefined ? undefined : promptFamilyOf(family).opensReasoning[reasoning];
  if (configured === undefined) return opens === true ? "unknown" : "outside";
  if (opens === true) return "inside";
  // The words of the configuration hold while reasoning is wanted; with it off, a template may have closed it at once.
  if (reasoning !== "off") return family === undefined ? "inside" : "unknown";
  return family === undefined ? "unknown" : "outside";
}

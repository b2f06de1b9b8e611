import { efforts, type ModelCard } from "../../model/card.ts";
import type { GenerationRequest } from "../../model/request.ts";

/**
 * The effort that a request asks for. The vendor ignores the field on models without levels and words that it does not know,
 * and takes `minimal` for `low` (MiniMax Provider Verifier, 2026-10).
 */
export function effortOf(asked: unknown, { defaultEffort }: ModelCard): Pick<GenerationRequest, "effort"> {
  if (defaultEffort === undefined) return {};
  const word = asked === "minimal" ? "low" : asked;
  return { effort: efforts.find((effort) => effort === word) ?? defaultEffort };
}

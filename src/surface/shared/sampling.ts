import type { ModelCard } from "../../model/card.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { Fields } from "./fields.ts";

/** Engines differ on a `top_p` of 0; this is small enough to leave one token on all of them. */
const minTopP = 1e-6;
/** Engines look for every one of them at every token. */
const maxStops = 16;

/** `top_p` as engines take it. */
export function engineTopP(topP: number): number {
  return topP === 0 ? minTopP : topP;
}

/** The texts that end the answer: one string or an array of them; empty ones are left out. */
export function readStop(fields: Fields, key: string): string[] {
  const value = fields.given(key);
  if (typeof value === "string") return value === "" ? [] : [value];
  if ((fields.array(key) ?? []).length > maxStops) throw fields.error(key, `must hold at most ${maxStops} texts`);
  return fields.strings(key).filter((text) => text !== "");
}

/** The service tier; words of other services, by which their clients ask for the plain one, are `plain`. */
export function readTier(body: Fields, plain: readonly string[], strict: boolean): GenerationRequest["tier"] {
  const tier = body.string("service_tier") ?? "standard";
  if (tier === "standard" || tier === "priority") return tier;
  if (!strict && plain.includes(tier)) return "standard";
  throw body.error("service_tier", "must be standard or priority");
}

/** The limit as `readOutputLimit` reads it; where the card cuts limits, an absent one is the most that it allows. */
export function readAnswerLimit(fields: Fields, keys: readonly string[], card: ModelCard): number | undefined {
  return readOutputLimit(fields, keys, card) ?? (card.overMaxOutput === "clamp" ? card.maxOutput : undefined);
}

/**
 * The limit on output tokens, under one of several names of which the last one given wins. Over the card's maximum it is
 * cut or refused, as the card says.
 */
export function readOutputLimit(fields: Fields, keys: readonly string[], card: ModelCard): number | undefined {
  let limit: number | undefined;
  let winner = "";
  for (const key of keys) {
    const count = fields.count(key);
    if (count === undefined) continue;
    limit = count;
    winner = key;
  }
  if (limit === undefined || limit <= card.maxOutput) return limit;
  if (card.overMaxOutput === "clamp") return card.maxOutput;
  throw fields.error(winner, `must be at most ${card.maxOutput} for ${fields.phrases.model(card.id)}`);
}

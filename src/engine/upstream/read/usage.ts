import type { Usage } from "../../../model/event.ts";
import { isObject } from "../../../model/json.ts";
import { estimateText } from "../../../model/token-estimate.ts";
import type { Emit } from "./piece.ts";
import type { Repairs } from "./repair.ts";

/** Usage as the upstream reported it; `reasoning` is `undefined` where it does not count reasoning. */
export interface ReportedUsage {
  input: number;
  cached: number;
  output: number;
  reasoning: number | undefined;
}

/** Estimated tokens of what went through. */
export interface OutputWeight {
  reasoning: number;
  /** Text and calls. */
  rest: number;
}

/** A stage that adds what goes through to `weight`, for usage the upstream does not report. */
export function weighInto(weight: OutputWeight): (emit: Emit) => Emit {
  return (emit) => (piece) => {
    if (piece.type === "reasoning") weight.reasoning += estimateText(piece.text);
    else if (piece.type === "text") weight.rest += estimateText(piece.text);
    else if (piece.type === "call-start") weight.rest += estimateText(piece.name);
    else if (piece.type === "call-delta") weight.rest += estimateText(piece.args);
    emit(piece);
  };
}

/**
 * Reads `usage` of a chunk or body, `timings.cache_n` of llama-server, `prompt_cache_hit_tokens` of others and SGLang's
 * `reasoning_tokens` outside of the details.
 * `undefined` where it is absent or all zero, which means not counted.
 */
export function readUsage(chunk: Record<string, unknown>): ReportedUsage | undefined {
  const { usage } = chunk;
  if (!isObject(usage)) return undefined;
  const input = count(usage["prompt_tokens"]) ?? 0;
  const output = count(usage["completion_tokens"]) ?? 0;
  if (input === 0 && output === 0) return undefined;
  const cached =
    inside(usage["prompt_tokens_details"], "cached_tokens") ??
    count(usage["prompt_cache_hit_tokens"]) ??
    inside(chunk["timings"], "cache_n") ??
    0;
  const reasoning = inside(usage["completion_tokens_details"], "reasoning_tokens") ?? count(usage["reasoning_tokens"]);
  return { input, cached: Math.min(cached, input), output, reasoning };
}

/**
 * The rule `usage-missing`: the usage of an answer, as it was reported and completed by an estimate, or all estimated;
 * `undefined` where it was not reported and the rule is off.
 */
export function finalUsage(
  reported: ReportedUsage | undefined,
  weight: OutputWeight,
  { repairs, estimateInput }: { repairs: Repairs; estimateInput: () => number },
): Usage | undefined {
  const whole = weight.reasoning + weight.rest;
  if (reported !== undefined) {
    const share = whole === 0 ? 0 : Math.round((reported.output * weight.reasoning) / whole);
    // Some servers report 0 tokens of reasoning that they streamed.
    return { ...reported, reasoning: Math.min(reported.reasoning || share, reported.output) };
  }
  if (!repairs.on("usage-missing")) return undefined;
  repairs.fired("usage-missing");
  const output = Math.ceil(whole);
  const reasoning = Math.min(Math.ceil(weight.reasoning), output);
  return { input: estimateInput(), cached: 0, output, reasoning };
}

function inside(value: unknown, member: string): number | undefined {
  return isObject(value) ? count(value[member]) : undefined;
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 && Number.isFinite(value) ? Math.round(value) : undefined;
}

import { plainError } from "../../../model/error.ts";
import type { FinishReason } from "../../../model/event.ts";
import type { Repairs } from "./repair.ts";

/** `finish_reason` values of all servers; unknown ones mean the model stopped. */
const reasons: Readonly<Record<string, FinishReason>> = {
  stop: "stop",
  length: "length",
  max_tokens: "length",
  model_length: "length",
  tool_calls: "calls",
  function_call: "calls",
  content_filter: "filter",
  sensitive: "filter",
  abort: "error",
  error: "error",
};

/** The reason an upstream's `finish_reason` stands for. */
export function finishReason(value: unknown): FinishReason | undefined {
  return typeof value === "string" && value !== "" ? (reasons[value] ?? "stop") : undefined;
}

/** Fields of a choice in which servers name the stop text that ended it: vLLM the first, SGLang the second. */
const stopFields = ["stop_reason", "matched_stop"] as const;

/** Which of the request's stop texts ended the answer, where the upstream reports one. */
export function matchedStop(choice: Readonly<Record<string, unknown>>, stop: readonly string[]): string | undefined {
  for (const field of stopFields) {
    const found = stop.find((text) => text === choice[field]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * The rule `finish-reason` where the upstream gave none at all. `complete`: something else shows that the answer is
 * whole. Throws `upstream` where the reason cannot be supplied.
 */
export function missingReason(repairs: Repairs, complete: boolean): FinishReason {
  if (!repairs.on("finish-reason") || !complete) {
    throw plainError("upstream", "the upstream ended without a finish reason");
  }
  repairs.fired("finish-reason");
  return "stop";
}

/**
 * The rule `finish-reason` where the token limit truncated a call although the upstream reports it as whole: it must not
 * be completed and run.
 */
export function truncatedReason(
  reason: FinishReason | undefined,
  { repairs, limitReached, callIncomplete }: { repairs: Repairs; limitReached: boolean; callIncomplete: boolean },
): FinishReason | undefined {
  if ((reason !== "calls" && reason !== "stop") || !limitReached || !callIncomplete || !repairs.on("finish-reason"))
    return reason;
  repairs.fired("finish-reason");
  return "length";
}

/** The rule `finish-reason` at the end: `calls` exactly where there are calls, whatever the upstream reported. */
export function settledReason(reason: FinishReason, repairs: Repairs, callCount: number): FinishReason {
  const settled =
    reason === "stop" && callCount > 0 ? "calls" : reason === "calls" && callCount === 0 ? "stop" : reason;
  if (settled === reason || !repairs.on("finish-reason")) return reason;
  repairs.fired("finish-reason");
  return settled;
}

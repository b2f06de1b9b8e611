import { EventBuilder } from "../../../model/event-builder.ts";
import type { Usage } from "../../../model/event.ts";
import { isObject } from "../../../model/json.ts";
import { estimateText } from "../../../model/token-estimate.ts";

/** Usage as the upstream said it; `reasoning` is `undefined` where it does not count thought. */
export interface SaidUsage {
  input: number;
  cached: number;
  output: number;
  reasoning: number | undefined;
}

/**
 * An emitter that weighs what goes through, for usage the upstream does not tell. Calls beyond `mostCalls` are not told:
 * not every server heeds `parallel_tool_calls` and `tool_choice: "none"`.
 */
export class WeighingEmitter extends EventBuilder {
  // fixed at birth
  private readonly mostCalls: number;
  // changed by events
  /** Estimated tokens. */
  thought = 0;
  rest = 0;
  /** Pieces of thought so far; tells whether a parser found any. */
  thoughts = 0;
  /** A call is being told. */
  inCall = false;
  /** What of a piece of thought is news; `undefined`: all of it. */
  news: ((thought: string) => string) | undefined;

  constructor(mostCalls = Infinity) {
    super();
    this.mostCalls = mostCalls;
  }

  override text(text: string): void {
    this.rest += estimateText(text);
    super.text(text);
  }

  override reasoning(text: string): void {
    this.thoughts += 1;
    const told = this.news === undefined ? text : this.news(text);
    this.thought += estimateText(told);
    super.reasoning(told);
  }

  override callStart(id: string, name: string): void {
    this.rest += estimateText(name);
    // arguments of a call that was not begun go nowhere
    if (this.callCount < this.mostCalls) super.callStart(id, name);
    else super.close();
    this.inCall = true;
  }

  override close(): void {
    this.inCall = false;
    super.close();
  }

  override callDelta(args: string): void {
    this.rest += estimateText(args);
    super.callDelta(args);
  }
}

/**
 * Reads `usage` of a chunk or body, `timings.cache_n` of llama-server, `prompt_cache_hit_tokens` of others and SGLang's
 * `reasoning_tokens` outside of the details.
 * `undefined` where it is absent or all zero, which means not counted.
 */
export function readUsage(chunk: Record<string, unknown>): SaidUsage | undefined {
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

/** The usage to tell: what was said, completed by what went through. */
export function settleUsage(said: SaidUsage | undefined, through: WeighingEmitter, input: number): Usage {
  const whole = through.thought + through.rest;
  if (said === undefined) {
    return {
      input,
      cached: 0,
      output: Math.ceil(whole),
      reasoning: Math.min(Math.ceil(through.thought), Math.ceil(whole)),
    };
  }
  const share = whole === 0 ? 0 : Math.round((said.output * through.thought) / whole);
  // Some servers say 0 of a thought they streamed.
  return { ...said, reasoning: Math.min(said.reasoning || share, said.output) };
}

function inside(value: unknown, member: string): number | undefined {
  return isObject(value) ? count(value[member]) : undefined;
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 && Number.isFinite(value) ? Math.round(value) : undefined;
}

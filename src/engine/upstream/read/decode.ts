import { ParleyError } from "../../../model/error.ts";
import type { FinishReason, GenerationEvent } from "../../../model/event.ts";
import { isObject } from "../../../model/json.ts";
import type { ToolDefinition } from "../../../model/request.ts";
import { CallAssembly } from "./calls.ts";
import { ContentReader, type ModelMarkup } from "./content.ts";
import type { Dialect } from "../dialect/dialect.ts";
import { bodyFailure } from "../wire/failure.ts";
import type { Repairs } from "./repair.ts";
import { readUsage, settleUsage, type SaidUsage, WeighingEmitter } from "./usage.ts";

export interface DecodeOptions {
  dialect: Dialect;
  repairs: Repairs;
  markup: ModelMarkup;
  tools: readonly ToolDefinition[];
  /** Makes the id of the next call. */
  callId: () => string;
  /** The output limit that was asked for. */
  limit?: number | undefined;
  /** Most calls of the answer; default no bound. */
  mostCalls?: number | undefined;
  /** Input tokens to report when the upstream does not count; asked at most once. */
  estimateInput: () => number;
}

/** `finish_reason` words of all servers; unknown ones mean the model stopped. */
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

/** Pings and the like that may be skipped before the stream counts as garbage. */
const mostForeign = 100;

/**
 * One stream of a chat upstream: data of server-sent events in, events of ours out. Synchronous; knows no network.
 * Errors that come before anything was handed out are thrown, later ones become the finish.
 */
export class ChatDecoder {
  // fixed at birth
  private readonly options: DecodeOptions;
  private readonly out: WeighingEmitter;
  private readonly channels: ContentReader;
  private readonly calls: CallAssembly;
  // changed by events
  private reason: FinishReason | undefined;
  private said: SaidUsage | undefined;
  /** Content that came while a call was not complete. */
  private waiting: { kind: "text" | "reasoning"; text: string }[] = [];
  private begin: GenerationEvent[] = [];
  private handed = false;
  private foreign = 0;
  private over = false;
  private spoke = false;
  private flagged = { input: false, output: false };
  private tierSaid = "";

  constructor(options: DecodeOptions) {
    this.options = options;
    const { repairs, markup, tools, callId } = options;
    this.out = new WeighingEmitter(options.mostCalls);
    this.channels = new ContentReader({ out: this.out, repairs, markup, tools, callId });
    this.calls = new CallAssembly(this.out, repairs, callId);
  }

  /** The finish event has been made. */
  get finished(): boolean {
    return this.over;
  }

  /** The upstream said how it ended, though perhaps not yet what it cost. */
  get ending(): boolean {
    return this.reason !== undefined;
  }

  /** The data of one event. */
  data(data: string): void {
    if (this.over) return;
    this.guard(() => {
      const text = data.trim();
      if (text === "[DONE]") this.done();
      else if (text.startsWith("{")) this.chunk(parseFrame(text));
      else this.skip();
    });
  }

  /** Text that stands before what the stream will say: the beginning of a call that the prompt already holds. */
  opening(text: string): void {
    this.channels.text(text);
  }

  /** The whole body of an answer that is no stream. */
  whole(body: string): void {
    if (this.over) return;
    this.guard(() => {
      this.chunk(parseFrame(body));
      if (this.over) return;
      if (!this.spoke && this.reason === undefined) throw new ParleyError("upstream", "the upstream sent no answer");
      this.done();
    });
  }

  /** The connection ended. */
  end(): void {
    if (this.over) return;
    this.guard(() => {
      if (this.reason === undefined) throw new ParleyError("upstream", "the upstream's answer broke off");
      this.conclude();
    });
  }

  /** The connection stays silent after the finish reason. */
  endLate(): void {
    this.options.repairs.fired("finish-late");
    this.end();
  }

  /** Ends the answer with an error; throws it when nothing was handed out yet. */
  fail(error: ParleyError): void {
    if (this.over) return;
    this.over = true;
    if (!this.handed) throw error;
    this.out.finish("error", error);
  }

  /** What gathered; empty until the answer has a first word, so that a failure before it can go elsewhere. */
  take(): GenerationEvent[] {
    const gathered = this.out.take();
    if (this.handed) return gathered;
    this.begin.push(...gathered);
    if (this.begin.length < 2) return [];
    this.handed = true;
    return this.begin;
  }

  private guard(step: () => void): void {
    try {
      step();
    } catch (thrown) {
      if (!(thrown instanceof ParleyError)) throw thrown;
      this.fail(thrown);
    }
  }

  private skip(): void {
    this.options.repairs.fired("foreign-frame");
    this.foreign += 1;
    if (this.foreign > mostForeign) throw new ParleyError("upstream", "the upstream sends something else than answers");
  }

  private chunk(chunk: Record<string, unknown>): void {
    const failure = bodyFailure(chunk);
    if (failure !== undefined) throw failure;
    const said = readUsage(chunk);
    this.said = said ?? this.said;
    this.flag("input", chunk["input_sensitive"], chunk["input_sensitive_type"]);
    this.flag("output", chunk["output_sensitive"], chunk["output_sensitive_type"]);
    this.tier(chunk["service_tier"]);
    const { choices } = chunk;
    if (Array.isArray(choices)) for (const choice of choices) this.choice(choice);
    // what some servers count on the way is not the last word
    if (this.reason !== undefined && said !== undefined) this.conclude();
  }

  private choice(choice: unknown): void {
    if (!isObject(choice) || (choice["index"] ?? 0) !== 0) return;
    const { delta, message } = choice;
    if (isObject(delta)) this.delta(delta);
    else if (typeof choice["text"] === "string") this.speak("text", choice["text"]);
    // A final event that repeats the whole message says nothing new.
    else if (isObject(message) && !this.spoke) this.delta(message);
    const word = choice["finish_reason"];
    if (typeof word === "string" && word !== "") this.reason = reasons[word] ?? "stop";
  }

  private delta(delta: Record<string, unknown>): void {
    this.speak("reasoning", this.thoughtOf(delta));
    const content = contentOf(delta["content"]);
    this.speak("text", content === "" ? contentOf(delta["refusal"]) : content);
    const { tool_calls: calls, function_call: legacy } = delta;
    if (Array.isArray(calls) && calls.length > 0) this.call(() => this.calls.feed(calls));
    else if (isObject(legacy)) this.call(() => this.calls.feedLegacy(legacy));
  }

  private call(feed: () => void): void {
    this.spoke = true;
    this.channels.beforeCall();
    feed();
  }

  private speak(kind: "text" | "reasoning", text: string): void {
    if (text === "") return;
    this.spoke = true;
    if (this.calls.any && !this.calls.settle()) this.waiting.push({ kind, text });
    else this.channels[kind](text);
  }

  /** The thought of a delta, from the first field that has some. */
  private thoughtOf(delta: Record<string, unknown>): string {
    let found = "";
    for (const field of this.options.dialect.thoughtFields) {
      const text = fieldText(delta[field]);
      if (text === "") continue;
      if (found === "") found = text;
      else if (this.options.repairs.on("thought-twice")) this.options.repairs.fired("thought-twice");
      else found += text;
    }
    return found;
  }

  /** Told once, and again when the upstream changes its mind. */
  private tier(tier: unknown): void {
    if ((tier !== "standard" && tier !== "priority") || tier === this.tierSaid) return;
    this.tierSaid = tier;
    this.out.tier(tier);
  }

  private flag(side: "input" | "output", marked: unknown, type: unknown): void {
    if (marked !== true || this.flagged[side]) return;
    this.flagged[side] = true;
    this.out.flag(side, typeof type === "number" && type >= 1 && type <= 7 ? type : 7);
  }

  /** The upstream says that all was sent. */
  private done(): void {
    if (this.reason === undefined) {
      if (!this.options.repairs.on("finish-reason") || !this.spoke) {
        throw new ParleyError("upstream", "the upstream ended without a finish reason");
      }
      this.options.repairs.fired("finish-reason");
      this.reason = "stop";
    }
    this.conclude();
  }

  private conclude(): void {
    if (this.cutUnsaid()) {
      this.options.repairs.fired("finish-reason");
      this.reason = "length";
    }
    const cut = this.reason === "length";
    this.channels.end(cut);
    this.calls.end(cut);
    for (const { kind, text } of this.waiting) this.channels[kind](text);
    this.waiting = [];
    this.channels.end(cut);
    if (this.reason === "error") throw new ParleyError("upstream", "the upstream gave the answer up");
    this.tellUsage();
    this.out.finish(this.settledReason());
    this.over = true;
  }

  /** A call was cut by the token limit although the upstream says that it is whole: it must not be completed and run. */
  private cutUnsaid(): boolean {
    const { limit, repairs } = this.options;
    const full = limit !== undefined && this.said !== undefined && this.said.output >= limit;
    return full && this.reason === "calls" && this.calls.incomplete && repairs.on("finish-reason");
  }

  private tellUsage(): void {
    const { repairs, estimateInput } = this.options;
    if (this.said === undefined) {
      if (!repairs.on("usage-missing")) return;
      repairs.fired("usage-missing");
    }
    this.out.usage(settleUsage(this.said, this.out, this.said === undefined ? estimateInput() : 0));
  }

  /** `calls` says there are calls, whatever the upstream said. */
  private settledReason(): FinishReason {
    const reason = this.reason ?? "stop";
    const called = this.out.callCount > 0;
    const settled = reason === "stop" && called ? "calls" : reason === "calls" && !called ? "stop" : reason;
    if (settled === reason || !this.options.repairs.on("finish-reason")) return reason;
    this.options.repairs.fired("finish-reason");
    return settled;
  }
}

function parseFrame(text: string): Record<string, unknown> {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch (cause) {
    throw new ParleyError("upstream", "the upstream sent a broken event", { cause });
  }
  if (!isObject(frame)) throw new ParleyError("upstream", "the upstream sent an answer of another form");
  return frame;
}

/** Content is a string, or parts of which the texts count. */
function contentOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((part: unknown) => (isObject(part) && typeof part["text"] === "string" ? part["text"] : ""))
    .join("");
}

function fieldText(value: unknown): string {
  return Array.isArray(value) ? contentOf(value) : typeof value === "string" ? value : "";
}

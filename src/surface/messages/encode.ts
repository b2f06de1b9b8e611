import { isObject, parseJson } from "../../model/json.ts";
import type { AnswerItem, Transcript } from "../../model/transcript.ts";
import { estimateInput } from "../../model/token-estimate.ts";
import { shownReason, type StopReason } from "../shared/answer.ts";
import type { ParsedRequest } from "../surface.ts";
import type { MessagesAnswerOptions } from "./parse.ts";
import { sealedThinking, type Signer } from "./signature.ts";

/** Shapes and key order here are those of the samples (MiniMax API docs, Anthropic-compatible messages, 2026-11). */
export type Parsed = ParsedRequest<MessagesAnswerOptions>;

const stopReasons: Readonly<Record<StopReason, string>> = {
  stop: "end_turn",
  length: "max_tokens",
  calls: "tool_use",
  filter: "refusal",
};

export interface MessagesUsage {
  /** Without those that a cache held. */
  input_tokens: number;
  output_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
}

/** Before the engine has reported its usage the input is what it has counted, else estimated. */
export function encodeUsage({ usage, prompt }: Transcript, { request }: Parsed): MessagesUsage {
  // only where nothing is known: an estimate reads the whole prompt
  const { input, cached } = usage ?? prompt ?? { input: estimateInput(request), cached: 0 };
  const read = Math.min(cached, input);
  return {
    input_tokens: input - read,
    output_tokens: usage?.output ?? 0,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: read,
  };
}

/** What of the request was left out; a field of our own, the same as in Responses. */
export function encodeDropped({ answerOptions }: Parsed): { parley?: { dropped_tools: readonly string[] } } {
  const { droppedTools } = answerOptions;
  return droppedTools.length === 0 ? {} : { parley: { dropped_tools: droppedTools } };
}

/** Why the answer ended, on the wire. */
export interface Ending {
  stop_reason: string;
  stop_sequence: string | null;
}

export function encodeEnding(reason: StopReason, { finish }: Transcript): Ending {
  const text = finish?.stopText;
  if (reason === "stop" && text !== undefined) return { stop_reason: "stop_sequence", stop_sequence: text };
  return { stop_reason: stopReasons[reason], stop_sequence: null };
}

/** What of a text is shown after what stands before it: the newlines after thinking belong to the thinking. */
export function shownText(text: string, before: AnswerItem | undefined): string {
  return before?.type === "reasoning" ? text.replace(/^[\r\n]+/, "") : text;
}

/** The signature of a thinking block whose text is `text`. */
export function signatureOf(text: string, { answerOptions }: Parsed, signer: Signer): string {
  return answerOptions.omitsThinking ? sealedThinking(signer, answerOptions.owner, text) : signer.sign(text);
}

/** The body of an answer that is not a stream. Throws the error the answer ended with. */
export function encodeBody(transcript: Transcript, parsed: Parsed, signer: Signer): unknown {
  const reason = shownReason(transcript);
  const content = transcript.items.map((item, index) =>
    encodeBlock(item, { before: transcript.items[index - 1], parsed, signer }),
  );
  return {
    id: parsed.request.id,
    type: "message",
    role: "assistant",
    model: parsed.request.model,
    content: content.filter((block) => block !== undefined),
    usage: encodeUsage(transcript, parsed),
    ...encodeEnding(reason, transcript),
    ...encodeDropped(parsed),
  };
}

interface BlockContext {
  before: AnswerItem | undefined;
  parsed: Parsed;
  signer: Signer;
}

/** `undefined` for an item that shows nothing: white space alone, thinking where it is off. */
function encodeBlock(item: AnswerItem, { before, parsed, signer }: BlockContext): object | undefined {
  if (item.type === "call") return { type: "tool_use", id: item.id, name: item.name, input: readInput(item.args) };
  if (item.text.trim() === "") return undefined;
  if (item.type === "text") return { text: shownText(item.text, before), type: "text" };
  if (parsed.request.reasoning === "off") return undefined;
  const text = item.text.trim();
  const thinking = parsed.answerOptions.omitsThinking ? "" : text;
  return { thinking, signature: signatureOf(text, parsed, signer), type: "thinking" };
}

/** The arguments of a call; `{}` where the token limit truncated them. */
function readInput(args: string): object {
  const input = parseJson(args || "{}");
  return isObject(input) ? input : {};
}

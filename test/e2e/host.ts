import { expect } from "vitest";
import { z } from "zod";
import type { Running } from "./start.ts";

/**
 * What a host of the vendor's M3 model is measured by: requests over HTTP to a listening server, each answer read in the
 * way the vendor's own clients read it, and rules that hold for every one of them whatever was asked.
 */

export interface Call {
  id: string;
  name: string;
  /** The argument text as it came. */
  text: string;
  /** `undefined` where the text is no JSON object. */
  args: Record<string, unknown> | undefined;
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details?: { cached_tokens: number };
}

export interface Answer {
  status: number;
  /** Content, inline thought included. */
  content: string;
  /** `reasoning_content`; `""` where there is none. */
  reasoning: string;
  calls: Call[];
  finish: string | undefined;
  usage: Usage | undefined;
  /** The message of an error answer. */
  error: string;
  /** The chunks of a stream. */
  chunks: Chunk[];
}

interface Message {
  content?: string | null;
  reasoning_content?: string;
  tool_calls?: { id?: string; index: number; function: { name?: string; arguments?: string } }[];
}

export interface Chunk {
  id: string;
  object: string;
  created: number;
  model: string;
  choices: { index: number; finish_reason?: string; delta: Message }[];
  usage: Usage | null;
}

interface Body {
  id: string;
  object: string;
  created: number;
  model: string;
  choices: { index: number; finish_reason: string; message: Message }[];
  usage: Usage;
  base_resp: { status_code: number; status_msg: string };
}

export const finishes = ["stop", "length", "tool_calls", "content_filter"];
const hexId = /^[0-9a-f]{32}$/;

/** Sends one chat request (M3 unless `body` says otherwise) and checks all that must hold of any answer. */
export async function ask(server: Running, body: object, init: { key?: string | null } = {}): Promise<Answer> {
  const sent = { model: "MiniMax-M3", ...body } as { stream?: boolean };
  const response = await server.call("/v1/chat/completions", { method: "POST", body: JSON.stringify(sent), ...init });
  expect(response.headers.get("trace-id")).toMatch(hexId);
  const text = await response.text();
  expect(text).not.toContain("\u{fffd}");
  if (response.status !== 200) return refused(response, text);
  return sent.stream === true ? streamed(response, text, sent) : whole(response, JSON.parse(text) as Body);
}

function refused(response: Response, text: string): Answer {
  expect(response.headers.get("content-type")).toContain("application/json");
  const { type, error, request_id } = JSON.parse(text) as {
    type: string;
    error: { message: string; http_code: string };
    request_id: string;
  };
  expect([type, error.http_code, request_id]).toEqual([
    "error",
    String(response.status),
    response.headers.get("trace-id"),
  ]);
  return { ...blank, status: response.status, error: error.message };
}

const blank: Omit<Answer, "status"> = {
  content: "",
  reasoning: "",
  calls: [],
  finish: undefined,
  usage: undefined,
  error: "",
  chunks: [],
};

function whole(response: Response, body: Body): Answer {
  expect(response.headers.get("content-type")).toContain("application/json");
  const { id, object, created, choices, usage, base_resp } = body;
  expect([id, object]).toEqual([expect.stringMatching(hexId), "chat.completion"]);
  expect(Number.isSafeInteger(created)).toBe(true);
  expect(base_resp).toEqual({ status_code: 0, status_msg: "" });
  expect(choices).toHaveLength(1);
  const { index, finish_reason: finish, message } = choices[0] as Body["choices"][number];
  expect(index).toBe(0);
  expect(finishes).toContain(finish);
  expect(message).toMatchObject({ role: "assistant", content: expect.any(String) });
  expectSums(usage);
  const calls = (message.tool_calls ?? []).map((call) => callOf({ ...call.function, id: call.id }));
  expectCalls(calls, finish);
  const { content, reasoning_content: reasoning } = message;
  return { ...blank, status: 200, content: content ?? "", reasoning: reasoning ?? "", calls, finish, usage };
}

function callOf(call: { id?: string | undefined; name?: string; arguments?: string }): Call {
  const text = call.arguments ?? "";
  const args = z.record(z.string(), z.unknown()).safeParse(text.trim() === "" ? {} : parsed(text));
  return { id: call.id ?? "", name: call.name ?? "", text, args: args.success ? args.data : undefined };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function expectCalls(calls: readonly Call[], finish: string | undefined): void {
  expect(finish === "tool_calls").toBe(calls.length > 0 && finish !== "length");
  expect(new Set(calls.map(({ id }) => id)).size).toBe(calls.length);
  for (const { id, name, args } of calls) {
    expect([id, name].every((text) => text !== "")).toBe(true);
    if (finish !== "length") expect(args).toBeDefined();
  }
}

export function expectSums(usage: Usage | null | undefined): void {
  const { prompt_tokens, completion_tokens, total_tokens } = usage ?? expect.fail("no usage");
  for (const count of [prompt_tokens, completion_tokens, total_tokens]) {
    expect(Number.isSafeInteger(count) && count > 0).toBe(true);
  }
  expect(total_tokens).toBe(prompt_tokens + completion_tokens);
  const cached = usage?.prompt_tokens_details?.cached_tokens ?? 0;
  expect(Number.isSafeInteger(cached) && cached >= 0 && cached <= prompt_tokens).toBe(true);
}

function streamed(response: Response, text: string, sent: object): Answer {
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
  const blocks = text.split("\n\n").slice(0, -2);
  for (const block of blocks) expect(block).toMatch(/^data: \{[^\n\u0085\u2028\u2029]*\}$/);
  const chunks = blocks.map((block) => JSON.parse(block.slice(6)) as Chunk);
  const answer = gathered(chunks);
  expectStream(chunks, answer);
  const wantsUsage = (sent as { stream_options?: { include_usage?: boolean } }).stream_options?.include_usage === true;
  const last = chunks.at(-1) ?? expect.fail("no chunk");
  expect(chunks.map((chunk) => chunk.usage !== null)).toEqual(chunks.map((chunk) => wantsUsage && chunk === last));
  if (wantsUsage) expectSums(last.usage);
  return { ...answer, usage: last.usage ?? undefined };
}

function expectStream(chunks: readonly Chunk[], answer: Answer): void {
  expect(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size).toBe(1);
  for (const { id, object, choices } of chunks) {
    expect([id, object]).toEqual([expect.stringMatching(hexId), "chat.completion.chunk"]);
    for (const { delta } of choices) {
      expect(delta).toBeInstanceOf(Object);
      expect((delta.content ?? "") !== "" && (delta.reasoning_content ?? "") !== "").toBe(false);
    }
  }
  const ends = chunks.flatMap(({ choices }) => choices.filter((choice) => "finish_reason" in choice));
  expect(ends).toHaveLength(1);
  expect(finishes).toContain(ends[0]?.finish_reason);
  expectCalls(answer.calls, answer.finish);
}

/** Puts a stream together as clients do: everything is appended, names too. */
function gathered(chunks: readonly Chunk[]): Answer {
  const answer = { ...blank, status: 200, chunks: [...chunks] };
  const parts = new Map<number, { id: string; name: string; arguments: string }>();
  for (const { delta, finish_reason } of chunks.flatMap(({ choices }) => choices)) {
    answer.content += delta.content ?? "";
    answer.reasoning += delta.reasoning_content ?? "";
    answer.finish = finish_reason ?? answer.finish;
    for (const piece of delta.tool_calls ?? []) {
      const part = parts.get(piece.index) ?? { id: "", name: "", arguments: "" };
      parts.set(piece.index, part);
      part.id += piece.id ?? "";
      part.name += piece.function.name ?? "";
      part.arguments += piece.function.arguments ?? "";
    }
  }
  return { ...answer, calls: [...parts.values()].map(callOf) };
}

/** Whether any sign of a thought is there. */
export function thinks(answer: Answer): boolean {
  return /<(?:mm:)?think>/i.test(answer.content) || answer.reasoning.trim() !== "";
}

/** The content without inline thought. */
export function spoken(answer: Answer): string {
  return answer.content.replace(/^<think>\n[^]*?\n<\/think>\n/, "");
}

export interface Wanted {
  name?: string;
  /** Fields of the arguments; a text is enough within a longer one, in any case of letters. */
  args?: Record<string, unknown>;
  /** JSON Schema that the arguments must keep. */
  schema?: object;
}

/** The first call of an answer is this one. */
export function expectCall(answer: Answer, { name, args = {}, schema }: Wanted): void {
  const [call] = answer.calls;
  if (call === undefined) expect.fail(`no call; said: ${answer.content.slice(0, 300)}`);
  if (name !== undefined) expect(call.name).toBe(name);
  for (const [field, value] of Object.entries(args)) {
    const found = call.args?.[field];
    if (typeof value === "string") expect(String(found).toLowerCase()).toContain(value.toLowerCase());
    else expect(found).toEqual(value);
  }
  if (schema === undefined) return;
  const checked = z.fromJSONSchema(schema as never).safeParse(call.args);
  expect(checked.error?.issues ?? []).toEqual([]);
}

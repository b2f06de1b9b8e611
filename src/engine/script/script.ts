import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { ParleyError } from "../../model/error.ts";
import { type Item, textOf } from "../../model/item.ts";
import { isObject } from "../../model/json.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { Conversation } from "../sim/conversation.ts";
import { type Conditions, type ScriptedAnswer, type ScriptEntry, scriptFile } from "./schema.ts";

/** A script file that cannot be used; the message names the file and the entry. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";
}

export interface ScriptContent {
  answers: readonly ScriptEntry[];
  strict?: boolean | undefined;
}

/** Reads a YAML or JSON file of scripted answers. Throws `ScriptError`. */
export function readScript(path: string): ScriptContent {
  let document: unknown;
  try {
    document = parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new ScriptError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const read = scriptFile.safeParse(document);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const at = issue?.path ?? [];
  const unknown = issue?.code === "unrecognized_keys" ? `unknown field ${issue.keys.join(", ")}` : undefined;
  throw new ScriptError(`${path}: ${placeOf(document, at)}: ${unknown ?? issue?.message ?? "cannot be read"}`);
}

/** `answers[2] ("weather").when.matches` */
function placeOf(document: unknown, path: readonly PropertyKey[]): string {
  const list: unknown = Array.isArray(document) ? document : isObject(document) ? document["answers"] : undefined;
  const entry: unknown = Array.isArray(list) ? list[Number(path[1])] : undefined;
  const name = isObject(entry) && typeof entry["name"] === "string" ? ` (${JSON.stringify(entry["name"])})` : "";
  const steps = path.map((step, index) =>
    typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${String(step)}`,
  );
  return `${steps.slice(0, 2).join("")}${name}${steps.slice(2).join("")}` || "the file";
}

/** Chooses answers by request. It counts what it has answered, so one script belongs to one engine. */
export class Script {
  // fixed at birth
  private readonly entries: readonly ScriptEntry[];
  private readonly strict: boolean;
  // changed by events
  /** Requests that fit an entry's conditions except `nth`; counted by `answer`. */
  private readonly matched: number[];
  /** Answers of an entry's sequence that are used; counted by `answer`. */
  private readonly used: number[];

  constructor({ answers, strict = false }: ScriptContent) {
    this.entries = answers;
    this.strict = strict;
    this.matched = answers.map(() => 0);
    this.used = answers.map(() => 0);
  }

  /**
   * The answer of the first entry that matches; `undefined` where none does. Throws kind `not-found` where none does and
   * the script is strict, and where a sequence is used up that says `atEnd: error`.
   */
  answer(request: GenerationRequest, conversation: Conversation): ScriptedAnswer | undefined {
    for (const [index, entry] of this.entries.entries()) {
      const found = holds(entry.when, request, conversation) ? this.next(entry, index) : undefined;
      if (found !== undefined) return found;
    }
    if (!this.strict) return undefined;
    const text = conversation.userText.slice(0, 80);
    const after = conversation.afterResult ? ", after a tool result" : "";
    throw new ParleyError(
      "not-found",
      `no scripted answer matches: model ${request.model}, turn ${conversation.turn}${after}, text ${JSON.stringify(text)}`,
    );
  }

  private next(entry: ScriptEntry, index: number): ScriptedAnswer | undefined {
    const matched = (this.matched[index] ?? 0) + 1;
    this.matched[index] = matched;
    if (entry.when.nth !== undefined && matched !== entry.when.nth) return undefined;
    if (entry.sequence === undefined) return entry.answer;
    const at = this.used[index] ?? 0;
    this.used[index] = at + 1;
    const found = entry.sequence[at] ?? (entry.atEnd === "next" ? undefined : entry.sequence.at(-1));
    if (at < entry.sequence.length || entry.atEnd !== "error") return found;
    const name = entry.name ?? `answers[${index}]`;
    throw new ParleyError(
      "not-found",
      `the scripted sequence ${name} is used up: it has ${entry.sequence.length} answers`,
    );
  }
}

function holds(when: Conditions, request: GenerationRequest, conversation: Conversation): boolean {
  const { model, text, contains, matches, system, history, toolResult, tools, turn } = when;
  const { userText, systemText } = conversation;
  const offered = new Set(request.tools.map(({ name }) => name));
  return (
    (model === undefined || model === request.model) &&
    (text === undefined || text === userText) &&
    (contains === undefined || userText.includes(contains)) &&
    (matches === undefined || new RegExp(matches, "u").test(userText)) &&
    (system === undefined || systemText.includes(system)) &&
    (history === undefined || request.items.some((item) => textsOf(item).includes(history))) &&
    (toolResult === undefined || hasResult(toolResult, conversation)) &&
    (tools === undefined || tools.every((name) => offered.has(name))) &&
    (turn === undefined || turn === conversation.turn)
  );
}

function textsOf(item: Item): string {
  if (item.type === "reasoning") return item.text;
  return item.type === "call" ? `${item.name} ${item.args}` : textOf(item.parts);
}

function hasResult(wanted: boolean | string, { afterResult, results }: Conversation): boolean {
  if (typeof wanted === "boolean") return wanted === afterResult;
  return afterResult && results.some((text) => text.includes(wanted));
}

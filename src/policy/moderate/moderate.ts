import { TimeSlices, type Steps } from "../../lib/time-slices.ts";
import { ParleyError } from "../../model/error.ts";
import type { Batch } from "../../model/event.ts";
import { textOf } from "../../model/item.ts";
import type { GenerationRequest } from "../../model/request.ts";
import type { Log } from "../../telemetry/log.ts";
import { buildAutomaton, type Automaton } from "./automaton.ts";
import { guarded, inPieces } from "./check.ts";
import { endpointCheck } from "./endpoint.ts";
import { worse, type Check, type Verdict } from "./finding.ts";
import { modelCheck, type Ask } from "./guard.ts";
import { Scanner } from "./scanner.ts";
import type { ModerationSettings } from "./settings.ts";
import { screenWindows } from "./window-screen.ts";
import { readWordFiles } from "./word-file.ts";
import { WordScreen } from "./word-screen.ts";

/**
 * Is it allowed. Word lists cannot fail while the server runs: a file that cannot be used prevents the start. A guard
 * model and a moderations endpoint can; each fails `closed` by default (what could not be judged is refused with
 * `upstream`) or `open` (it passes), as its settings say.
 */
export interface Moderator {
  /** Whether an answer is cut off where it may not be sent. */
  readonly blocksOutput: boolean;
  /** Judges what is asked. Throws `input-sensitive` for what is refused; a finding marks the answer. */
  input(request: GenerationRequest, signal: AbortSignal): Promise<Verdict>;
  /** The answer as far as it may be sent. Ending it early ends the batches it reads. */
  output(batches: AsyncIterable<Batch>, signal: AbortSignal): AsyncIterable<Batch>;
}

export interface ModerateOptions {
  ask: Ask;
  log: Log;
  /** What scanning long texts shares the event loop by. */
  slices?: TimeSlices | undefined;
}

/** `undefined` when nothing is to be moderated. Throws `WordFileError` for a word file that cannot be used. */
export function createModerator(settings: ModerationSettings, options: ModerateOptions): Moderator | undefined {
  const { words, model, endpoint, input, output } = settings;
  const automaton = words === undefined ? undefined : buildAutomaton(readWordFiles(words.files, words.severity));
  const checks: Check[] = [];
  const add = (check: Check, { timeoutSeconds, fails, longest }: NonNullable<typeof model | typeof endpoint>): void => {
    checks.push(inPieces(guarded(check, { timeoutMs: timeoutSeconds * 1000, fails, log: options.log }), longest));
  };
  if (model !== undefined) add(modelCheck(model, options.ask), model);
  if (endpoint !== undefined) add(endpointCheck(endpoint), endpoint);
  if ((automaton === undefined && checks.length === 0) || (input === "off" && output === "off")) return undefined;
  const tools: Tools = { settings, automaton, checks, slices: options.slices ?? new TimeSlices() };
  return {
    blocksOutput: output === "block",
    input: (request, signal) => checkInput(request, signal, tools),
    output: (batches, signal) => screenOutput(batches, signal, tools),
  };
}

interface Tools {
  settings: ModerationSettings;
  automaton: Automaton | undefined;
  checks: readonly Check[];
  slices: TimeSlices;
}

async function checkInput(request: GenerationRequest, signal: AbortSignal, tools: Tools): Promise<Verdict> {
  const { settings, automaton, checks, slices } = tools;
  if (settings.input === "off") return undefined;
  const blocks = settings.input === "block";
  const texts = inputTexts(request, settings.scope);
  let verdict: Verdict;
  if (automaton !== undefined)
    for (const text of texts) verdict = worse(verdict, await slices.run(findWord(automaton, text), signal));
  for (const check of checks) {
    if (verdict?.severity === "severe") break;
    verdict = worse(verdict, await check(texts.join("\n"), signal));
  }
  if (blocks && verdict?.severity === "severe") {
    throw new ParleyError("input-sensitive", `moderation refused the input, category ${verdict.category}`);
  }
  return verdict;
}

function screenOutput(batches: AsyncIterable<Batch>, signal: AbortSignal, tools: Tools): AsyncIterable<Batch> {
  const { settings, automaton, checks } = tools;
  if (settings.output === "off") return batches;
  const blocks = settings.output === "block";
  let screened = batches;
  if (automaton !== undefined) screened = screen(screened, new WordScreen({ automaton, blocks }));
  for (const check of checks) screened = screenWindows(screened, { check, signal, blocks, window: settings.window });
  return screened;
}

/** Leaving the loop early ends the engine's stream. */
async function* screen(batches: AsyncIterable<Batch>, words: WordScreen): AsyncGenerator<Batch> {
  for await (const batch of batches) {
    const out = words.accept(batch);
    if (out.length > 0) yield out;
    if (words.stopped) return;
  }
}

/** Texts that the model did not write: messages, tool results and, with scope `all`, the descriptions of tools. */
export function inputTexts(request: GenerationRequest, scope: ModerationSettings["scope"]): string[] {
  const { items, tools } = request;
  const lastUser = items.findLastIndex((item) => item.type === "message" && item.role === "user");
  const texts = scope === "all" ? tools.map((tool) => tool.description ?? "") : [];
  for (const item of scope === "all" ? items : items.slice(Math.max(0, lastUser))) {
    const own = item.type === "message" && item.role === "assistant";
    if (!own && (item.type === "message" || item.type === "result")) texts.push(textOf(item.parts));
  }
  return texts.filter((text) => text !== "");
}

/** UTF-16 units that are scanned in one step. */
const stepUnits = 25_000;

/** The first severe word of a whole text, else the first mild one. */
function* findWord(automaton: Automaton, text: string): Steps<Verdict> {
  const scanner = new Scanner({ automaton, json: false });
  for (let at = 0; at < text.length && scanner.severe === undefined; at += stepUnits) {
    if (at > 0) yield;
    scanner.push(text.slice(at, at + stepUnits));
  }
  scanner.end();
  if (scanner.severe !== undefined) return { category: scanner.severe.category, severity: "severe" };
  return scanner.mild === 0 ? undefined : { category: scanner.mild, severity: "mild" };
}

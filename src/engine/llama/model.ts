import { availableParallelism } from "node:os";
import type { Template } from "@huggingface/jinja";
import type { Llama, LlamaContext, LlamaContextSequence, LlamaModel, Token } from "node-llama-cpp";
import type { Steps } from "../../lib/time-slices.ts";
import { ParleyError } from "../../model/error.ts";
import type { PromptFamily } from "../template/family.ts";
import { familyOf, withOverrides } from "../template/family.ts";
import { templateMarks } from "../template/marks.ts";
import { compileTemplate } from "../template/render.ts";
import { checkModelFile } from "./file-check.ts";
import { defaultSequences, type ModelOptions } from "./options.ts";
import type { Marker } from "./vocabulary.ts";
import { Vocabulary } from "./vocabulary.ts";

/** A model in memory, ready to generate. */
export interface LoadedModel {
  readonly model: LlamaModel;
  readonly llama: Llama;
  readonly sequences: readonly LlamaContextSequence[];
  /** Tokens of one sequence's window. */
  readonly contextSize: number;
  /** Prompt tokens read in one go, at most; an abort takes effect between two. */
  readonly chunk: number;
  readonly family: PromptFamily;
  readonly template: Template;
  readonly bosToken: string;
  readonly eosToken: string;
  readonly vocabulary: Vocabulary<Token>;
  /** Tokens that end a value in JSON together with the comma behind it. */
  readonly memberEnds: readonly Token[];
  /** The library's module; loaded with the first model, never before. */
  readonly library: typeof import("node-llama-cpp");
  dispose(): Promise<void>;
}

/** Windows of modern models are far larger than a small machine's memory; `contextSize` asks for more. */
const defaultWindowTokens = 8192;
/** Prompt tokens read in one go. */
const chunkTokens = { cpu: 256, gpu: 512 };

/**
 * Threads for a machine with `cores`: one core stays free. ggml's threads spin at every barrier; with as many of them
 * as cores, any other work stalls the whole graph (measured: 145 tokens/s fell to 0.3 on two cores).
 */
export function threadsFor(cores: number, wanted?: number): number {
  const most = Math.max(1, cores - 1);
  return Math.min(most, Math.max(1, wanted ?? most));
}

/** Loads library and model; half a second for the library, then the file. Throws `upstream` where that fails. */
export async function loadModel(options: ModelOptions): Promise<LoadedModel> {
  await checkModelFile(options.model).catch((cause: unknown) => {
    // the path is for operators: callers get the message
    throw new ParleyError("upstream", "the model cannot be loaded", { cause });
  });
  const threads = threadsFor(availableParallelism(), options.threads);
  let llama: Llama | undefined;
  try {
    const library = await import("node-llama-cpp");
    llama = await library.getLlama({
      gpu: options.gpu === true ? "auto" : false,
      build: "never",
      skipDownload: true,
      progressLogs: false,
      maxThreads: threads,
      logLevel: library.LlamaLogLevel.disabled,
      logger: () => undefined,
    });
    return await loadInto(llama, library, options, threads);
  } catch (thrown) {
    await llama?.dispose();
    if (thrown instanceof ParleyError) throw thrown;
    throw new ParleyError("upstream", "the embedded model could not be loaded", { cause: thrown });
  }
}

async function loadInto(
  llama: Llama,
  library: LoadedModel["library"],
  options: ModelOptions,
  threads: number,
): Promise<LoadedModel> {
  const model = await llama.loadModel({ modelPath: options.model });
  const { general, tokenizer } = model.fileInfo.metadata;
  const source = tokenizer.chat_template;
  if (source === undefined) throw new ParleyError("upstream", "the embedded model has no chat template");
  const template = compileTemplate(source);
  const context = await model.createContext({
    // as much of it as memory holds
    contextSize: options.contextSize ?? { max: Math.min(model.trainContextSize, defaultWindowTokens) },
    sequences: options.sequences ?? defaultSequences,
    threads,
  });
  survivesSampling(context);
  return {
    model,
    llama,
    sequences: allSequences(context),
    contextSize: context.contextSize,
    chunk: Math.min(context.batchSize, llama.gpu === false ? chunkTokens.cpu : chunkTokens.gpu),
    family: withOverrides(familyOf(general.name, general.architecture), options),
    template,
    bosToken: model.tokens.bosString ?? "",
    eosToken: model.tokens.eosString ?? "",
    vocabulary: readVocabulary(model, new Set(templateMarks(source))),
    memberEnds: memberEnds(model),
    library,
    dispose: async () => {
      await context.dispose();
      await model.dispose();
      await llama.dispose();
    },
  };
}

/** The private part of the library's context that has to be replaced. */
interface ContextInternals {
  _ctx?: { sampleToken?: (...given: unknown[]) => Promise<unknown> };
}

/** The library's own value for "no token could be drawn"; it then ends that one answer with an error. */
const noToken = -1;

/**
 * llama.cpp throws where a grammar allows no token that the model has. The library (still in 3.22.1) handles that
 * rejection nowhere: the process would end, or every answer after it would wait without end. It has no hook for it: its
 * private `sampleToken` is replaced, and `test/engine/llama/model.test.ts` fails when a new version needs another way.
 */
function survivesSampling(context: LlamaContext): void {
  const native = (context as unknown as ContextInternals)._ctx;
  const sample = native?.sampleToken;
  if (native === undefined || sample === undefined) return;
  const value = (...given: unknown[]): Promise<unknown> => sample.apply(native, given).catch(() => noToken);
  Object.defineProperty(native, "sampleToken", { value });
}

function allSequences(context: LlamaContext): LlamaContextSequence[] {
  return Array.from({ length: context.totalSequences }, () => context.getSequence());
}

/** `marks`: texts of the chat template that look like special tokens; a token of such a text is the template's own. */
function readVocabulary(model: LlamaModel, marks: ReadonlySet<string>): Vocabulary<Token> {
  const texts = textsOf(model);
  const markers: Marker<Token>[] = [];
  for (const token of model.iterateAllTokens()) {
    const { control, unknown, userDefined } = model.getTokenAttributes(token);
    if (!control && !unknown && !userDefined) continue;
    const text = texts[token] ?? model.detokenize([token], true);
    markers.push({ token, text, control: control || marks.has(text) });
  }
  return new Vocabulary({ markers, plain: (text) => model.tokenize(text, false), divides: wordEnds(model, texts) });
}

/** The end of a word and a space, line end or tab, as byte-level vocabularies spell their bytes. */
const wordThenSpace = /[A-Za-z\u00a1-\u00bf\u0122-\u0143][\u0120\u010a\u0109]/;
const spaces = new Set(" \n\t");
const letter = /\p{L}/u;

/**
 * Where texts may be divided without a change of their tokens: between a letter and white space, where no token of the
 * vocabulary spans such a place. Byte-pair encodings of the kind of GPT-2 divide there before anything else, and merge
 * nothing across it; other kinds may put a sign before each text, so that theirs are left whole.
 */
function wordEnds(model: LlamaModel, texts: readonly string[]): ((text: string, at: number) => boolean) | undefined {
  if (model.fileInfo.metadata.tokenizer.ggml.model !== "gpt2") return undefined;
  if (texts.some((text) => wordThenSpace.test(text))) return undefined;
  return (text, at) => spaces.has(text.charAt(at)) && letter.test(text.charAt(at - 1));
}

function memberEnds(model: LlamaModel): readonly Token[] {
  const tokens = Array.from(model.iterateAllTokens());
  const texts = textsOf(model);
  return tokens.filter((token) => /["\]}],/.test(texts[token] ?? ""));
}

/** The vocabulary as the file lists it. */
function textsOf(model: LlamaModel): readonly string[] {
  const texts: unknown = model.fileInfo.metadata.tokenizer.ggml.tokens;
  return Array.isArray(texts) ? texts.filter((text) => typeof text === "string") : [];
}

/** A prompt's tokens; the leading token that the model wants is put first once. */
export function* promptTokens(loaded: LoadedModel, prompt: string): Steps<Token[]> {
  const tokens = yield* loaded.vocabulary.tokens(prompt);
  const { bos, shouldPrependBosToken } = loaded.model.tokens;
  return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
}

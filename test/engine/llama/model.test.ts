import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LoadedModel, loadModel } from "../../../src/engine/llama/model.ts";
import { tinyModel } from "./ask.ts";

let loaded: LoadedModel;
beforeAll(async () => {
  loaded = await loadModel({ model: tinyModel, sequences: 1, contextSize: 256 });
});
afterAll(async () => {
  await loaded.dispose();
});

async function tokens(source: string | undefined): Promise<number> {
  const { llama, model, library, sequences } = loaded;
  const [sequence] = sequences;
  if (sequence === undefined) throw new Error("no sequence");
  const grammar = source === undefined ? undefined : await llama.createGrammar({ grammar: source });
  const state = grammar === undefined ? {} : new library.LlamaGrammarEvaluationState({ model, grammar });
  const sampling = grammar === undefined ? {} : { grammarEvaluationState: state as never };
  let count = 0;
  for await (const _ of sequence.evaluate(model.tokenize("Hello"), { temperature: 0, ...sampling })) {
    count += 1;
    if (count === 3) break;
  }
  return count;
}

describe("loadModel", () => {
  it("a grammar that no token fits ends one answer, not the process", async () => {
    await expect(tokens('root ::= "a" "\\x00" "b"')).rejects.toThrow("sample");
    expect(await tokens(undefined)).toBe(3);
    expect(await tokens('root ::= "abcdefghijk"')).toBeGreaterThan(0);
  });
});

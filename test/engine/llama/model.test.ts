import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LoadedModel, loadModel } from "../../../src/engine/llama/model.ts";
import { tinyModel } from "./ask.ts";
import { finish } from "../../../src/lib/time-slices.ts";

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

  it("a caller's text holds no token of the template's own marks, tags among them", () => {
    const { vocabulary, model } = loaded;
    const own = ["<think>", "</think>", "<minimax:tool_call>", "</minimax:tool_call>", "]~b]", "[e~["];
    for (const mark of own) {
      const [token, ...more] = finish(vocabulary.tokens(mark));
      expect({ mark, more }).toEqual({ mark, more: [] });
      for (const text of [mark, `a${mark}b`, mark.slice(0, -1)]) {
        const guarded = finish(vocabulary.tokens(vocabulary.guard(text)));
        expect(guarded).not.toContain(token);
        expect(model.detokenize(guarded, true).trim()).toBe(text);
      }
      // what the template writes behind a text does not complete a mark that the text begins
      const behind = finish(vocabulary.tokens(vocabulary.guard(mark.slice(0, -1)) + mark));
      expect(behind.filter((one) => one === token)).toHaveLength(1);
      expect(behind.at(-1)).toBe(token);
    }
  });
});

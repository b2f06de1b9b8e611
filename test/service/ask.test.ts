import { describe, expect, it } from "vitest";
import { createCatalog } from "../../src/engine/catalog.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { scriptBatches, scriptEngine } from "../support/script-engine.ts";
import { ParleyError } from "../../src/model/error.ts";
import { systemIds } from "../../src/model/id.ts";
import { catalogAsk } from "../../src/service/ask.ts";

const question = { model: "guard", prompt: "Is this fine?", maxTokens: 7 };
const signal = new AbortController().signal;

function ask(engines: Engine[], ended = signal): Promise<string> {
  const named = new Map(engines.map((engine, index) => [`e${index}`, engine]));
  const entries = [{ name: "guard", engines: [...named.keys()], model: "own-name" }];
  return catalogAsk(createCatalog({ engines: named, entries }), systemIds)(question, ended);
}

describe("catalogAsk", () => {
  it("asks by the engine's own name, without thought or chance, and gives the text", async () => {
    const engine = scriptEngine({ batches: scriptBatches({ reasoning: "hm", text: "safe" }) });
    expect(await ask([engine])).toBe("safe");
    expect(engine.requests[0]).toMatchObject({
      model: "own-name",
      reasoning: "off",
      sampling: { temperature: 0, maxTokens: 7 },
      items: [{ type: "message", role: "user", parts: [{ type: "text", text: "Is this fine?" }] }],
    });
  });

  it("tries the next engine after one that fails at once or half-way, and throws the last error", async () => {
    const failing = scriptEngine({
      batches: () => {
        throw new ParleyError("upstream", "down");
      },
    });
    const broken = scriptEngine({
      batches: scriptBatches({ text: "sa", finish: "error", error: new ParleyError("timeout", "late") }),
    });
    expect(await ask([failing, broken, scriptEngine({ batches: scriptBatches({ text: "safe" }) })])).toBe("safe");
    await expect(ask([broken])).rejects.toMatchObject({ kind: "timeout" });
  });

  it("does not try another engine for a caller who is gone", async () => {
    const spare = scriptEngine({ batches: scriptBatches({ text: "safe" }) });
    const slow = scriptEngine({ batches: scriptBatches({ text: "safe" }), delay: 10_000 });
    const caller = new AbortController();
    const asked = ask([slow, spare], caller.signal);
    caller.abort();
    await expect(asked).rejects.toThrow();
    expect(spare.requests).toHaveLength(0);
  });
});

import { scriptBatches, scriptEngine } from "../support/script-engine.ts";
import type { GenerationRequest } from "../../src/model/request.ts";
import { describeEngine } from "./engine.ts";

const words = "One river ran down from the hills and told nobody where it would end that day. ".repeat(4);

function script(request: GenerationRequest): ReturnType<typeof scriptBatches> {
  const text = request.sampling.maxTokens === undefined ? words : "Hello.";
  return scriptBatches({ text, usage: { input: 3, cached: 1, output: 2, reasoning: 0 } });
}

describeEngine("script", {
  make: () => scriptEngine({ batches: script, delay: 1, tokens: 3, slots: 2 }),
  supports: { exactCount: true, deterministic: true, queue: true },
});

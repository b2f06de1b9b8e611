import { simEngine } from "../../src/engine/sim/engine.ts";
import { describeEngine, longEcho as longAsk } from "./engine.ts";

const everything = {
  exactCount: true,
  length: true,
  thinking: true,
  forcedCalls: true,
  stop: true,
  echo: true,
  deterministic: true,
  cache: true,
  schema: true,
};

describeEngine("simulator, paced, two slots", {
  longAsk,
  make: () => simEngine({ slots: 2, decodeTokensPerSecond: 500, prefillTokensPerSecond: 50_000, contextWindow: 4_096 }),
  supports: { ...everything, queue: true, context: true },
});

describeEngine("simulator, instant", { longAsk, make: () => simEngine(), supports: everything });

import { simEngine } from "../../src/engine/sim/engine.ts";
import { upstreamEngine } from "../../src/engine/upstream/engine.ts";
import { Secret } from "../../src/lib/secret.ts";
import { afterAll, beforeAll } from "vitest";
import { startServer, testKey, type Running } from "../e2e/start.ts";
import { bridgeServer } from "../engine/upstream/bridge.ts";
import type { FakeServer } from "../engine/upstream/fake.ts";
import { describeEngine, longEcho as longAsk } from "./engine.ts";

const pace = { decodeTokensPerSecond: 500, prefillTokensPerSecond: 50_000 };
const supports = {
  length: true,
  thinking: true,
  forcedCalls: true,
  stop: true,
  echo: true,
  deterministic: true,
  cache: true,
};

let bridge: FakeServer;
let parley: Running;
beforeAll(async () => {
  bridge = await bridgeServer(simEngine(pace));
  parley = await startServer({}, { engines: new Map([["sim", simEngine(pace)]]) });
});
afterAll(async () => {
  await bridge.close();
  await parley.stop();
});

describeEngine("upstream, an OpenAI-compatible server", {
  longAsk,
  make: () => upstreamEngine({ url: bridge.url, dialect: "vllm" }),
  supports: { ...supports, exactCount: true, schema: true },
});

describeEngine("upstream, Parley behind Parley", {
  longAsk,
  make: () => upstreamEngine({ url: parley.url, dialect: "auto", key: new Secret(testKey) }),
  model: "MiniMax-M3",
  supports: { ...supports, exactCount: true, schema: true },
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { replayEngine } from "../../src/engine/replay/engine.ts";
import { simEngine } from "../../src/engine/sim/engine.ts";
import { describeEngine, longEcho as longAsk } from "./engine.ts";

const folder = mkdtempSync(join(tmpdir(), "parley-replay-"));
afterAll(() => rmSync(folder, { recursive: true }));

const supports = {
  length: true,
  thinking: true,
  forcedCalls: true,
  stop: true,
  echo: true,
  deterministic: true,
  schema: true,
};

for (const mode of ["record", "auto"] as const) {
  describeEngine(`replay over the simulator, ${mode}`, {
    longAsk,
    make: () => replayEngine({ engine: simEngine(), folder, mode, speed: "instant" }),
    supports,
  });
}

import { globSync } from "node:fs";
import { defineConfig } from "vitest/config";

/** Tests that start no server and no native engine. */
const fast = [
  "test/{config,lib,model,policy,service,supervisor,surface}/**/*.test.ts",
  "test/engine/{markup,template,upstream}/**/*.test.ts",
  "test/engine/*.test.ts",
  "test/support/*.test.ts",
  "test/architecture.test.ts",
];

/** Tests of servers and media that run in the process of the test. */
const server = [
  "test/{contract,e2e,http,media,store,telemetry}/**/*.test.ts",
  "test/engine/{replay,script,sim}/**/*.test.ts",
];

/** Seconds of work by design: laws over many cases, megabytes of media, simulated hours, the native engine. */
const slow = [
  "test/e2e/{first-hour,host-video,openai-embedded,small-heap}.test.ts",
  "test/media/{image,video}.test.ts",
  "test/engine/markup/law.test.ts",
  "test/engine/upstream/chaos.test.ts",
  "test/engine/upstream/wire/body.test.ts",
  "test/engine/upstream/read/fuzz.test.ts",
  "test/engine/upstream/replica/routing.test.ts",
  "test/service/ledger.test.ts",
];

const limits = { testTimeout: 20_000, hookTimeout: 30_000 };
const fastFiles = filesOf(fast);
const serverFiles = filesOf(server);

export default defineConfig({
  test: {
    // The native engine cannot be loaded twice in one process: threads would share it, forks do not.
    pool: "forks",
    maxWorkers: 2,
    teardownTimeout: 10_000,
    // Nothing in src/ is mutable at module level, so files may share a process: it starts twice, not a hundred times.
    projects: [
      { test: { name: "fast", include: fastFiles, isolate: false, ...limits } },
      { test: { name: "server", include: serverFiles, isolate: false, ...limits } },
      {
        test: { name: "slow", include: ["test/**/*.test.ts"], exclude: [...fastFiles, ...serverFiles], ...limits },
      },
    ],
  },
});

function filesOf(patterns: string[]): string[] {
  return globSync(patterns, { exclude: slow }).map((path) => path.replaceAll("\\", "/"));
}

import { globSync } from "node:fs";
import { defineConfig } from "vitest/config";

/** Tests that start no server, no process and no native engine, and that leave nothing behind in the process. */
const fast = [
  "test/{config,lib,model,policy,service,surface}/**/*.test.ts",
  "test/engine/{markup,template,upstream}/**/*.test.ts",
  "test/engine/*.test.ts",
  "test/architecture.test.ts",
];

/** Below the folders of `fast`, but seconds of work by design: laws over many cases, megabytes of media, simulated hours. */
const slow = [
  "test/engine/markup/law.test.ts",
  "test/engine/upstream/chaos.test.ts",
  "test/engine/upstream/wire/body.test.ts",
  "test/engine/upstream/read/fuzz.test.ts",
  "test/engine/upstream/replica/routing.test.ts",
  "test/service/ledger.test.ts",
];

const fastFiles = globSync(fast, { exclude: slow }).map((path) => path.replaceAll("\\", "/"));
const limits = { testTimeout: 20_000, hookTimeout: 30_000 };

export default defineConfig({
  test: {
    // The native engine cannot be loaded twice in one process: threads would share it, forks do not.
    pool: "forks",
    maxWorkers: 2,
    teardownTimeout: 10_000,
    projects: [
      // Nothing in src/ is mutable at module level, so these files may share a process: it starts twice, not 150 times.
      { test: { name: "fast", include: fastFiles, isolate: false, ...limits } },
      { test: { name: "slow", include: ["test/**/*.test.ts"], exclude: fastFiles, ...limits } },
    ],
  },
});

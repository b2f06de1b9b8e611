/** Emits the JavaScript that is published: `dist/` mirrors `src/`, so paths relative to the repository root stay true. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";

rmSync("dist", { recursive: true, force: true });
const tsc = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
  stdio: "inherit",
});
process.exitCode = tsc.status ?? 1;

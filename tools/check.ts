/** Runs every static check at once; prints the output of those that fail. Exit code: the number of failed checks. */
import { spawn } from "node:child_process";

interface Outcome {
  name: string;
  failed: boolean;
  seconds: number;
  output: string;
}

const CHECKS: Record<string, readonly string[]> = {
  // incremental: 1 s instead of 5 where little has changed since the last time
  tsc: [
    "node_modules/typescript/bin/tsc",
    "--noEmit",
    "--incremental",
    "--tsBuildInfoFile",
    "node_modules/.cache/check.tsbuildinfo",
  ],
  oxlint: ["node_modules/oxlint/bin/oxlint", "--deny-warnings"],
  "oxfmt --check": ["node_modules/oxfmt/bin/oxfmt", "--check"],
  knip: ["node_modules/knip/bin/knip.js", "--no-progress"],
  "knip of the product alone": ["node_modules/knip/bin/knip.js", "--no-progress", "--config", "knip.product.jsonc"],
  "word list": ["tools/check-words.ts"],
};

const outcomes = await Promise.all(Object.entries(CHECKS).map(([name, command]) => run(name, command)));
for (const { name, failed, seconds, output } of outcomes) {
  process.stdout.write(`${failed ? "FAIL" : "ok  "} ${name} (${seconds.toFixed(1)} s)\n`);
  if (failed) process.stdout.write(`${output}\n`);
}
process.exitCode = outcomes.filter(({ failed }) => failed).length;

async function run(name: string, [script = "", ...flags]: readonly string[]): Promise<Outcome> {
  const started = performance.now();
  const child = spawn(process.execPath, [script, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  return { name, failed: code !== 0, seconds: (performance.now() - started) / 1000, output };
}

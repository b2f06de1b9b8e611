import { ConfigError } from "../config/load.ts";
import { causeMessage, toParleyError } from "../model/error.ts";
import { buildProgram } from "./program.ts";

/** Exit codes: 0 done, 1 failed, 2 a wrong setting or wrong usage. */
async function main(): Promise<void> {
  try {
    await buildProgram().parseAsync();
  } catch (thrown) {
    process.exitCode = report(thrown);
  }
}

function report(thrown: unknown): number {
  if (thrown instanceof ConfigError) {
    process.stderr.write(`parley: ${thrown.message}\n`);
    return 2;
  }
  if (thrown instanceof Error && "code" in thrown && String(thrown.code).startsWith("commander.")) {
    return "exitCode" in thrown && thrown.exitCode === 0 ? 0 : 2;
  }
  const error = toParleyError(thrown);
  if (error.kind === "invalid") {
    process.stderr.write(`parley: ${error.message}\n`);
    return 2;
  }
  process.stderr.write(`parley: ${causeMessage(error)}\n`);
  return 1;
}

await main();

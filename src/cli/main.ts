import { failureOf } from "./command.ts";
import { buildProgram } from "./program.ts";

/** Exit codes: 0 done, 1 failed, 2 a wrong setting or wrong usage. */
async function main(): Promise<void> {
  try {
    await buildProgram().parseAsync();
  } catch (thrown) {
    const { exitCode, message } = failureOf(thrown);
    if (message !== undefined) process.stderr.write(`parley: ${message}\n`);
    process.exitCode = exitCode;
  }
}

await main();

/** Prints `passed failed` from a JSON report of vitest; a test file that could not be loaded counts as one failure. */
import { existsSync, readFileSync } from "node:fs";

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  testResults: { status: string; assertionResults: unknown[] }[];
}

const path = process.argv[2] ?? "";
if (existsSync(path)) {
  const report = JSON.parse(readFileSync(path, "utf8")) as Report;
  const unloaded = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  process.stdout.write(`${report.numPassedTests} ${report.numFailedTests + unloaded.length}\n`);
} else {
  process.stdout.write("0 0\n");
}

/**
 * `npm run bench [-- --json]`: named shapes, each a row. Under a minute. Numbers of one run are good as ratios; a budget
 * that is broken is marked and makes the exit code 1.
 */
import { availableParallelism, cpus, loadavg } from "node:os";
import { measureAccount } from "./account.ts";
import { measureEmbedded, measureHop } from "./embedded.ts";
import { measurePieces } from "./pieces.ts";
import { keepsBudget, type Row } from "./row.ts";
import { measureServer, measureStart } from "./serve.ts";
import { measureWrites } from "./write.ts";

const started = performance.now();
const asJson = process.argv.includes("--json");
const machine = {
  node: process.version,
  platform: `${process.platform}-${process.arch}`,
  cores: availableParallelism(),
  processor: cpus()[0]?.model ?? "unknown",
  loadBefore: loadavg()[0] ?? 0,
};

const steps: readonly (() => Row[] | Promise<Row[]>)[] = [
  measurePieces,
  measureAccount,
  async () => [await measureWrites()],
  async () => [await measureStart()],
  measureServer,
  measureEmbedded,
  measureHop,
];

const rows: Row[] = [];
if (!asJson) {
  console.log(`Node ${machine.node}, ${machine.platform}, ${machine.cores} cores (${machine.processor})`);
  console.log(`load average before the run: ${machine.loadBefore.toFixed(2)}\n`);
}
for (const step of steps) {
  const found = await step();
  rows.push(...found);
  if (!asJson) for (const row of found) console.log(line(row));
}
const seconds = (performance.now() - started) / 1000;
if (asJson) console.log(JSON.stringify({ machine, seconds, rows }));
else console.log(`\n${seconds.toFixed(0)} s`);
if (rows.some((row) => keepsBudget(row) === false)) process.exitCode = 1;

function line(row: Row): string {
  const value = row.value >= 1000 ? row.value.toFixed(0) : row.value.toPrecision(3);
  const ratio = row.ratio === undefined ? "" : `  ${row.ratio.toFixed(3)} of bare`;
  const kept = keepsBudget(row);
  const budget = kept === undefined ? "" : `  budget ${row.budget} ${row.unit}: ${kept ? "kept" : "BROKEN"}`;
  const note = row.note === undefined ? "" : `  (${row.note})`;
  return `${row.shape.padEnd(36)} ${value.padStart(8)} ${row.unit.padEnd(10)}${ratio}${budget}${note}`;
}

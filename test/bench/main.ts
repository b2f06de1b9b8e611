/**
 * `npm run bench [-- [step [part of a row's name]...] [--json] [--profile folder]]`: named shapes, each a row. Numbers of one
 * run are good as ratios; a budget that is broken is marked and makes the exit code 1.
 */
import { availableParallelism, cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { measureAccount } from "./account.ts";
import { measureEmbedded, measureHop } from "./embedded.ts";
import { measurePieces } from "./pieces.ts";
import { measureRelay } from "./relay/relay.ts";
import { keepsBudget, type Row } from "./row.ts";
import { measureServer, measureStart } from "./serve.ts";
import { measureWrites } from "./write.ts";

const started = performance.now();
const { positionals, values: flags } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean", default: false }, profile: { type: "string" } },
});
const [wanted, ...only] = positionals;
const asJson = flags.json;
const machine = {
  node: process.version,
  platform: `${process.platform}-${process.arch}`,
  cores: availableParallelism(),
  processor: cpus()[0]?.model ?? "unknown",
  loadBefore: loadavg()[0] ?? 0,
};

const steps: Readonly<Record<string, () => Row[] | Promise<Row[]> | AsyncIterable<Row>>> = {
  pieces: measurePieces,
  account: measureAccount,
  write: async () => [await measureWrites()],
  start: async () => [await measureStart()],
  server: measureServer,
  embedded: measureEmbedded,
  hop: measureHop,
  relay: () => measureRelay({ only, profile: flags.profile }),
};
if (wanted !== undefined && steps[wanted] === undefined) {
  console.error(`no step is named ${wanted}; there are ${Object.keys(steps).join(", ")}`);
  process.exit(1);
}

const rows: Row[] = [];
if (!asJson) {
  console.log(`Node ${machine.node}, ${machine.platform}, ${machine.cores} cores (${machine.processor})`);
  console.log(`load average before the run: ${machine.loadBefore.toFixed(2)}\n`);
}
for (const [name, step] of Object.entries(steps)) {
  if (wanted !== undefined && name !== wanted) continue;
  for await (const row of await step()) {
    rows.push(row);
    if (!asJson) console.log(line(row));
  }
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

/**
 * `npm run attack [-- options] [name...]`: attacks a real server and holds it to its bounds. Prints a table; a broken bound
 * makes the exit code 1. Under ten minutes; `--fast`: only what `npm test` runs too; names: only attacks whose name holds one
 * of them; `--seed N`: other mutated bodies. `npm run attack -- soak --minutes 30`: mixed load, and the slope of the memory.
 */
import { availableParallelism, cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { allAttacks } from "./attacks.ts";
import { defaultSeed } from "./family/mutated.ts";
import { notYet } from "./not-yet.ts";
import { bounds, runAttack, Servers } from "./runner.ts";
import { soak } from "./soak.ts";
import { tableHead, tableRow } from "./table.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fast: { type: "boolean", default: false },
    seed: { type: "string", default: String(defaultSeed) },
    minutes: { type: "string", default: "30" },
  },
});

console.log(`Node ${process.version}, ${availableParallelism()} cores (${cpus()[0]?.model ?? "unknown"})`);
console.log(`load average before the run: ${(loadavg()[0] ?? 0).toFixed(2)}; seed ${values.seed}`);
if (positionals[0] === "soak") {
  const kept = await soak(Number(values.minutes));
  process.exit(kept ? 0 : 1);
}
const started = performance.now();
const attacks = allAttacks(Number(values.seed)).filter(({ name, fast = false, detail = false }) => {
  if (values.fast && !fast) return false;
  return positionals.length === 0 ? !detail : positionals.some((part) => name.includes(part));
});
console.log(`bounds: /healthz ${bounds.worstMs} ms, memory ${bounds.memory} times, handles as before\n\n${tableHead}`);
let broken = 0;
{
  await using servers = new Servers();
  for (const attack of attacks) {
    const result = await runAttack(attack, servers);
    broken += result.broken.length === 0 ? 0 : 1;
    console.log(tableRow(result) + (notYet[attack.name] === undefined ? "" : ` not yet: ${notYet[attack.name]}`));
  }
}
console.log(
  `\n${attacks.length} attacks, ${broken} bounds broken, ${((performance.now() - started) / 1000).toFixed(0)} s`,
);
process.exit(broken === 0 ? 0 : 1);

/** Processor time of one request, in times of the bare proxy's, and how it grows with what is asked and answered. */
import { hammer } from "../load.ts";
import { percentile, type Row } from "../row.ts";
import type { Proxies, Proxy } from "./proxies.ts";
import type { Growth, Load, Shape } from "./shapes.ts";

const rounds = 11;
/** Rounds before them: a fresh server compiles what it runs often. */
const warmRounds = 8;

/** Both are measured in rounds, one after the other. */
export async function costRow(shape: Shape, { bare, parley }: Proxies): Promise<Row> {
  for (let round = 0; round < warmRounds; round += 1) for (const proxy of [bare, parley]) await cost(shape, proxy);
  const found: { bare: number; parley: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    found.push({ bare: await cost(shape, bare), parley: await cost(shape, parley) });
  }
  const [own, least] = [typical(found.map((one) => one.parley)), typical(found.map((one) => one.bare))];
  const ratios = found.map((one) => one.parley / one.bare);
  const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} in single rounds`;
  const note = `${own.toFixed(0)} us against ${least.toFixed(0)} us; ${range}`;
  return { shape: `relay ${shape.name}`, value: own / least, unit: "x bare", budget: shape.goal, note };
}

/** The lower quartile: other work on the machine only adds to a round (caches, processors), and does so in most rounds of a busy one. */
function typical(costs: readonly number[]): number {
  return percentile(costs, 0.25);
}

/** What a piece of the large load costs, in times of a piece of the small one. */
export async function growthRow({ name, small, large, goal }: Growth, { parley }: Proxies): Promise<Row> {
  const each = async ({ pieces, ...load }: Growth["small"]): Promise<number> => (await cost(load, parley)) / pieces;
  for (const load of [small, large]) await each(load);
  const found: { small: number; large: number }[] = [];
  for (let round = 0; round < rounds; round += 1) found.push({ small: await each(small), large: await each(large) });
  const [few, many] = [typical(found.map((one) => one.small)), typical(found.map((one) => one.large))];
  const note = `${many.toFixed(2)} us each of ${large.pieces}, ${few.toFixed(2)} us each of ${small.pieces}`;
  return { shape: `relay ${name}`, value: many / few, unit: "x small", budget: goal, note };
}

/** Microseconds of the proxy's processor time for one request. */
async function cost({ path, body, connections, requests }: Load, { process, pool }: Proxy): Promise<number> {
  const before = process.processorMicros();
  await hammer(pool, { path, body }, { connections, requests });
  return (process.processorMicros() - before) / requests;
}

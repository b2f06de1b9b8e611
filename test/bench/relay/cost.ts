/** Processor time of one request, in times of the bare proxy's, and how it grows with what is asked and answered. */
import { hammer } from "../load.ts";
import { median, type Row } from "../row.ts";
import type { Proxies, Proxy } from "./proxies.ts";
import type { Growth, Load, Shape } from "./shapes.ts";

const rounds = 7;
/** Rounds before them: a fresh server compiles what it runs often. */
const warmRounds = 4;

/** The median of rounds in which both are measured, one after the other. */
export async function costRow(shape: Shape, { bare, parley }: Proxies): Promise<Row> {
  for (let round = 0; round < warmRounds; round += 1) for (const proxy of [bare, parley]) await cost(shape, proxy);
  const found: { bare: number; parley: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    found.push({ bare: await cost(shape, bare), parley: await cost(shape, parley) });
  }
  const ratios = found.map((one) => one.parley / one.bare);
  const [own, least] = [median(found.map((one) => one.parley)), median(found.map((one) => one.bare))];
  const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  const note = `${own.toFixed(0)} us against ${least.toFixed(0)} us; ${range}`;
  return { shape: `relay ${shape.name}`, value: median(ratios), unit: "x bare", budget: shape.goal, note };
}

/** What a piece of the large load costs, in times of a piece of the small one. */
export async function growthRow({ name, small, large, goal }: Growth, { parley }: Proxies): Promise<Row> {
  const each = async ({ pieces, ...load }: Growth["small"]): Promise<number> => (await cost(load, parley)) / pieces;
  for (const load of [small, large]) await each(load);
  const found: { small: number; large: number }[] = [];
  for (let round = 0; round < rounds; round += 1) found.push({ small: await each(small), large: await each(large) });
  const [few, many] = [median(found.map((one) => one.small)), median(found.map((one) => one.large))];
  const value = median(found.map((one) => one.large / one.small));
  const note = `${many.toFixed(2)} us each of ${large.pieces}, ${few.toFixed(2)} us each of ${small.pieces}`;
  return { shape: `relay ${name}`, value, unit: "x small", budget: goal, note };
}

/** Microseconds of the proxy's processor time for one request. */
async function cost({ path, body, connections, requests }: Load, { process, pool }: Proxy): Promise<number> {
  const before = process.processorMicros();
  await hammer(pool, { path, body }, { connections, requests });
  return (process.processorMicros() - before) / requests;
}

/** What Parley adds to the time of one request that has the machine for itself, to the last byte of its answer. */
import { benchKey } from "../child.ts";
import { median, percentile, type Row } from "../row.ts";
import type { Proxies, Proxy } from "./proxies.ts";
import type { Shape } from "./shapes.ts";

const requests = 300;
const warm = 50;
const goalMs = 0.5;

/** The difference of the medians; both are asked in turns. */
export async function aloneRow({ name, path, body }: Shape, { bare, parley }: Proxies): Promise<Row> {
  const text = JSON.stringify(body);
  const times: { bare: number; parley: number }[] = [];
  for (let index = 0; index < warm + requests; index += 1) {
    const found = { bare: await timeOf(bare, path, text), parley: await timeOf(parley, path, text) };
    if (index >= warm) times.push(found);
  }
  const [own, least] = [times.map((one) => one.parley), times.map((one) => one.bare)];
  const note = `${median(own).toFixed(2)} ms against ${median(least).toFixed(2)} ms; at best ${(percentile(own, 0) - percentile(least, 0)).toFixed(2)} ms`;
  const value = median(own) - median(least);
  return { shape: `relay ${name} alone, added`, value, unit: "ms", budget: goalMs, note };
}

/** Milliseconds. */
async function timeOf({ pool }: Proxy, path: string, body: string): Promise<number> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${benchKey}` };
  const asked = performance.now();
  const answer = await pool.request({ method: "POST", path, headers, body });
  await answer.body.dump({ limit: Infinity });
  return performance.now() - asked;
}

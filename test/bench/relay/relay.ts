/** What a request costs as a gateway, against a bare proxy before the same upstream. */
import type { Row } from "../row.ts";
import { aloneRow } from "./alone.ts";
import { costRow, growthRow } from "./cost.ts";
import { startProxies, type Proxies } from "./proxies.ts";
import { growths, shapes } from "./shapes.ts";
import { streamRows } from "./streams.ts";

export interface RelayOptions {
  /** Parts of the names of the rows that are measured; none: all. */
  only: readonly string[];
  /** Folder for a processor profile of Parley over all measured rows but those of the slow streams. */
  profile?: string | undefined;
}

interface Measurement {
  name: string;
  measure: (proxies: Proxies) => Promise<Row>;
}

const measurements: readonly Measurement[] = [
  ...shapes.map((shape) => ({ name: shape.name, measure: (proxies: Proxies) => costRow(shape, proxies) })),
  ...shapes
    .filter(({ alone }) => alone)
    .map((shape) => ({ name: `${shape.name} alone`, measure: (proxies: Proxies) => aloneRow(shape, proxies) })),
  ...growths.map((growth) => ({ name: growth.name, measure: (proxies: Proxies) => growthRow(growth, proxies) })),
];

export async function* measureRelay({ only, profile }: RelayOptions): AsyncGenerator<Row> {
  const wanted = (name: string): boolean => only.length === 0 || only.some((part) => name.includes(part));
  const chosen = measurements.filter(({ name }) => wanted(name));
  if (chosen.length > 0) {
    await using proxies = await startProxies({ profile });
    for (const { measure } of chosen) yield await measure(proxies);
  }
  if (wanted("1000 slow streams")) yield* await streamRows();
}

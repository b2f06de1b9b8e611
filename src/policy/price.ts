import type { Micros, Price } from "../model/account.ts";
import type { Usage } from "../model/event.ts";

const m3: Price = {
  input: 300_000,
  cached: 60_000,
  output: 1_200_000,
  long: { above: 512_000, input: 600_000, cached: 120_000, output: 2_400_000 },
  priorityPercent: 150,
};
/** The list of gateways that resell it (2026-11); the vendor's own page has not been seen. */
const m31: Price = { input: 150_000, cached: 15_000, output: 600_000, priorityPercent: 150 };
const m27: Price = { input: 300_000, cached: 60_000, output: 1_200_000, priorityPercent: 150 };
const m2: Price = { ...m27, cached: 30_000 };
const fast = (price: Price): Price => ({ ...price, input: 600_000, output: 2_400_000 });

/**
 * The vendor's price list in dollars (MiniMax API docs, pay as you go, 2026-08). Of the models before M2.7 only the list
 * in yuan names the price of cached input: half of M2.7's. Cache writing, which the vendor charges for explicit caches, does not happen here.
 */
export const documentedPrices: Readonly<Record<string, Price>> = {
  "MiniMax-M3": m3,
  "MiniMax-M3.1-Flash": m31,
  "MiniMax-M2.7": m27,
  "MiniMax-M2.7-highspeed": fast(m27),
  "MiniMax-M2.5": m2,
  "MiniMax-M2.5-highspeed": fast(m2),
  "MiniMax-M2.1": m2,
  "MiniMax-M2.1-highspeed": fast(m2),
  "MiniMax-M2": m2,
  "M2-her": { ...m2, cached: 300_000 },
};

const million = 1_000_000n;

/** What an answer costs: summed exactly, then rounded up once, so that never less is charged than was used. */
export function costOf(price: Price, usage: Usage, tier: "standard" | "priority"): Micros {
  const rates = price.long !== undefined && usage.input > price.long.above ? price.long : price;
  const cached = Math.min(usage.cached, usage.input);
  const sum =
    BigInt(usage.input - cached) * BigInt(rates.input) +
    BigInt(cached) * BigInt(rates.cached) +
    BigInt(usage.output) * BigInt(rates.output);
  const percent = tier === "priority" ? BigInt(price.priorityPercent) : 100n;
  const divisor = million * 100n;
  return Number((sum * percent + divisor - 1n) / divisor);
}

/** The price of a model; nothing is charged for one without. Configured names come before the documented ones. */
export function priceOf(model: string, configured: Readonly<Record<string, Price>>): Price | undefined {
  return configured[model] ?? documentedPrices[model];
}

import type { KeyId } from "./id.ts";

/** Whole millionths of a dollar. The mark refuses counts of another unit; a plain number is accepted. */
export type Micros = number & { readonly unit?: "micros" };

export const microsPerDollar = 1_000_000;

/** What a model's tokens cost, per million tokens. */
export interface Price {
  input: Micros;
  /** Input that a prefix cache held. */
  cached: Micros;
  output: Micros;
  /** Other prices for a request whose input has more than `above` tokens. */
  long?: { above: number; input: Micros; cached: Micros; output: Micros };
  /** What `service_tier: priority` multiplies them by, in percent. */
  priorityPercent: number;
}

/** Somebody or something that limits, balances and budgets are set for. `id` of a model is its name in the catalog. */
export interface Subject {
  kind: "key" | "organisation" | "model";
  id: string;
}

/** The form in which subjects are stored and shown: `key:<id>`, `organisation:<id>`, `model:<name>`. */
export function formatSubject({ kind, id }: Subject): string {
  return `${kind}:${id}`;
}

/** `undefined` for a text that is no subject. */
export function parseSubject(text: string): Subject | undefined {
  const [, kind, id] = /^(key|organisation|model):(.+)$/s.exec(text) ?? [];
  return kind === undefined || id === undefined ? undefined : { kind: kind as Subject["kind"], id };
}

/** Those whose balances and budgets a request of this key touches, formatted. */
export function subjectsOf(caller: { keyId: KeyId; organisation?: string | null | undefined }): string[] {
  const { keyId, organisation } = caller;
  const key = formatSubject({ kind: "key", id: keyId });
  return typeof organisation === "string" ? [key, formatSubject({ kind: "organisation", id: organisation })] : [key];
}

/** How long a budget lasts: a calendar day, a week from Monday, a month, all in UTC; or for good. */
export const periods = ["day", "week", "month", "total"] as const;
export type Period = (typeof periods)[number];

/** The periods that a moment lies in, as numbers that grow: days and weeks since 1970, the month as 202611. */
export interface Calendar {
  day: number;
  week: number;
  month: number;
}

const dayMs = 86_400_000;
/** 1970-01-01 was a Thursday: three days after a Monday. */
const daysSinceMonday = 3;

/** `at`: milliseconds since the Unix epoch. */
export function calendarOf(at: number): Calendar {
  const date = new Date(at);
  const day = Math.floor(at / dayMs);
  return {
    day,
    week: Math.floor((day + daysSinceMonday) / 7),
    month: date.getUTCFullYear() * 100 + date.getUTCMonth() + 1,
  };
}

/** When the period that `at` lies in begins, in milliseconds since the Unix epoch; `undefined` for `total`. */
export function startOf(period: Period, at: number): number | undefined {
  const { day, week, month } = calendarOf(at);
  if (period === "day") return day * dayMs;
  if (period === "week") return (week * 7 - daysSinceMonday) * dayMs;
  return period === "month" ? Date.UTC(Math.floor(month / 100), (month % 100) - 1) : undefined;
}

/** When the next period of that kind begins, and a budget with it. */
export function endOf(period: Period, at: number): number | undefined {
  const { day, week, month } = calendarOf(at);
  if (period === "day") return (day + 1) * dayMs;
  if (period === "week") return ((week + 1) * 7 - daysSinceMonday) * dayMs;
  return period === "month" ? Date.UTC(Math.floor(month / 100), month % 100) : undefined;
}

/** For people: `12.5` for 12,500,000 millionths. */
export function dollarText(amount: Micros): string {
  return (amount / microsPerDollar).toFixed(6).replace(/\.?0+$/, "");
}

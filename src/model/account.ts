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

/** The calendar month (UTC) of a time in milliseconds, as 202611. */
export function monthOf(at: number): number {
  const date = new Date(at);
  return date.getUTCFullYear() * 100 + date.getUTCMonth() + 1;
}

/** Money is counted in whole millionths of a dollar. */
export const microsPerDollar = 1_000_000;

export function keySubject(id: string): string {
  return `key:${id}`;
}

export function organisationSubject(id: string): string {
  return `organisation:${id}`;
}

/** Those whose balances and budgets a request of this key touches. */
export function subjectsOf(caller: { keyId: string; organisation?: string | null }): string[] {
  const key = keySubject(caller.keyId);
  return typeof caller.organisation === "string" ? [key, organisationSubject(caller.organisation)] : [key];
}

/** The calendar month (UTC) of a time in milliseconds, as 202611. */
export function monthOf(at: number): number {
  const date = new Date(at);
  return date.getUTCFullYear() * 100 + date.getUTCMonth() + 1;
}

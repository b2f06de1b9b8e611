import { invalid, ParleyError } from "../model/error.ts";

/** How people refer to keys and organisations: by id or by name. */

interface Named<T> {
  get(id: string): Promise<T | undefined>;
  list(): Promise<T[]>;
}

/** By id, or by a name that only one has. Throws `not-found`, or `invalid` where several have the name. */
export async function find<T extends { name: string }>(kind: string, reference: string, among: Named<T>): Promise<T> {
  const byId = await among.get(reference);
  if (byId !== undefined) return byId;
  const [one, second] = (await among.list()).filter(({ name }) => name === reference);
  if (one === undefined) throw unknown(kind, reference);
  if (second !== undefined) throw invalid(kind, `several have the name '${reference.slice(0, 100)}': use the id`);
  return one;
}

export function raise(error: unknown): never {
  throw error;
}

/** What the settings declare is changed there, or the next start would change it back. */
export function refuseDeclared(kind: string, { name, declared }: { name: string; declared: boolean }): void {
  if (declared) throw invalid(kind, `'${name}' is declared in the settings and can be changed only there`);
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ParleyError && error.kind === "not-found";
}

export function unknown(kind: string, reference: string): ParleyError {
  return new ParleyError("not-found", `no ${kind} '${reference.slice(0, 100)}'`);
}

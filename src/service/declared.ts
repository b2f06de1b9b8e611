import { formatSubject, periods, type Period } from "../model/account.ts";
import { invalid } from "../model/error.ts";
import { vendorId, type IdSource } from "../model/id.ts";
import type { Limits } from "../model/limit.ts";
import type { KeyHash } from "../policy/authenticate.ts";
import type { PeriodBudgets } from "../policy/budget.ts";
import type { KeyChange, OrganisationRecord, Store } from "../store/store.ts";

/** An organisation as the settings declare it; its name is its place there. */
export interface DeclaredOrganisation {
  limits?: Limits;
  budget?: PeriodBudgets;
}

/** A key as the settings declare it. It has either a secret or the SHA-256 of one, as `sha256:` and 64 hex digits. */
export interface DeclaredKey {
  secret?: string;
  hash?: string;
  owner?: string;
  /** Name of an organisation. */
  organisation?: string;
  tags?: readonly string[];
  models?: readonly string[];
  ranges?: readonly string[];
  limits?: Limits;
  /** Milliseconds since the Unix epoch. */
  expiresAt?: number;
  budget?: PeriodBudgets;
}

/** By name. */
export interface Declared {
  keys: Readonly<Record<string, DeclaredKey>>;
  organisations: Readonly<Record<string, DeclaredOrganisation>>;
}

export interface DeclaredStore {
  store: Pick<Store, "keys" | "organisations" | "accounts">;
  ids: IdSource;
  hash: KeyHash;
}

/** What is shown of a declared key in the place of its first characters. */
const declaredPrefix = "declared";

/**
 * Makes the store hold what the settings declare. A key or an organisation of that name that is there becomes the declared
 * one and keeps its id, so that what it used stays its own; what was declared and is not any more is disabled. What did not
 * change is not written. Throws `invalid`, naming the setting.
 */
export async function applyDeclared({ keys, organisations }: Declared, to: DeclaredStore): Promise<void> {
  for (const [name, declared] of Object.entries(organisations)) await applyOrganisation(name, declared, to);
  const { store } = to;
  const all = await store.organisations.list();
  for (const [name, declared] of Object.entries(keys)) await applyKey(name, declared, { ...to, organisations: all });
  const left = { disabled: true, declared: false };
  for (const key of await store.keys.list())
    if (key.declared && keys[key.name] === undefined) await store.keys.update(key.id, left);
  for (const organisation of all)
    if (organisation.declared && organisations[organisation.name] === undefined)
      await store.organisations.update(organisation.id, left);
}

async function applyOrganisation(name: string, declared: DeclaredOrganisation, to: DeclaredStore): Promise<void> {
  const { store, ids } = to;
  const wanted = { limits: declared.limits ?? {}, disabled: false, declared: true };
  const known = named(`organisations.${name}`, await store.organisations.list(), name);
  const id = known?.id ?? vendorId(ids);
  if (known === undefined) await store.organisations.insert({ id, name, createdAt: ids.now(), ...wanted });
  else if (differs(wanted, known)) await store.organisations.update(id, wanted);
  await applyBudgets(formatSubject({ kind: "organisation", id }), declared.budget, to);
}

/** Where keys are applied: the organisations stand. */
interface DeclaredKeyStore extends DeclaredStore {
  organisations: readonly OrganisationRecord[];
}

async function applyKey(name: string, declared: DeclaredKey, to: DeclaredKeyStore): Promise<void> {
  const { store, ids } = to;
  const setting = `keys.${name}`;
  const all = await store.keys.list();
  const known = named(setting, all, name);
  const wanted = { ...fieldsOf(declared, to), organisation: organisationOf(setting, declared, to.organisations) };
  const other = all.find(({ hash, id }) => hash === wanted.hash && id !== known?.id);
  if (other !== undefined) throw invalid(setting, `the key '${other.name}' has the same secret`);
  const id = known?.id ?? vendorId(ids);
  if (known === undefined) {
    const fresh = { id, name, createdAt: ids.now(), lastUsedAt: null, oldSecretUntil: null };
    await store.keys.insert({ ...fresh, ...wanted });
  } else if (differs(wanted, known)) await store.keys.update(id, wanted);
  await applyBudgets(formatSubject({ kind: "key", id }), declared.budget, to);
}

/** What is left out is as with a new key. */
function fieldsOf(declared: DeclaredKey, { hash }: DeclaredStore): Required<Omit<KeyChange, "name" | "organisation">> {
  return {
    hash: declared.secret === undefined ? (declared.hash ?? "") : hash(declared.secret),
    prefix: declaredPrefix,
    disabled: false,
    owner: declared.owner ?? "",
    tags: declared.tags ?? [],
    models: declared.models ?? null,
    ranges: declared.ranges ?? null,
    limits: declared.limits ?? {},
    expiresAt: declared.expiresAt ?? null,
    declared: true,
  };
}

function organisationOf(
  setting: string,
  { organisation: name }: DeclaredKey,
  all: readonly OrganisationRecord[],
): string | null {
  if (name === undefined) return null;
  const found = named(`${setting}.organisation`, all, name);
  if (found === undefined) throw invalid(`${setting}.organisation`, `no organisation has the name '${name}'`);
  return found.id;
}

/** The declared budgets are all that it has of its own. */
async function applyBudgets(subject: string, budget: PeriodBudgets | undefined, to: DeclaredStore): Promise<void> {
  const { accounts } = to.store;
  const [account] = await accounts.read([subject], to.ids.now());
  const budgets = Object.fromEntries(periods.map((period) => [period, budget?.[period] ?? null])) as Record<
    Period,
    number | null
  >;
  if (account !== undefined && differs(budgets, account.budgets)) await accounts.update(subject, { budgets });
}

/** Throws where several have the name. */
function named<T extends Pick<OrganisationRecord, "id" | "name">>(
  setting: string,
  all: readonly T[],
  name: string,
): T | undefined {
  const [one, second] = all.filter((each) => each.name === name);
  if (second !== undefined) throw invalid(setting, `several have the name '${name}'`);
  return one;
}

function differs(wanted: object, known: object): boolean {
  const now = new Map<string, unknown>(Object.entries(known));
  return Object.entries(wanted).some(([name, value]) => JSON.stringify(value) !== JSON.stringify(now.get(name)));
}

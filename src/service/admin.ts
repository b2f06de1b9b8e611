import type { Subject } from "../model/account.ts";
import { ParleyError, invalid } from "../model/error.ts";
import { vendorId, type IdSource, type KeyId } from "../model/id.ts";
import { keyHash, staticKeyId, type KeyHash, type KnownKey } from "../policy/authenticate.ts";
import type { Budgets } from "../policy/budget.ts";
import type { KeyChange, KeyRecord, OrganisationRecord, Store } from "../store/store.ts";
import {
  checkInput,
  keyChange,
  newKey,
  newOrganisation,
  organisationChange,
  type KeyInput,
  type NewKey,
  type NewOrganisation,
  type OrganisationInput,
} from "./admin-input.ts";
import { Accounts, type Payer } from "./accounts.ts";
import { UsageReports } from "./usage-reports.ts";

export type { KeyInput } from "./admin-input.ts";
export { checkInput, reportBy } from "./admin-input.ts";
export { accountView, keyView, ledgerView, organisationView, sumsView, usageCsv, usageView } from "./report.ts";
export type { Account } from "./accounts.ts";
export { usageGroups } from "../store/store.ts";

/** A new key, shown once. */
export interface CreatedKey {
  key: string;
  record: KeyRecord;
}

/**
 * Opens the administration of a store; the first opening makes the secret under which keys are hashed.
 */
export async function openAdmin(store: Store, ids: IdSource, rules: Partial<AdminRules> = {}): Promise<AdminService> {
  const hash = keyHash(await store.settings.setOnce("key-secret", ids.hex(64)));
  return new AdminService({ store, ids, hash, rules: { ...noRules, ...rules } });
}

/** What the configuration says about keys and money. */
export interface AdminRules {
  /** The configuration's keys, in their order. */
  staticKeys: readonly string[];
  budgets: Budgets;
}

const noRules: AdminRules = { staticKeys: [], budgets: {} };

export interface AdminOptions {
  store: Store;
  ids: IdSource;
  hash: KeyHash;
  rules: AdminRules;
}

/** A place in the list of static keys, or the id of one. */
const staticKey = /^static-(?:(\d{1,6})|[0-9a-f]{16})$/;

/** Keys, organisations, money and reports: everything an operator manages. Changes apply from the next request on. */
export class AdminService {
  // fixed at birth
  readonly hash: KeyHash;
  readonly reports: UsageReports;
  readonly money: Accounts;
  private readonly store: Store;
  private readonly ids: IdSource;
  // changed by events
  /** Replaced by `adopt` when the configuration changes. */
  private rules: AdminRules;

  constructor({ store, ids, hash, rules }: AdminOptions) {
    this.store = store;
    this.ids = ids;
    this.hash = hash;
    this.rules = rules;
    this.money = new Accounts({
      store,
      now: () => ids.now(),
      budgets: () => this.rules.budgets,
      payers: () => this.payers(),
    });
    // who was deleted is asked for by id
    const orItself = (found: Promise<{ id: string }>, reference: string): Promise<string> =>
      found.then(
        ({ id }) => id,
        (error: unknown) => (isNotFound(error) ? reference : raise(error)),
      );
    this.reports = new UsageReports({
      ledger: store.ledger,
      keyId: (key) => orItself(this.subject({ key }), key),
      organisationId: (organisation) => orItself(this.organisation(organisation), organisation),
    });
  }

  /** Uses these rules from now on. */
  adopt(rules: AdminRules): void {
    this.rules = rules;
  }

  /** Ids of the configuration's keys, in their order. */
  get staticKeyIds(): readonly KeyId[] {
    return this.rules.staticKeys.map((key) => staticKeyId(this.hash(key)));
  }

  /** Makes a random key of 160 bits; only its hash is kept. Throws `invalid`, naming the field. */
  async createKey(input: NewKey): Promise<CreatedKey> {
    checkInput(input, newKey);
    await this.checkOrganisation(input);
    const { key, hash, prefix } = this.freshKey();
    const record: KeyRecord = {
      id: vendorId(this.ids),
      hash,
      prefix,
      createdAt: this.ids.now(),
      disabled: false,
      owner: "",
      organisation: null,
      tags: [],
      models: null,
      ranges: null,
      limits: {},
      expiresAt: null,
      lastUsedAt: null,
      ...input,
    };
    await this.store.keys.insert(record);
    return { key, record };
  }

  /** The first key of a fresh installation; `undefined` when there are keys already. */
  async createFirstKey(): Promise<CreatedKey | undefined> {
    const known = await this.store.keys.list();
    return known.length > 0 ? undefined : this.createKey({ name: "first" });
  }

  keys(): Promise<KeyRecord[]> {
    return this.store.keys.list();
  }

  /** By id, or by a name that only one key has. Throws `not-found`, or `invalid` where several have the name. */
  key(reference: string): Promise<KeyRecord> {
    return find("key", reference, this.store.keys);
  }

  /** Throws `invalid`, naming the field, and `not-found`. */
  async changeKey(reference: string, input: KeyInput): Promise<KeyRecord> {
    checkInput(input, keyChange);
    await this.checkOrganisation(input);
    return this.save(await this.key(reference), input);
  }

  /** A new key in the place of the old one, which stops working at once; everything else of it stays. */
  async rotateKey(reference: string): Promise<CreatedKey> {
    const { key, hash, prefix } = this.freshKey();
    const record = await this.save(await this.key(reference), { hash, prefix });
    return { key, record };
  }

  /** What it used stays in the ledger. */
  async deleteKey(reference: string): Promise<KeyRecord> {
    const record = await this.key(reference);
    if (!(await this.store.keys.delete(record.id))) throw unknown("key", reference);
    return record;
  }

  /** Throws `invalid`, naming the field. */
  async createOrganisation(input: NewOrganisation): Promise<OrganisationRecord> {
    checkInput(input, newOrganisation);
    const made = { id: vendorId(this.ids), createdAt: this.ids.now(), disabled: false, limits: {}, ...input };
    await this.store.organisations.insert(made);
    return made;
  }

  organisations(): Promise<OrganisationRecord[]> {
    return this.store.organisations.list();
  }

  /** By id or unique name, as with keys. */
  organisation(reference: string): Promise<OrganisationRecord> {
    return find("organisation", reference, this.store.organisations);
  }

  /** Throws `invalid`, naming the field, and `not-found`. */
  async changeOrganisation(reference: string, input: OrganisationInput): Promise<OrganisationRecord> {
    checkInput(input, organisationChange);
    const { id } = await this.organisation(reference);
    if (!(await this.store.organisations.update(id, input))) throw unknown("organisation", reference);
    return this.organisation(id);
  }

  async deleteOrganisation(reference: string): Promise<OrganisationRecord> {
    const record = await this.organisation(reference);
    if (!(await this.store.organisations.delete(record.id))) throw unknown("organisation", reference);
    return record;
  }

  /** The account of a key or an organisation; `static-<n>` is short for the n-th key of the configuration. */
  async subject(of: { key?: string | undefined; organisation?: string | undefined }): Promise<Subject> {
    const { key, organisation } = of;
    if (key !== undefined) return { kind: "key", id: this.staticKey(key) ?? (await this.key(key)).id };
    if (organisation !== undefined) return { kind: "organisation", id: (await this.organisation(organisation)).id };
    throw invalid("key", "name a key or an organisation");
  }

  /** What a stored key stands for; `undefined` for unknown, disabled and expired ones. */
  async lookup(hash: string): Promise<KnownKey | undefined> {
    const found = await this.store.keys.byHash(hash);
    if (found === undefined) return undefined;
    const { key, organisation } = found;
    const expired = key.expiresAt !== null && key.expiresAt <= this.ids.now();
    if (key.disabled || expired || organisation?.disabled === true) return undefined;
    const { id, name, models, limits, ranges } = key;
    return {
      caller: {
        keyId: id,
        name,
        limits,
        models: models ?? undefined,
        organisation: organisation?.id,
        organisationLimits: organisation?.limits,
      },
      ranges: ranges ?? undefined,
    };
  }

  /** The id of a static key; `undefined` where the text names no static key. Throws `not-found`. */
  private staticKey(text: string): KeyId | undefined {
    const [whole, place] = staticKey.exec(text) ?? [];
    return place === undefined ? whole : (this.staticKeyIds[Number(place) - 1] ?? raise(unknown("key", text)));
  }

  private async payers(): Promise<Payer[]> {
    const [keys, organisations] = await Promise.all([this.keys(), this.organisations()]);
    return [
      ...this.staticKeyIds.map((id, at): Payer => ({ subject: { kind: "key", id }, name: `static key ${at + 1}` })),
      ...keys.map(({ id, name }): Payer => ({ subject: { kind: "key", id }, name })),
      ...organisations.map(({ id, name }): Payer => ({ subject: { kind: "organisation", id }, name })),
    ];
  }

  private async checkOrganisation({ organisation }: KeyInput): Promise<void> {
    if (organisation === undefined || organisation === null) return;
    if ((await this.store.organisations.get(organisation)) === undefined) {
      throw invalid("organisation", `no organisation has the id '${organisation.slice(0, 100)}'`);
    }
  }

  private async save({ id }: KeyRecord, change: KeyChange): Promise<KeyRecord> {
    if (!(await this.store.keys.update(id, change))) throw unknown("key", id);
    return this.key(id);
  }

  private freshKey(): { key: string; hash: string; prefix: string } {
    const key = `sk-parley-${this.ids.hex(40)}`;
    return { key, hash: this.hash(key), prefix: key.slice(0, 14) };
  }
}

interface Named<T> {
  get(id: string): Promise<T | undefined>;
  list(): Promise<T[]>;
}

async function find<T extends { name: string }>(kind: string, reference: string, among: Named<T>): Promise<T> {
  const byId = await among.get(reference);
  if (byId !== undefined) return byId;
  const [one, second] = (await among.list()).filter(({ name }) => name === reference);
  if (one === undefined) throw unknown(kind, reference);
  if (second !== undefined) throw invalid(kind, `several have the name '${reference.slice(0, 100)}': use the id`);
  return one;
}

function raise(error: unknown): never {
  throw error;
}

function isNotFound(error: unknown): boolean {
  return error instanceof ParleyError && error.kind === "not-found";
}

function unknown(kind: string, reference: string): ParleyError {
  return new ParleyError("not-found", `no ${kind} '${reference.slice(0, 100)}'`);
}

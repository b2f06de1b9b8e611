import type { Subject } from "../model/account.ts";
import { invalid } from "../model/error.ts";
import { vendorId, type IdSource, type KeyId } from "../model/id.ts";
import { keyHash, plainKeyHash, staticKeyId, type KeyHash, type KnownKey } from "../policy/authenticate.ts";
import type { Budgets } from "../policy/budget.ts";
import type { KeyChange, KeyRecord, OrganisationRecord, Store } from "../store/store.ts";
import { AuditLog } from "./audit.ts";
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
import { applyDeclared, type Declared } from "./declared.ts";
import { find, isNotFound, raise, refuseDeclared, unknown } from "./named.ts";
import { UsageReports } from "./usage-reports.ts";

export type { KeyInput } from "./admin-input.ts";
export { checkInput, reportBy, rotationBody } from "./admin-input.ts";
export { accountView, keyView, ledgerView, organisationView, sumsView, usageCsv, usageView } from "./report.ts";
export type { Account } from "./accounts.ts";
export { usageGroups } from "../store/store.ts";
export { auditView } from "./audit.ts";

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
  readonly audit: AuditLog;
  private readonly store: Store;
  private readonly ids: IdSource;
  // changed by events
  /** Replaced by `adopt` when the configuration changes. */
  private rules: AdminRules;

  constructor({ store, ids, hash, rules }: AdminOptions) {
    this.audit = new AuditLog(store.audit, ids);
    this.store = this.audit.watched(store);
    this.ids = ids;
    this.hash = hash;
    this.rules = rules;
    this.money = new Accounts({
      store: this.store,
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

  /** Makes the store hold what the settings declare, also what they no longer do. Throws `invalid`, naming the setting. */
  applyDeclared(declared: Declared): Promise<void> {
    const to = { store: this.store, ids: this.ids, hash: this.hash };
    return this.audit.as("settings", () => applyDeclared(declared, to));
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
    const { budgets, ...fields } = checkInput(input, newKey);
    const change = await this.keyChange(fields);
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
      oldSecretUntil: null,
      declared: false,
      ...change,
      name: fields.name,
    };
    await this.store.keys.insert(record);
    if (budgets !== undefined) await this.money.change({ kind: "key", id: record.id }, { budgets });
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

  /** Those of an organisation (by id or name), of an owner, with a tag. */
  async keysOf({
    organisation,
    owner,
    tag,
  }: {
    organisation?: string;
    owner?: string;
    tag?: string;
  }): Promise<KeyRecord[]> {
    const of = organisation === undefined ? undefined : await this.organisationId(organisation);
    return (await this.keys()).filter(
      (key) =>
        (of === undefined || key.organisation === of) &&
        (owner === undefined || key.owner === owner) &&
        (tag === undefined || key.tags.includes(tag)),
    );
  }

  /** By id, or by a name that only one key has. Throws `not-found`, or `invalid` where several have the name. */
  key(reference: string): Promise<KeyRecord> {
    return find("key", reference, this.store.keys);
  }

  /** Throws `invalid`, naming the field, and `not-found`. */
  async changeKey(reference: string, input: KeyInput): Promise<KeyRecord> {
    const fields = checkInput(input, keyChange);
    const before = await this.key(reference);
    refuseDeclared("key", before);
    return this.save(before, await this.keyChange(fields, before.id));
  }

  /**
   * A new key in the place of the old one; everything else of it stays. The old one stops working at once, and so do
   * those before it, or after `overlapMs`.
   */
  async rotateKey(reference: string, overlapMs?: number): Promise<CreatedKey> {
    const before = await this.key(reference);
    refuseDeclared("key", before);
    const { key, hash, prefix } = this.freshKey();
    const oldSecretUntil = overlapMs === undefined ? null : this.ids.now() + overlapMs;
    if (!(await this.store.keys.rotate(before.id, { hash, prefix, oldSecretUntil }))) throw unknown("key", reference);
    return { key, record: await this.key(before.id) };
  }

  /** What it used stays in the ledger. */
  async deleteKey(reference: string): Promise<KeyRecord> {
    const record = await this.key(reference);
    refuseDeclared("key", record);
    if (!(await this.store.keys.delete(record.id))) throw unknown("key", reference);
    return record;
  }

  /** Throws `invalid`, naming the field. */
  async createOrganisation(input: NewOrganisation): Promise<OrganisationRecord> {
    checkInput(input, newOrganisation);
    await this.refuseTaken("organisation", input.name);
    const fresh = { id: vendorId(this.ids), createdAt: this.ids.now(), disabled: false, limits: {}, declared: false };
    const made = { ...fresh, ...input };
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
    const before = await this.organisation(reference);
    const { id } = before;
    refuseDeclared("organisation", before);
    if (input.name !== undefined) await this.refuseTaken("organisation", input.name, id);
    if (!(await this.store.organisations.update(id, input))) throw unknown("organisation", reference);
    return this.organisation(id);
  }

  async deleteOrganisation(reference: string): Promise<OrganisationRecord> {
    const record = await this.organisation(reference);
    refuseDeclared("organisation", record);
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
  async lookup(hash: string, key?: string): Promise<KnownKey | undefined> {
    const now = this.ids.now();
    const found = await this.store.keys.byHash(hash, now, key === undefined ? undefined : () => plainKeyHash(key));
    if (found === undefined) return undefined;
    const { key: record, organisation } = found;
    const expired = record.expiresAt !== null && record.expiresAt <= now;
    if (record.disabled || expired || organisation?.disabled === true) return undefined;
    const { id, name, models, limits, ranges } = record;
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
      ...this.staticKeyIds.map((id, at): Payer => ({
        subject: { kind: "key", id },
        name: `static key ${at + 1}`,
        declared: false,
      })),
      ...keys.map(({ id, name, declared }): Payer => ({ subject: { kind: "key", id }, name, declared })),
      ...organisations.map(({ id, name, declared }): Payer => ({
        subject: { kind: "organisation", id },
        name,
        declared,
      })),
    ];
  }

  /** The input as it is stored: with the id of the organisation. `id`: of the key that is changed. */
  private async keyChange(input: KeyInput, id?: string): Promise<KeyChange> {
    const { name, organisation, expiresAt, ...rest } = input;
    if (name !== undefined) await this.refuseTaken("key", name, id);
    if (typeof expiresAt === "number" && expiresAt <= this.ids.now())
      throw invalid("expiresAt", "must be in the future");
    return {
      ...rest,
      ...(name !== undefined && { name }),
      ...(expiresAt !== undefined && { expiresAt }),
      ...(organisation !== undefined && { organisation: await this.organisationId(organisation) }),
    };
  }

  private async organisationId(reference: string | null): Promise<string | null> {
    if (reference === null) return null;
    const found = await this.organisation(reference).catch((error: unknown) =>
      isNotFound(error) ? undefined : raise(error),
    );
    return (
      found?.id ?? raise(invalid("organisation", `no organisation has the id or name '${reference.slice(0, 100)}'`))
    );
  }

  /** Names are how people refer to keys and organisations. */
  private async refuseTaken(kind: "key" | "organisation", name: string, id?: string): Promise<void> {
    const all = await (kind === "key" ? this.keys() : this.organisations());
    const other = all.find((one) => one.name === name && one.id !== id);
    if (other !== undefined) throw invalid("name", `another ${kind} has the name '${name}'`);
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

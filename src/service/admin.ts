import { formatSubject, monthOf, type Subject } from "../model/account.ts";
import { ParleyError, invalid } from "../model/error.ts";
import { vendorId, type IdSource, type KeyId } from "../model/id.ts";
import { keyHash, staticKeyId, type KeyHash, type KnownKey } from "../policy/authenticate.ts";
import type {
  AccountRecord,
  KeyChange,
  LedgerRow,
  KeyRecord,
  OrganisationRecord,
  Store,
  UsageQuery,
  UsageRow,
} from "../store/store.ts";
import { AuditLog } from "./audit.ts";
import {
  accountChange,
  checkInput,
  keyChange,
  newKey,
  newOrganisation,
  organisationChange,
  type AccountInput,
  type KeyInput,
  type NewKey,
  type NewOrganisation,
  type OrganisationInput,
} from "./admin-input.ts";

export type { KeyInput } from "./admin-input.ts";
export { accountView, keyView, organisationView, usageCsv, usageView } from "./report.ts";
export { auditView } from "./audit.ts";

/** A new key, shown once. */
export interface CreatedKey {
  key: string;
  record: KeyRecord;
}

/**
 * Opens the administration of a store; the first opening makes the secret under which keys are hashed. `staticKeys` are
 * those of the configuration.
 */
export async function openAdmin(
  store: Store,
  ids: IdSource,
  staticKeys: readonly string[] = [],
): Promise<AdminService> {
  const hash = keyHash(await store.settings.setOnce("key-secret", ids.hex(64)));
  return new AdminService({ store, ids, hash, staticKeyIds: staticKeys.map((key) => staticKeyId(hash(key))) });
}

export interface AdminOptions {
  store: Store;
  ids: IdSource;
  hash: KeyHash;
  /** Ids of the configuration's keys, in their order. */
  staticKeyIds: readonly KeyId[];
}

/** A place in the list of static keys, or the id of one. */
const staticKey = /^static-(?:(\d{1,6})|[0-9a-f]{16})$/;

/** Keys, organisations, money and reports: everything an operator manages. Changes apply from the next request on. */
export class AdminService {
  // fixed at birth
  readonly hash: KeyHash;
  readonly audit: AuditLog;
  private readonly store: Store;
  private readonly ids: IdSource;
  private readonly staticKeyIds: readonly KeyId[];

  constructor({ store, ids, hash, staticKeyIds }: AdminOptions) {
    this.audit = new AuditLog(store.audit, ids);
    this.store = this.audit.watched(store);
    this.ids = ids;
    this.hash = hash;
    this.staticKeyIds = staticKeyIds;
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

  /** Every balance and budget that is set, with what was spent this month. */
  accounts(): Promise<AccountRecord[]> {
    return this.store.accounts.list(monthOf(this.ids.now()));
  }

  /** Balance, budget and this month's spending of one key or organisation. */
  async account(subject: Subject): Promise<AccountRecord> {
    const [record] = await this.store.accounts.read([formatSubject(subject)], monthOf(this.ids.now()));
    if (record === undefined) throw unknown("account", formatSubject(subject));
    return record;
  }

  /** The account of a key or an organisation; `static-<n>` is short for the n-th key of the configuration. */
  async subject(of: { key?: string | undefined; organisation?: string | undefined }): Promise<Subject> {
    const { key, organisation } = of;
    if (key !== undefined) return { kind: "key", id: this.staticKey(key) ?? (await this.key(key)).id };
    if (organisation !== undefined) return { kind: "organisation", id: (await this.organisation(organisation)).id };
    throw invalid("key", "name a key or an organisation");
  }

  /** Pays in millionths of a dollar (a negative amount takes out); from then on the subject is held to its balance. */
  async credit(subject: Subject, amount: number): Promise<AccountRecord> {
    const { balance } = await this.account(subject);
    // beyond 2^53 the balance could not be read again
    if (!Number.isSafeInteger(amount + (balance ?? 0)))
      throw invalid("amount", "must be a whole number that the balance can hold");
    await this.store.accounts.credit(formatSubject(subject), amount);
    return this.account(subject);
  }

  /**
   * Gives the money that earlier versions kept by a static key's place in the list to the key that stands there now, once
   * for all; without it a key would be free of its balance. What else was kept by place belongs to no one.
   */
  async adoptStaticAccounts(): Promise<void> {
    const done = "static-accounts";
    if ((await this.store.settings.get(done)) !== undefined) return;
    for (const [index, id] of this.staticKeyIds.entries()) {
      const [from, to] = [`static-${index + 1}`, id].map((key) => formatSubject({ kind: "key", id: key }));
      if (from !== undefined && to !== undefined) await this.store.accounts.rename(from, to);
    }
    await this.store.settings.setOnce(done, "by key");
  }

  /** Changes what is given, all of it or nothing. Throws `invalid`, naming the field. */
  async changeAccount(subject: Subject, input: AccountInput): Promise<AccountRecord> {
    await this.store.accounts.update(formatSubject(subject), checkInput(input, accountChange));
    return this.account(subject);
  }

  usage(query: UsageQuery): Promise<UsageRow[]> {
    return this.store.ledger.usage(query);
  }

  /** Single answers, newest first. */
  ledger(limit: number): Promise<LedgerRow[]> {
    return this.store.ledger.list(limit);
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

function raise(error: ParleyError): never {
  throw error;
}

function unknown(kind: string, reference: string): ParleyError {
  return new ParleyError("not-found", `no ${kind} '${reference.slice(0, 100)}'`);
}

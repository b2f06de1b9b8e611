import { unixSeconds, vendorId, type IdSource } from "../model/id.ts";
import { hashKey, type Caller } from "../policy/authenticate.ts";
import type { KeyRecord, Store } from "../store/store.ts";

/** A new key, shown once. */
export interface CreatedKey {
  key: string;
  record: KeyRecord;
}

/** Keys and, later, everything else an operator manages. */
export class AdminService {
  private readonly store: Store;
  private readonly ids: IdSource;

  constructor(store: Store, ids: IdSource) {
    this.store = store;
    this.ids = ids;
  }

  /** Makes a key of 160 bits of chance; only its hash is kept. */
  async createKey(name: string): Promise<CreatedKey> {
    const key = `sk-parley-${this.ids.hex(40)}`;
    const record: KeyRecord = {
      id: vendorId(this.ids),
      name,
      hash: hashKey(key),
      prefix: key.slice(0, 14),
      createdAt: unixSeconds(this.ids) * 1000,
      disabled: false,
      owner: "",
      organisation: null,
      tags: [],
      models: null,
      ranges: null,
      limits: {},
      expiresAt: null,
      lastUsedAt: null,
    };
    await this.store.keys.insert(record);
    return { key, record };
  }

  /** The first key of a fresh installation; `undefined` when there are keys already. */
  async createFirstKey(): Promise<CreatedKey | undefined> {
    const known = await this.store.keys.list();
    return known.length > 0 ? undefined : this.createKey("first");
  }

  /** The caller a stored key stands for; `undefined` for unknown and disabled ones. */
  async caller(hash: string): Promise<Caller | undefined> {
    const record = (await this.store.keys.byHash(hash))?.key;
    return record === undefined || record.disabled ? undefined : { keyId: record.id, name: record.name };
  }
}

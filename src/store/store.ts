/** The port to everything that is kept. One implementation in SQL, one small file per driver, one contract suite. */

/** One API key; the key itself is never kept. */
export interface KeyRecord {
  id: string;
  name: string;
  /** Hex SHA-256 of the key. */
  hash: string;
  /** The first characters, for recognition. */
  prefix: string;
  /** Milliseconds since the Unix epoch. */
  createdAt: number;
  disabled: boolean;
}

export interface KeyStore {
  insert(record: KeyRecord): Promise<void>;
  /** The record with that hash, disabled ones included. */
  byHash(hash: string): Promise<KeyRecord | undefined>;
  /** Oldest first. */
  list(): Promise<KeyRecord[]>;
}

/** One stored response. What stands in JSON texts is the business of those who wrote it. */
export interface ResponseRecord {
  id: string;
  /** Id of the key it belongs to; nobody else sees it. */
  owner: string;
  /** Milliseconds since the Unix epoch. */
  createdAt: number;
  expiresAt: number;
  /** `running` until the answer is over. */
  state: "running" | "done";
  /** The response that this one continues. */
  previousId: string | null;
  /** The response object as JSON. */
  body: string;
  /** The input items as JSON, as they are listed. */
  input: string;
  /** This turn's own items, canonical, as JSON: what a later turn is built on. */
  items: string;
  /** The stream's events as a JSON array, for replay. */
  events: string;
}

export interface ResponseStore {
  /** Inserts, or replaces the record of the same id. On return it is durable. */
  save(record: ResponseRecord): Promise<void>;
  /** `undefined` for an unknown or expired id, and for another owner's. */
  get(id: string, owner: string): Promise<ResponseRecord | undefined>;
  /** Whether there was such a record. */
  delete(id: string, owner: string): Promise<boolean>;
  /** Every record still `running`: after a restart nobody works on them. */
  running(): Promise<ResponseRecord[]>;
  /** Deletes what expired before `now`; returns how many. */
  expire(now: number): Promise<number>;
}

/** Small named values of the installation itself, such as the secret that seals reasoning. */
export interface SettingStore {
  get(name: string): Promise<string | undefined>;
  /** Sets it unless it is set; returns the value that stands. */
  setOnce(name: string, value: string): Promise<string>;
}

export interface Store {
  keys: KeyStore;
  responses: ResponseStore;
  settings: SettingStore;
  close(): Promise<void>;
}

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

export interface Store {
  keys: KeyStore;
  close(): Promise<void>;
}

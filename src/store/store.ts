import type { Limits } from "../model/limit.ts";
import type { AuditStore } from "./audit-store.ts";
import type { LedgerStore } from "./ledger-store.ts";
import type { AccountStore, MoneyStore } from "./money-store.ts";
import type { ResponseStore, WorkerStore } from "./response-store.ts";

export type * from "./audit-store.ts";
export * from "./ledger-store.ts";
export type * from "./money-store.ts";
export type * from "./response-store.ts";

/** The port to everything that is stored. One implementation in SQL, one small file per driver, one contract suite. */

/** One API key; the key itself is never kept. Times are milliseconds since the Unix epoch. */
export interface KeyRecord {
  id: string;
  name: string;
  /** Hex HMAC-SHA256 of the key under the installation's secret. */
  hash: string;
  /** The first characters, for recognition. */
  prefix: string;
  createdAt: number;
  disabled: boolean;
  /** Whose it is, in the operator's own words; may be empty. */
  owner: string;
  /** Id of an organisation. */
  organisation: string | null;
  tags: readonly string[];
  /** Model names it may use; `null` for all. */
  models: readonly string[] | null;
  /** Addresses and CIDR ranges it may be used from; `null` for all. */
  ranges: readonly string[] | null;
  limits: Limits;
  expiresAt: number | null;
  lastUsedAt: number | null;
  /** Until when a secret from before the last rotation works; may be over. */
  oldSecretUntil: number | null;
  /** Whether the settings declare it. */
  declared: boolean;
}

export interface OrganisationRecord {
  id: string;
  name: string;
  createdAt: number;
  disabled: boolean;
  /** Of all its keys together. */
  limits: Limits;
  /** Whether the settings declare it. */
  declared: boolean;
}

export type KeyChange = Partial<Omit<KeyRecord, "id" | "createdAt" | "lastUsedAt" | "oldSecretUntil">>;

/** The secret that a key gets in the place of its own. */
export interface NewSecret {
  hash: string;
  prefix: string;
  /** Until when the one before works too; `null`: it and all earlier ones end at once. */
  oldSecretUntil: number | null;
}
export type OrganisationChange = Partial<Omit<OrganisationRecord, "id" | "createdAt">>;

/** A key that was looked up, with the organisation it belongs to. */
export interface FoundKey {
  key: KeyRecord;
  organisation: OrganisationRecord | undefined;
}

export interface KeyStore {
  insert(record: KeyRecord): Promise<void>;
  /**
   * The key with that hash, or whose secret before the last rotation had it and still works at `now`; disabled ones
   * included, and the organisation it belongs to. `otherForm` makes another hash of the same secret, which is looked for
   * beside it. From memory while nothing of keys and organisations has changed; `lastUsedAt` is then an older one.
   */
  byHash(hash: string, now: number, otherForm?: () => string): Promise<FoundKey | undefined>;
  get(id: string): Promise<KeyRecord | undefined>;
  /** Oldest first. */
  list(): Promise<KeyRecord[]>;
  /** Changes only the given fields; `false` where there is no such key. */
  update(id: string, change: KeyChange): Promise<boolean>;
  /** Gives a key another secret; `false` where there is no such key. */
  rotate(id: string, secret: NewSecret): Promise<boolean>;
  /** Reports keep its name, its owner and its tags. */
  delete(id: string): Promise<boolean>;
}

export interface OrganisationStore {
  insert(record: OrganisationRecord): Promise<void>;
  get(id: string): Promise<OrganisationRecord | undefined>;
  /** Oldest first. */
  list(): Promise<OrganisationRecord[]>;
  update(id: string, change: OrganisationChange): Promise<boolean>;
  /** Its keys stay, without an organisation; reports keep its name. */
  delete(id: string): Promise<boolean>;
}

/** What a caller wants to take from one counter. */
export interface LimitClaim {
  /** Unique to the counter. */
  name: string;
  /** `window`: what was added in the last 60 seconds; `stream`: what is under way. */
  kind: "window" | "stream";
  amount: number;
  most: number;
}

export interface LimitAnswer {
  /** Index of the first claim that does not fit; -1 when all were taken. */
  refused: number;
  /** Seconds until the refused claim fits, if nothing is added. */
  wait: number;
  /** For each claim: what was used before, and seconds until all of it is free. */
  used: readonly { amount: number; reset: number }[];
  /** Where the claims were added. */
  slot: number;
}

/** Counters that several processes share; a store of its own, because not every database that keeps keys can count. The database's clock counts; no claim passes a limit in any 60 seconds. */
export interface LimitStore {
  money: MoneyStore;
  /** Takes all claims or none. */
  claim(claims: readonly LimitClaim[], streamId: string): Promise<LimitAnswer>;
  /** What `claim` would answer; takes nothing. */
  peek(claims: readonly LimitClaim[]): Promise<LimitAnswer>;
  /** Changes what a window holds: takes back from the slot of the claim, or adds now. */
  correct(changes: readonly { name: string; slot: number; by: number }[]): Promise<void>;
  release(streamIds: readonly string[]): Promise<void>;
  /** Streams that were not renewed for 30 seconds belong to a process that has ended, and do not count. */
  renew(streamIds: readonly string[]): Promise<void>;
  /** Deletes what no longer counts. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

/** Small named values of the installation itself, such as the secret that encrypts reasoning. */
export interface SettingStore {
  get(name: string): Promise<string | undefined>;
  /** Sets it unless it is set; returns the value that stands. */
  setOnce(name: string, value: string): Promise<string>;
}

/** An uploaded file; what it holds lies in the blob store under the same id. Times are milliseconds since the Unix epoch. */
export interface FileRecord {
  /** Below 2^53. */
  id: number;
  /** Id of the key it belongs to; no one else sees it. */
  owner: string;
  /** As the caller named it; never a path of ours. */
  filename: string;
  purpose: string;
  /** By content. */
  mime: string;
  bytes: number;
  createdAt: number;
  /** Until a file is published: when its place is given up. */
  expiresAt: number;
}

export interface FileUsage {
  count: number;
  bytes: number;
}

/** Most that one owner may have. */
export type FileQuota = FileUsage;

export interface FileStore {
  /** What an owner has, files being uploaded included. */
  usage(owner: string, now: number): Promise<FileUsage>;
  /** Reserves a place for a file that is not visible yet; `false`, and nothing is reserved, beyond the quota. */
  reserve(record: FileRecord, quota: FileQuota): Promise<boolean>;
  /** Makes it visible; `false` where its place is gone. */
  publish(id: number, expiresAt: number): Promise<boolean>;
  /** `undefined` for an unknown, unpublished or expired id, and for another owner's. */
  get(id: number, owner: string, now: number): Promise<FileRecord | undefined>;
  /** Newest first. */
  list(owner: string, now: number): Promise<FileRecord[]>;
  /** Makes it expired; whether there was such a file. */
  end(id: number, owner: string, now: number): Promise<boolean>;
  /** Deletes the record. */
  remove(id: number): Promise<void>;
  /** Ids of expired files and of unfinished uploads, oldest first. */
  ended(now: number, limit: number): Promise<number[]>;
}

/** Notices that were sent once, by whatever process. */
export interface NoticeStore {
  /** Whether it is sent for the first time; `at` in milliseconds since the Unix epoch. */
  first(name: string, at: number): Promise<boolean>;
  /** Forgets what was sent before a moment. */
  sweep(before: number): Promise<void>;
}

export interface Store {
  keys: KeyStore;
  organisations: OrganisationStore;
  accounts: AccountStore;
  audit: AuditStore;
  ledger: LedgerStore;
  responses: ResponseStore;
  workers: WorkerStore;
  files: FileStore;
  settings: SettingStore;
  notices: NoticeStore;
  /** Resolves when the store can be read; throws `unavailable` where it cannot. */
  check(): Promise<void>;
  close(): Promise<void>;
}

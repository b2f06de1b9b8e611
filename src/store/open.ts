import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Secret } from "../lib/secret.ts";
import { missingPackage } from "../lib/optional-package.ts";
import { invalid } from "../model/error.ts";
import type { Log } from "../telemetry/log.ts";
import type { BlobStore, Spool } from "./blob/blob.ts";
import { DiskBlobs, DiskSpool } from "./blob/disk.ts";
import type { BucketOptions } from "./blob/s3.ts";
import { accountTable } from "./account-table.ts";
import { Changes } from "./changes.ts";
import type { Row, SqlDatabase } from "./database.ts";
import { RowCache } from "./row-cache.ts";
import { FileLedgerJournal } from "./ledger-journal.ts";
import { openFailure, reasonOf } from "./failure.ts";
import { GuardedDatabase } from "./guarded.ts";
import { localLimitStore } from "./local-limits.ts";
import { sqlLimitStore, sqlStore, type StoreOptions } from "./sql.ts";
import { databaseName, openSqlite } from "./sqlite.ts";
import type { LedgerJournal, LimitStore, Store } from "./store.ts";

/** Connections of one process to PostgreSQL: counting must not wait behind reports, and the other way round. */
const storeConnections = 6;
const limitConnections = 4;

/**
 * Opens the store: the PostgreSQL database at `url` where one is given, else the SQLite database of the data folder,
 * else one in memory that ends with its owner. Throws `invalid`, in one sentence that names the database and the way out,
 * when it cannot be reached or used.
 */
export async function openStore(folder?: string, url?: string, options?: StoreOptions): Promise<Store> {
  if (url === undefined) {
    const database = openSqlite(folder);
    return await sqlStore(database, options).catch((error: unknown) => {
      throw openFailure(database.name, error);
    });
  }
  return usable(url, storeConnections, (database) => sqlStore(database, options));
}

/** Whether a data folder holds an SQLite database already. */
export function hasDatabase(folder: string): boolean {
  return existsSync(join(folder, databaseName));
}

/**
 * Opens the counters that several processes share, in the PostgreSQL database at `url`. Throws `invalid` when the
 * database cannot be reached or used.
 */
export async function openLimitStore(url: string, log?: Log): Promise<LimitStore> {
  return usable(url, limitConnections, (database) => sqlLimitStore(database, log));
}

/** Of the settings, what says whether several processes count together. */
export interface SharedLimitSettings {
  store: { url?: Secret };
  data: string;
  workers: number;
}

/** Opens the counters of several processes; `undefined` where one process counts for itself. Throws as the two below do. */
export async function openSharedLimits(
  { store: { url }, data, workers }: SharedLimitSettings,
  log: Log,
): Promise<LimitStore | undefined> {
  if (url !== undefined) return openLimitStore(url.reveal(), log);
  return workers > 1 ? openLocalLimitStore(data, log) : undefined;
}

/** The file of counters that the processes of one machine share. */
const limitsName = "limits.db";

/**
 * Opens the counters that the processes on the SQLite database of a data folder share, in a file beside it. Throws `invalid`,
 * naming the file, when it cannot be used.
 */
export async function openLocalLimitStore(folder: string, log?: Log): Promise<LimitStore> {
  const [counters, store] = [openSqlite(folder, limitsName), openSqlite(folder)];
  const close = async (): Promise<void> => {
    await counters.close();
    await store.close();
  };
  const watched = new GuardedDatabase(store, log);
  // nothing kept in memory: what another process booked a moment ago must count
  const rows = new RowCache<Row>({ stamp: () => undefined, maxRows: 1 });
  const accounts = accountTable(watched, new Changes(watched), rows);
  try {
    return { ...(await localLimitStore(new GuardedDatabase(counters, log), accounts)), close };
  } catch (error) {
    await close();
    throw openFailure(counters.name, error);
  }
}

/** The local record of ledger rows that are not in the store yet, in the folder `ledger` of the data folder. */
export function openLedgerJournal(folder: string): LedgerJournal {
  return new FileLedgerJournal(join(folder, "ledger"));
}

/**
 * Where uploaded files come in and where they are kept: both below `folder`, or kept in a bucket where one is given.
 */
export async function openBlobs(folder: string, bucket?: BucketOptions): Promise<{ spool: Spool; blobs: BlobStore }> {
  const files = join(folder, "files");
  const spool = new DiskSpool(files);
  if (bucket === undefined) return { spool, blobs: new DiskBlobs(files) };
  const { BucketBlobs } = await import("./blob/s3.ts");
  return { spool, blobs: new BucketBlobs(bucket) };
}

/** The driver is loaded only where it is used: it costs the cold start 60 ms. */
async function usable<T>(url: string, connections: number, use: (database: SqlDatabase) => Promise<T>): Promise<T> {
  const missing = missingPackage("pg");
  if (missing !== undefined) throw invalid("store.url", missing);
  const { openPostgres } = await import("./postgres.ts");
  try {
    return await use(openPostgres(url, connections));
  } catch (error) {
    throw invalid("store.url", `the database cannot be used: ${reasonOf(error)}`, error);
  }
}

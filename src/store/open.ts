import { join } from "node:path";
import type { BlobStore, Spool } from "./blob/blob.ts";
import { DiskBlobs, DiskSpool } from "./blob/disk.ts";
import type { BucketOptions } from "./blob/s3.ts";
import type { SqlDatabase } from "./database.ts";
import { FileLedgerJournal } from "./ledger-journal.ts";
import { sqlLimitStore, sqlStore } from "./sql.ts";
import { openSqlite } from "./sqlite.ts";
import type { LedgerJournal, LimitStore, Store } from "./store.ts";

/** Connections of one process to PostgreSQL: counting must not wait behind reports, and the other way round. */
const storeConnections = 6;
const limitConnections = 4;

/**
 * Opens the store: the PostgreSQL database at `url` where one is given, else the SQLite database of the data folder,
 * else one in memory that ends with its owner. `now` is its clock (default the system's), in milliseconds since the Unix
 * epoch. Throws when the database cannot be reached or used.
 */
export async function openStore(folder?: string, url?: string, now?: () => number): Promise<Store> {
  if (url === undefined) return sqlStore(openSqlite(folder), now);
  return usable(url, storeConnections, (database) => sqlStore(database, now));
}

/**
 * Opens the counters that several processes share, in the PostgreSQL database at `url`. Throws when the database cannot
 * be reached or used.
 */
export async function openLimitStore(url: string): Promise<LimitStore> {
  return usable(url, limitConnections, sqlLimitStore);
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
  const { openPostgres } = await import("./postgres.ts");
  try {
    return await use(openPostgres(url, connections));
  } catch (error) {
    throw new Error(`store.url: the database cannot be used: ${reasonOf(error)}`, { cause: error });
  }
}

/** A name with several addresses fails once for each of them, and the error around them has no message. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}

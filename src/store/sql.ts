import { TimeSlices } from "../lib/time-slices.ts";
import type { Log } from "../telemetry/log.ts";
import { accountRows, accountTable } from "./account-table.ts";
import { auditTable } from "./audit-table.ts";
import { Changes } from "./changes.ts";
import type { SqlDatabase } from "./database.ts";
import { fileTable } from "./file-table.ts";
import { GuardedDatabase } from "./guarded.ts";
import { keyTable, organisationTable } from "./key-table.ts";
import { WorkerLease } from "./lease.ts";
import { ledgerTable } from "./ledger-table.ts";
import { limitTable } from "./limit-table.ts";
import { LongTexts } from "./long-text.ts";
import { migrate } from "./migrate.ts";
import { responseTable } from "./response-table.ts";
import type { LimitStore, NoticeStore, SettingStore, Store } from "./store.ts";

export interface StoreOptions {
  /** The clock by which responses expire, in milliseconds since the Unix epoch; default the system's. */
  now?: () => number;
  /** Says when the database cannot be used, and when it can again. */
  log?: Log;
  /** Share the event loop between long texts and everything else; default its own. */
  slices?: TimeSlices;
}

/**
 * The store in SQL, over either driver. Migrates first; closes the database when that fails.
 */
export async function sqlStore(inner: SqlDatabase, options: StoreOptions = {}): Promise<Store> {
  const { now = Date.now, log, slices = new TimeSlices() } = options;
  await migrateOrClose(inner);
  const database = new GuardedDatabase(inner, log);
  const lease = new WorkerLease(database);
  const changes = new Changes(database);
  const accounts = accountRows(changes);
  return {
    keys: keyTable(database, changes),
    organisations: organisationTable(database, changes),
    accounts: accountTable(database, changes, accounts),
    audit: auditTable(database),
    ledger: ledgerTable(database, accounts),
    responses: responseTable({ database, lease, now, texts: new LongTexts(database, slices) }),
    workers: lease,
    files: fileTable(database),
    settings: settingTable(database),
    notices: noticeTable(database),
    check: async () => void (await database.all("select count(*) from migration")),
    close: async () => {
      await lease.release();
      await database.close();
    },
  };
}

/** The shared counters of a PostgreSQL database. Migrates first; closes the database when that fails. */
export async function sqlLimitStore(database: SqlDatabase, log?: Log): Promise<LimitStore> {
  await migrateOrClose(database);
  return limitTable(new GuardedDatabase(database, log));
}

async function migrateOrClose(database: SqlDatabase): Promise<void> {
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw error;
  }
}

function settingTable(database: SqlDatabase): SettingStore {
  const get = async (name: string): Promise<string | undefined> => {
    const [row] = await database.all("select value from setting where name = ?", [name]);
    return row === undefined ? undefined : String(row["value"]);
  };
  return {
    get,
    setOnce: async (name, value) => {
      const sql = "insert into setting (name, value) values (?, ?) on conflict (name) do nothing";
      await database.run(sql, [name, value]);
      return (await get(name)) ?? value;
    },
  };
}

function noticeTable(database: SqlDatabase): NoticeStore {
  return {
    first: async (name, at) =>
      (await database.run("insert into notice (name, at) values (?, ?) on conflict (name) do nothing", [name, at])) > 0,
    sweep: async (before) => void (await database.run("delete from notice where at < ?", [before])),
  };
}

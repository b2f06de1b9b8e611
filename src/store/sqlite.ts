import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { loopTurn } from "../lib/loop-turn.ts";
import { DiskReserve } from "./disk-reserve.ts";
import { openFailure, sqliteBusy, sqliteCode } from "./failure.ts";
import type { CommitWatch, Row, SqlDatabase, SqlRunner, SqlValue } from "./database.ts";

/**
 * How long a write waits for another process, in milliseconds: first blocking, because most writes are over in less
 * than one; then by trying again, so that nothing else in this process stands still.
 */
const blockingWaitMs = 5;
const maxWaitMs = 5_000;
const retryPauseMs = 3;
const sqliteFull = 13;
/** Statements that change rows which are there. */
const changesRows = /^(?:delete|update) /;
/** How long what a look at the data version saw is taken for true, in milliseconds. */
const maxLookMs = 1;
/** Prepared statements kept; the texts are few, only inserts of several rows vary. */
const maxStatements = 200;

/**
 * Opens (and makes, for their owner only) the data folder and the database in it; without a folder one in memory.
 * `file`: another one than that of the store. Throws `invalid`, naming the file and the way out, when it cannot. With `synchronous = normal` a commit survives the end of the process at any
 * moment, and the loss of power without corruption.
 */
export function openSqlite(folder?: string, file: string = databaseName): SqlDatabase {
  const path = folder === undefined ? ":memory:" : databaseFile(folder, file);
  try {
    // what else is kept beside the store is made anew where it is lost
    const reserve = folder === undefined || file !== databaseName ? undefined : new DiskReserve(`${path}-reserve`);
    return new SqliteDatabase(opened(path), path, reserve);
  } catch (error) {
    throw openFailure(path, error);
  }
}

function opened(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  // only the very first opening changes the journal mode, and two of those may meet
  database.exec(
    `pragma busy_timeout = ${maxWaitMs}; pragma journal_mode = wal; pragma busy_timeout = ${blockingWaitMs}`,
  );
  database.exec("pragma synchronous = normal; pragma foreign_keys = on");
  return database;
}

/** The database's file in a data folder. */
export const databaseName = "parley.db";

/** The path of the database; a new file is its owner's only, and SQLite gives the files beside it the same mode. */
function databaseFile(folder: string, file: string): string {
  const path = join(folder, file);
  try {
    makeFolder(folder);
    // never opened when it is there: closing it would take the locks of another connection of this process
    if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));
  } catch (error) {
    throw openFailure(path, error);
  }
  return path;
}

/** One folder after the other: Node's own `recursive` never returns where the system takes no folder, as below /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // another process may have made it at the same moment
    if (!existsSync(folder)) throw error;
  }
}

/** One connection; what arrives during a transaction waits for its end. */
class SqliteDatabase implements SqlDatabase {
  // fixed at birth
  readonly dialect = "sqlite";
  readonly name: string;
  readonly commits: CommitWatch = { of: "all", version: () => this.version() };
  private readonly database: DatabaseSync;
  private readonly inside: SqlRunner;
  private readonly reserve: DiskReserve | undefined;
  // changed by events
  /** Prepared statements by their text, oldest first; filled by `prepare`, cleared by `close`. */
  private readonly statements = new Map<string, StatementSync>();
  /** Resolves at the end of the transaction that is open; set and cleared by `transaction`. */
  private transacting: Promise<void> | undefined;
  /** The reserve was released and could not be taken again yet; set by `withReserve`, cleared by `refill`. */
  private reserveUsed = false;
  /** SQLite's data version, and the turn of the event loop and the millisecond that it was read in; set by `version`. */
  private seen: { turn: number; at: number; version: number | undefined } = { turn: -1, at: 0, version: undefined };

  constructor(database: DatabaseSync, name: string, reserve?: DiskReserve) {
    this.database = database;
    this.name = name;
    this.reserve = reserve;
    reserve?.fill();
    this.inside = {
      all: async (sql, values = []) => this.rows(sql, values),
      run: async (sql, values = []) => this.changes(sql, values),
    };
  }

  all(sql: string, values: readonly SqlValue[] = []): Promise<Row[]> {
    return this.statement(sql, () => this.rows(sql, values));
  }

  run(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return this.statement(sql, () => this.changes(sql, values));
  }

  async transaction<T>(work: (inside: SqlRunner) => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    await this.whenFree(() => {
      this.database.exec("begin immediate");
      this.transacting = promise;
    });
    try {
      const outcome = await work(this.inside);
      this.database.exec("commit");
      return outcome;
    } catch (error) {
      if (this.database.isTransaction) this.database.exec("rollback");
      if (sqliteCode(error) === sqliteFull) this.giveRoomBack();
      throw error;
    } finally {
      this.transacting = undefined;
      resolve();
    }
  }

  async close(): Promise<void> {
    while (this.transacting !== undefined) await this.transacting;
    this.statements.clear();
    this.database.close();
  }

  /**
   * Looks once in a turn of the event loop, for a millisecond at most: a look costs two calls of the system, and what was
   * committed before a request was sent was committed before the turn that reads it.
   */
  private version(): number | undefined {
    const turn = loopTurn();
    const at = performance.now();
    if (this.seen.turn !== turn || at - this.seen.at > maxLookMs) this.seen = { turn, at, version: this.dataVersion() };
    return this.seen.version;
  }

  /** It changes with every commit of another connection (sqlite.org/pragma.html); `undefined` where it cannot be read. */
  private dataVersion(): number | undefined {
    try {
      return Number(this.prepare("pragma data_version").get()?.["data_version"]);
    } catch {
      return undefined;
    }
  }

  private rows(sql: string, values: readonly SqlValue[]): Row[] {
    // neither bytes nor integers beyond 2^53 are ever stored
    return this.prepare(sql).all(...values) as Row[];
  }

  /** How many rows a statement changed. */
  private changes(sql: string, values: readonly SqlValue[]): number {
    return Number(this.prepare(sql).run(...values).changes);
  }

  private statement<T>(sql: string, work: () => T): Promise<T> {
    return changesRows.test(sql) ? this.withReserve(work) : this.whenFree(work);
  }

  /** Does it as soon as no transaction is open here and no other process holds the database. */
  private async whenFree<T>(work: () => T): Promise<T> {
    for (const started = performance.now(); ;) {
      while (this.transacting !== undefined) await this.transacting;
      try {
        return work();
      } catch (error) {
        if (sqliteCode(error) === sqliteFull) this.giveRoomBack();
        if (sqliteCode(error) !== sqliteBusy || performance.now() - started > maxWaitMs) throw error;
        await setTimeout(retryPauseMs);
      }
    }
  }

  /** The same for a change of rows that are there: on a full disk it gets the room that is kept for it. */
  private async withReserve<T>(work: () => T): Promise<T> {
    try {
      const done = await this.whenFree(work);
      if (this.reserveUsed) this.refill();
      return done;
    } catch (error) {
      if (sqliteCode(error) !== sqliteFull || this.reserve?.release() !== true) throw error;
      this.reserveUsed = true;
      return this.whenFree(work);
    }
  }

  /** What was written into the room of the reserve goes into the database first. */
  private refill(): void {
    this.giveRoomBack();
    this.reserveUsed = this.reserve?.fill() === false;
  }

  /**
   * What a write that found no room has left in the log beside the database is cut off: else even deleting, which needs a
   * little of it, would find none.
   */
  private giveRoomBack(): void {
    if (this.database.isTransaction) return;
    try {
      this.database.exec("pragma wal_checkpoint(truncate)");
    } catch {
      // no room for that either, or another process reads: as it was
    }
  }

  private prepare(sql: string): StatementSync {
    const known = this.statements.get(sql);
    if (known !== undefined) return known;
    const oldest = this.statements.keys().next().value;
    if (this.statements.size >= maxStatements && oldest !== undefined) this.statements.delete(oldest);
    const made = this.database.prepare(sql);
    this.statements.set(sql, made);
    return made;
  }
}

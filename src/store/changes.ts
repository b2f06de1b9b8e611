import { nextLoopTurn } from "../lib/loop-turn.ts";
import type { SqlDatabase } from "./database.ts";

/**
 * What may have changed since something was read, so that rows can be kept in memory. Writes of this process are noted by
 * `by`; those of other processes change the version of the database's commit watch.
 */
export class Changes {
  // fixed at birth
  private readonly database: SqlDatabase;
  // changed by events
  /** Grows when keys, organisations or terms of accounts may have changed. */
  private termsStamp = 0;
  /** Grows when anything of an account may have changed. */
  private accountsStamp = 0;
  /** The version that belongs to `revision`. */
  private termsVersion: number | undefined;
  /** What the triggers of migration 17 had counted when it was last read. */
  private revision: number | undefined;
  /** The version that belongs to `accountsStamp`. */
  private accountsVersion: number | undefined;

  constructor(database: SqlDatabase) {
    this.database = database;
  }

  /** A stamp of keys, organisations and the terms of accounts: their budgets, and whether they have a balance. */
  readonly terms = async (): Promise<number | undefined> => {
    const { commits } = this.database;
    const version = commits?.version();
    if (version === undefined || version === this.termsVersion)
      return version === undefined ? version : this.termsStamp;
    // the version first: what is committed after it was taken has another one
    const revision = commits?.of === "terms" ? version : await this.readRevision();
    if (revision !== this.revision) this.termsStamp += 1;
    this.revision = revision;
    this.termsVersion = version;
    return this.termsStamp;
  };

  /** A stamp of everything that accounts hold, balances and spending too; `undefined` where only terms are watched. */
  readonly accounts = (): number | undefined => {
    const { commits } = this.database;
    const version = commits?.of === "all" ? commits.version() : undefined;
    if (version === undefined) return undefined;
    if (version !== this.accountsVersion) this.accountsStamp += 1;
    this.accountsVersion = version;
    return this.accountsStamp;
  };

  /**
   * Does a write that changes what the stamps stand for. They change also where it fails: it may have been committed. Its
   * caller goes on when every connection of this process can see it.
   */
  async by<T>(write: Promise<T>): Promise<T> {
    try {
      return await write;
    } finally {
      this.termsStamp += 1;
      this.accountsStamp += 1;
      await nextLoopTurn();
    }
  }

  private async readRevision(): Promise<number> {
    const [row] = await this.database.all("select number from revision");
    return Number(row?.["number"]);
  }
}

import { ParleyError } from "../model/error.ts";
import type { Log } from "../telemetry/log.ts";
import type { CommitWatch, Row, SqlDatabase, SqlRunner, SqlValue } from "./database.ts";
import { storeFailure } from "./failure.ts";

/**
 * A database whose failures are errors that callers may see. The log says once when it cannot be used, and once when it
 * can again.
 */
export class GuardedDatabase implements SqlDatabase {
  // fixed at birth
  private readonly inner: SqlDatabase;
  private readonly log: Log | undefined;
  // changed by events
  /** Whether the last use failed because the database could not be used; set by every use. */
  private failing = false;

  constructor(inner: SqlDatabase, log: Log | undefined) {
    this.inner = inner;
    this.log = log;
  }

  get dialect(): SqlDatabase["dialect"] {
    return this.inner.dialect;
  }

  get name(): string {
    return this.inner.name;
  }

  get commits(): CommitWatch | undefined {
    return this.inner.commits;
  }

  all(sql: string, values?: readonly SqlValue[]): Promise<Row[]> {
    return this.guarded(() => this.inner.all(sql, values));
  }

  run(sql: string, values?: readonly SqlValue[]): Promise<number> {
    return this.guarded(() => this.inner.run(sql, values));
  }

  transaction<T>(work: (inside: SqlRunner) => Promise<T>): Promise<T> {
    return this.guarded(() => this.inner.transaction(work));
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private async guarded<T>(use: () => Promise<T>): Promise<T> {
    try {
      const answer = await use();
      if (this.failing) this.log?.warn({ store: this.name }, "the database can be used again");
      this.failing = false;
      return answer;
    } catch (thrown) {
      const failure = storeFailure(thrown);
      if (failure instanceof ParleyError && failure.kind === "unavailable" && !this.failing) {
        this.failing = true;
        this.log?.error({ store: this.name, reason: failure.message, err: thrown }, "the database cannot be used");
      }
      throw failure;
    }
  }
}

import pg from "pg";
import type { Row, SqlDatabase, SqlRunner, SqlValue } from "./database.ts";

/** Connections of one process, and how long a request waits for one. */
const mostConnections = 10;
const connectTimeout = 5_000;
/** A server that says nothing for so long is taken for gone. */
const queryTimeout = 30_000;

/** Opens a pool on a PostgreSQL server, 14 or newer; the first query connects. */
export function openPostgres(url: string): SqlDatabase {
  const pool = new pg.Pool({
    connectionString: url,
    max: mostConnections,
    connectionTimeoutMillis: connectTimeout,
    query_timeout: queryTimeout,
    keepAlive: true,
    application_name: "parley",
  });
  // an idle connection that breaks is replaced; the query that needs one tells when it cannot be
  pool.on("error", () => undefined);
  return new PostgresDatabase(pool);
}

type Queryable = Pick<pg.PoolClient, "query">;

class PostgresDatabase implements SqlDatabase {
  // fixed at birth
  readonly dialect = "postgres";
  private readonly pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.pool = pool;
  }

  all(sql: string, values: readonly SqlValue[] = []): Promise<Row[]> {
    return all(this.pool, sql, values);
  }

  run(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return run(this.pool, sql, values);
  }

  async transaction<T>(work: (inside: SqlRunner) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    // between two statements nobody else hears that the connection broke, and Node ends a process for that
    const hear = (error: Error): void => void (broken = error);
    client.on("error", hear);
    try {
      await client.query("begin");
      const outcome = await work({
        all: (sql, values = []) => all(client, sql, values),
        run: (sql, values = []) => run(client, sql, values),
      });
      await client.query("commit");
      return outcome;
    } catch (error) {
      await client.query("rollback").catch(hear);
      throw error;
    } finally {
      client.off("error", hear);
      client.release(broken);
    }
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}

async function all(on: Queryable, sql: string, values: readonly SqlValue[]): Promise<Row[]> {
  return (await on.query<Row>(numbered(sql), values.map(storable))).rows;
}

async function run(on: Queryable, sql: string, values: readonly SqlValue[]): Promise<number> {
  return (await on.query(numbered(sql), values.map(storable))).rowCount ?? 0;
}

/** PostgreSQL has no U+0000 in texts and would fail on it; our own texts hold none, but what callers ask for may. */
export function storable(value: SqlValue): SqlValue {
  return typeof value === "string" ? value.replaceAll("\0", "\ufffd") : value;
}

/** `?` as PostgreSQL wants it: `$1`, `$2` and so on. No statement of ours has a question mark in a literal. */
export function numbered(sql: string): string {
  let count = 0;
  return sql.replaceAll("?", () => `$${++count}`);
}

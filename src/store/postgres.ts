import pg from "pg";
import type { CommitWatch, Row, SqlDatabase, SqlRunner, SqlValue } from "./database.ts";
import { RevisionListener } from "./postgres-listener.ts";
import { revisionChannel } from "./revision-schema.ts";

/** How long a statement waits for a connection, and for its answer. */
const connectTimeoutMs = 5_000;
const queryTimeoutMs = 30_000;

/** Opens a pool of at most `connections` on a PostgreSQL server, 14 or newer; the first query connects. */
export function openPostgres(url: string, connections: number): SqlDatabase {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: queryTimeoutMs,
    keepAlive: true,
    application_name: "parley",
  });
  // an idle connection that breaks is replaced; a query that needs one fails when it cannot be
  pool.on("error", () => undefined);
  const notify = async (payload: string): Promise<void> => {
    await pool.query("select pg_notify($1, $2)", [revisionChannel, payload]);
  };
  const listener = new RevisionListener({ url, notify, monotonic: () => performance.now() });
  return new PostgresDatabase(pool, { name: placeOf(url), listener });
}

type Queryable = Pick<pg.PoolClient, "query">;

class PostgresDatabase implements SqlDatabase {
  // fixed at birth
  readonly dialect = "postgres";
  readonly name: string;
  private readonly pool: pg.Pool;
  private readonly listener: RevisionListener;

  constructor(pool: pg.Pool, { name, listener }: { name: string; listener: RevisionListener }) {
    this.pool = pool;
    this.name = name;
    this.listener = listener;
  }

  get commits(): CommitWatch {
    return this.listener;
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
    // between two statements nothing else listens for a broken connection, and Node ends the process for that
    const markBroken = (error: Error): void => void (broken = error);
    client.on("error", markBroken);
    try {
      await client.query("begin");
      const outcome = await work({
        all: (sql, values = []) => all(client, sql, values),
        run: (sql, values = []) => run(client, sql, values),
      });
      await client.query("commit");
      return outcome;
    } catch (error) {
      await client.query("rollback").catch(markBroken);
      throw error;
    } finally {
      client.off("error", markBroken);
      client.release(broken);
    }
  }

  async close(): Promise<void> {
    this.listener.close();
    await this.pool.end();
  }
}

/** Host and database of a URL, which may name its user and password. */
function placeOf(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? "PostgreSQL" : `postgres://${parsed.host}${parsed.pathname}`;
}

async function all(on: Queryable, sql: string, values: readonly SqlValue[]): Promise<Row[]> {
  return (await on.query<Row>(numbered(sql), values.map(storable))).rows;
}

async function run(on: Queryable, sql: string, values: readonly SqlValue[]): Promise<number> {
  return (await on.query(numbered(sql), values.map(storable))).rowCount ?? 0;
}

/** PostgreSQL has no U+0000 in texts and would fail on it; our own texts hold none, but what callers send may. */
export function storable(value: SqlValue): SqlValue {
  return typeof value === "string" ? value.replaceAll("\0", "\ufffd") : value;
}

/** `?` as PostgreSQL wants it: `$1`, `$2` and so on. No statement of ours has a question mark in a literal. */
export function numbered(sql: string): string {
  let count = 0;
  return sql.replaceAll("?", () => `$${++count}`);
}

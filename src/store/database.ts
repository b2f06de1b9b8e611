/** What a statement may bind. Booleans are integers, times are milliseconds, lists are JSON texts. */
export type SqlValue = string | number | null;
/** PostgreSQL returns large integers as text. */
export type Row = Record<string, SqlValue>;

export interface SqlRunner {
  /** Rows of a query; `?` marks a value. */
  all(sql: string, values?: readonly SqlValue[]): Promise<Row[]>;
  /** Runs a statement; how many rows it changed. */
  run(sql: string, values?: readonly SqlValue[]): Promise<number>;
}

/** What is known of commits by other connections without a query. */
export interface CommitWatch {
  /** Which commits change the version: every one, or at least those that change the revision (`revision-schema.ts`). */
  readonly of: "all" | "terms";
  /** Another number when something was committed, never one from before; `undefined` while that is not known. */
  version(): number | undefined;
}

/** The port of the two drivers: the tables are written against it once. */
export interface SqlDatabase extends SqlRunner {
  readonly dialect: "sqlite" | "postgres";
  /** For operators: the path of the file, or host and database; without credentials. */
  readonly name: string;
  /** Without it nothing that was read may be kept. */
  readonly commits?: CommitWatch | undefined;
  /** All or nothing. `work` must await nothing but statements of `inside`. */
  transaction<T>(work: (inside: SqlRunner) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** `(?, ?), (?, ?)`: for the insert of several rows at once. */
export function placeholders(rows: number, columns: number): string {
  const one = `(${Array.from({ length: columns }, () => "?").join(", ")})`;
  return Array.from({ length: rows }, () => one).join(", ");
}

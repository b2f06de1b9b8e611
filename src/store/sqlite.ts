import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { migrations } from "./schema.ts";
import type { KeyRecord, Store } from "./store.ts";

/** Opens (and makes, mode 0700) the data folder and the database in it. Throws the system's error when it cannot. */
export function openSqlite(folder: string): Store {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(folder, "parley.db"), { timeout: 5_000 });
  database.exec("pragma journal_mode = wal; pragma synchronous = normal; pragma foreign_keys = on;");
  migrate(database);
  const insert = database.prepare(
    "insert into api_key (id, name, hash, prefix, created_at, disabled) values (?, ?, ?, ?, ?, ?)",
  );
  const byHash = database.prepare("select * from api_key where hash = ?");
  const list = database.prepare("select * from api_key order by created_at, id");
  return {
    keys: {
      insert: async (record) => {
        const { id, name, hash, prefix, createdAt, disabled } = record;
        insert.run(id, name, hash, prefix, createdAt, disabled ? 1 : 0);
      },
      byHash: async (hash) => {
        const row = byHash.get(hash);
        return row === undefined ? undefined : keyRecord(row);
      },
      list: async () => list.all().map(keyRecord),
    },
    close: async () => database.close(),
  };
}

function migrate(database: DatabaseSync): void {
  database.exec("begin immediate");
  try {
    database.exec("create table if not exists migration (number integer primary key)");
    const done = new Set(database.prepare("select number from migration").all().map((row) => Number(row["number"])));
    for (const step of migrations) {
      if (done.has(step.number)) continue;
      for (const statement of step.statements) database.exec(statement);
      database.prepare("insert into migration (number) values (?)").run(step.number);
    }
    database.exec("commit");
  } catch (error) {
    database.exec("rollback");
    throw error;
  }
}

function keyRecord(row: Record<string, unknown>): KeyRecord {
  return {
    id: String(row["id"]),
    name: String(row["name"]),
    hash: String(row["hash"]),
    prefix: String(row["prefix"]),
    createdAt: Number(row["created_at"]),
    disabled: Number(row["disabled"]) !== 0,
  };
}

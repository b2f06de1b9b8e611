import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { migrations } from "./schema.ts";
import type { KeyRecord, KeyStore, ResponseRecord, ResponseStore, SettingStore, Store } from "./store.ts";

/** Opens (and makes, mode 0700) the data folder and the database in it. Throws the system's error when it cannot. */
export function openSqlite(folder?: string): Store {
  if (folder !== undefined) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = folder === undefined ? ":memory:" : join(folder, "parley.db");
  const database = new DatabaseSync(path, { timeout: 5_000 });
  database.exec("pragma journal_mode = wal; pragma synchronous = normal; pragma foreign_keys = on;");
  migrate(database);
  return {
    keys: keyStore(database),
    responses: responseStore(database),
    settings: settingStore(database),
    close: async () => database.close(),
  };
}

function keyStore(database: DatabaseSync): KeyStore {
  const insert = database.prepare(
    "insert into api_key (id, name, hash, prefix, created_at, disabled) values (?, ?, ?, ?, ?, ?)",
  );
  const byHash = database.prepare("select * from api_key where hash = ?");
  const list = database.prepare("select * from api_key order by created_at, id");
  return {
    insert: async (record) => {
      const { id, name, hash, prefix, createdAt, disabled } = record;
      insert.run(id, name, hash, prefix, createdAt, disabled ? 1 : 0);
    },
    byHash: async (hash) => {
      const row = byHash.get(hash);
      return row === undefined ? undefined : keyRecord(row);
    },
    list: async () => list.all().map(keyRecord),
  };
}

function responseStore(database: DatabaseSync): ResponseStore {
  const save = database.prepare(
    `insert into response (id, owner, created_at, expires_at, state, previous_id, body, input, items, events)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     on conflict (id) do update set state = excluded.state, body = excluded.body, input = excluded.input,
       items = excluded.items, events = excluded.events, expires_at = excluded.expires_at`,
  );
  const get = database.prepare("select * from response where id = ? and owner = ? and expires_at > ?");
  const remove = database.prepare("delete from response where id = ? and owner = ?");
  const running = database.prepare("select * from response where state = 'running'");
  const expire = database.prepare("delete from response where expires_at <= ?");
  return {
    save: async (record) => {
      const { id, owner, createdAt, expiresAt, state, previousId, body, input, items, events } = record;
      save.run(id, owner, createdAt, expiresAt, state, previousId, body, input, items, events);
    },
    get: async (id, owner) => {
      const row = get.get(id, owner, Date.now());
      return row === undefined ? undefined : responseRecord(row);
    },
    delete: async (id, owner) => remove.run(id, owner).changes > 0,
    running: async () => running.all().map(responseRecord),
    expire: async (now) => Number(expire.run(now).changes),
  };
}

function settingStore(database: DatabaseSync): SettingStore {
  const get = database.prepare("select value from setting where name = ?");
  const set = database.prepare("insert into setting (name, value) values (?, ?) on conflict (name) do nothing");
  const read = (name: string): string | undefined => {
    const row = get.get(name);
    return row === undefined ? undefined : String(row["value"]);
  };
  return {
    get: async (name) => read(name),
    setOnce: async (name, value) => {
      set.run(name, value);
      return read(name) ?? value;
    },
  };
}

function migrate(database: DatabaseSync): void {
  database.exec("begin immediate");
  try {
    database.exec("create table if not exists migration (number integer primary key)");
    const done = new Set(
      database
        .prepare("select number from migration")
        .all()
        .map((row) => Number(row["number"])),
    );
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

function responseRecord(row: Record<string, unknown>): ResponseRecord {
  return {
    id: String(row["id"]),
    owner: String(row["owner"]),
    createdAt: Number(row["created_at"]),
    expiresAt: Number(row["expires_at"]),
    state: row["state"] === "running" ? "running" : "done",
    previousId: typeof row["previous_id"] === "string" ? row["previous_id"] : null,
    body: String(row["body"]),
    input: String(row["input"]),
    items: String(row["items"]),
    events: String(row["events"]),
  };
}

import type { Row, SqlDatabase, SqlRunner } from "./database.ts";
import type { FileQuota, FileRecord, FileStore, FileUsage } from "./store.ts";

/** Number of the advisory lock, with the owner's hash, under which an owner's files are counted. */
const quotaLock = 7_237_002;

const insert = `insert into uploaded_file (id, owner, filename, purpose, mime, bytes, created_at, expires_at, ready)
  values (?, ?, ?, ?, ?, ?, ?, ?, 0)`;

export function fileTable(database: SqlDatabase): FileStore {
  return {
    usage: (owner, now) => usage(database, owner, now),
    reserve: (record, quota) =>
      database.transaction(async (inside) => {
        if (database.dialect === "postgres") {
          await inside.all("select pg_advisory_xact_lock(?, hashtext(?))", [quotaLock, record.owner]);
        }
        if (!fits(await usage(inside, record.owner, record.createdAt), record.bytes, quota)) return false;
        const { id, owner, filename, purpose, mime, bytes, createdAt, expiresAt } = record;
        await inside.run(insert, [id, owner, filename, purpose, mime, bytes, createdAt, expiresAt]);
        return true;
      }),
    publish: async (id, expiresAt) =>
      (await database.run("update uploaded_file set ready = 1, expires_at = ? where id = ?", [expiresAt, id])) > 0,
    get: async (id, owner, now) => {
      const where = "where id = ? and owner = ? and ready = 1 and expires_at > ?";
      const [row] = await database.all(`select * from uploaded_file ${where}`, [id, owner, now]);
      return row === undefined ? undefined : fileRecord(row);
    },
    list: async (owner, now) => {
      const where = "where owner = ? and ready = 1 and expires_at > ?";
      const rows = await database.all(`select * from uploaded_file ${where} order by created_at desc, id desc`, [
        owner,
        now,
      ]);
      return rows.map(fileRecord);
    },
    end: async (id, owner, now) => {
      const sql = "update uploaded_file set expires_at = ? where id = ? and owner = ? and ready = 1 and expires_at > ?";
      return (await database.run(sql, [now, id, owner, now])) > 0;
    },
    remove: async (id) => {
      await database.run("delete from uploaded_file where id = ?", [id]);
    },
    ended: async (now, limit) => {
      const sql = "select id from uploaded_file where expires_at <= ? order by expires_at, id limit ?";
      return (await database.all(sql, [now, limit])).map((row) => Number(row["id"]));
    },
  };
}

function fits(used: FileUsage, bytes: number, quota: FileQuota): boolean {
  return used.count + 1 <= quota.count && used.bytes + bytes <= quota.bytes;
}

async function usage(on: SqlRunner, owner: string, now: number): Promise<FileUsage> {
  const [row] = await on.all(
    "select count(*) as count, coalesce(sum(bytes), 0) as bytes from uploaded_file where owner = ? and expires_at > ?",
    [owner, now],
  );
  return { count: Number(row?.["count"]), bytes: Number(row?.["bytes"]) };
}

function fileRecord(row: Row): FileRecord {
  return {
    id: Number(row["id"]),
    owner: String(row["owner"]),
    filename: String(row["filename"]),
    purpose: String(row["purpose"]),
    mime: String(row["mime"]),
    bytes: Number(row["bytes"]),
    createdAt: Number(row["created_at"]),
    expiresAt: Number(row["expires_at"]),
  };
}

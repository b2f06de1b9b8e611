import type { Row, SqlDatabase } from "./database.ts";
import type { WorkerLease } from "./lease.ts";
import type { ResponseRecord, ResponseStore, ResponseText } from "./store.ts";

const save = `insert into response (id, owner, created_at, expires_at, state, previous_id, body, input, items, events,
    holder, bytes)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  on conflict (id) do update set state = excluded.state, body = excluded.body, input = excluded.input,
    items = excluded.items, events = excluded.events, expires_at = excluded.expires_at,
    holder = excluded.holder, bytes = excluded.bytes`;

const facts = ["id", "owner", "created_at", "expires_at", "state", "previous_id"];
const allTexts: readonly ResponseText[] = ["body", "input", "items", "events"];

const end = `update response set state = 'done', body = ?, items = ?, events = ?, expires_at = ?,
    bytes = octet_length(input) + ?
  where id = ?`;

const forget = `delete from response where id in
  (select id from response where owner = ? and state = 'remembered' order by created_at, id limit ?)`;

/** `now`: milliseconds since the Unix epoch. */
export function responseTable(database: SqlDatabase, lease: WorkerLease, now: () => number): ResponseStore {
  return {
    save: async (record) => {
      const { id, owner, createdAt, expiresAt, state, previousId, body, input, items, events } = record;
      if (state === "running") await lease.acquire();
      const values = [id, owner, createdAt, expiresAt, state, previousId, body, input, items, events, lease.workerId];
      await database.run(save, [...values, bytesOf([body, input, items, events])]);
    },
    end: async ({ id, body, items, events, expiresAt }) => {
      await database.run(end, [body, items, events, expiresAt, bytesOf([body, items, events]), id]);
    },
    get: async (id, owner, texts = allTexts) => {
      const values = [id, owner, now()];
      const columns = [...facts, ...allTexts.filter((text) => texts.includes(text))].join(", ");
      const sql = `select ${columns} from response where id = ? and owner = ? and expires_at > ?`;
      const [row] = await database.all(sql, values);
      return row === undefined ? undefined : responseRecord(row);
    },
    usage: async (owner) => {
      const [row] = await database.all("select records, bytes from response_usage where owner = ?", [owner]);
      return { count: Number(row?.["records"] ?? 0), bytes: Number(row?.["bytes"] ?? 0) };
    },
    delete: async (id, owner) =>
      (await database.run("delete from response where id = ? and owner = ?", [id, owner])) > 0,
    forgetOldest: (owner, most) => database.run(forget, [owner, most]),
    orphans: async () => {
      const others = "select id, holder from response where state = 'running' and holder <> ?";
      const rows = await database.all(others, [lease.workerId]);
      if (rows.length === 0) return [];
      const expired = await lease.expired([...new Set(rows.map((row) => String(row["holder"])))]);
      return rows.filter((row) => expired.has(String(row["holder"]))).map((row) => String(row["id"]));
    },
    endOrphan: async (id, ended) => {
      const [row] = await database.all("select body from response where id = ? and state = 'running'", [id]);
      if (row === undefined) return false;
      // its process may have ended it meanwhile: that outcome is the true one
      const sql = "update response set state = 'done', body = ? where id = ? and state = 'running'";
      return (await database.run(sql, [ended(String(row["body"])), id])) > 0;
    },
    expire: (before) => database.run("delete from response where expires_at <= ?", [before]),
  };
}

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

function stateOf(state: unknown): ResponseRecord["state"] {
  return state === "running" || state === "remembered" ? state : "done";
}

function responseRecord(row: Row): ResponseRecord {
  return {
    id: String(row["id"]),
    owner: String(row["owner"]),
    createdAt: Number(row["created_at"]),
    expiresAt: Number(row["expires_at"]),
    state: stateOf(row["state"]),
    previousId: row["previous_id"] === null ? null : String(row["previous_id"]),
    body: String(row["body"] ?? ""),
    input: String(row["input"] ?? ""),
    items: String(row["items"] ?? ""),
    events: String(row["events"] ?? ""),
  };
}

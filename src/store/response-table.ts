import type { Row, SqlDatabase, SqlValue } from "./database.ts";
import type { WorkerLease } from "./lease.ts";
import { isReference, loadedText, maxReferenceChars, type LongTexts } from "./long-text.ts";
import type { ResponseRecord, ResponseStore, ResponseText, StoredText } from "./store.ts";

const facts = ["id", "owner", "created_at", "expires_at", "state", "previous_id", "version"];
const allTexts: readonly ResponseText[] = ["body", "input", "items", "output", "events"];

const save = `insert into response (${facts.join(", ")}, holder, bytes, begun_bytes, ${allTexts.join(", ")})
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  on conflict (id) do update set state = excluded.state, version = excluded.version, expires_at = excluded.expires_at,
    holder = excluded.holder, bytes = excluded.bytes, begun_bytes = excluded.begun_bytes,
    ${allTexts.map((text) => `${text} = excluded.${text}`).join(", ")}`;

const end = `update response set state = 'done', body = ?, output = ?, events = ?, bytes = begun_bytes + ?
  where id = ?`;

/** A column that may refer to pieces; what is longer refers to none. */
const referenceIn = (text: ResponseText): string => `substr(${text}, 1, ${maxReferenceChars}) as ${text}`;
const references = allTexts.map(referenceIn).join(", ");
const longBody = `select ${referenceIn("body")} from response where id = ?`;

const forget = `delete from response where id in
  (select id from response where owner = ? and state = 'remembered' order by created_at, id limit ?)
  returning ${references}`;

type ResponseEnds = Pick<ResponseStore, "end" | "orphans" | "endOrphan">;

interface ResponseTableOptions {
  database: SqlDatabase;
  texts: LongTexts;
  lease: WorkerLease;
  /** Milliseconds since the Unix epoch. */
  now: () => number;
}

/** Stored responses; long texts of theirs are written before the row that refers to them, and deleted after it. */
export function responseTable(options: ResponseTableOptions): ResponseStore {
  const { database, texts, lease, now } = options;
  return {
    ...responseEnds(options),
    save: async (record) => {
      const { id, owner, createdAt, expiresAt, state, previousId, version } = record;
      if (state === "running") await lease.acquire();
      const values = [id, owner, createdAt, expiresAt, state, previousId, version, lease.id];
      const all = allTexts.map((text) => record[text]);
      await texts.keep(all, expiresAt, (columns, sizes) => {
        const [, input = 0, items = 0] = sizes;
        return database.run(save, [...values, sum(sizes), input + items, ...columns]);
      });
    },
    get: async (id, owner, wanted = allTexts) => {
      const columns = [...facts, "holder", ...allTexts.filter((text) => wanted.includes(text))].join(", ");
      const sql = `select ${columns} from response where id = ? and owner = ? and expires_at > ?`;
      const [row] = await database.all(sql, [id, owner, now()]);
      return row === undefined ? undefined : responseRecord(row, options);
    },
    usage: async (owner) => {
      const [row] = await database.all("select records, bytes from response_usage where owner = ?", [owner]);
      return { count: Number(row?.["records"] ?? 0), bytes: Number(row?.["bytes"] ?? 0) };
    },
    delete: async (id, owner) => {
      const sql = `delete from response where id = ? and owner = ? returning ${references}`;
      return (await removed(await database.all(sql, [id, owner]), texts)) > 0;
    },
    forgetOldest: async (owner, most) => removed(await database.all(forget, [owner, most]), texts),
    expire: async (before) => {
      const count = await database.run("delete from response where expires_at <= ?", [before]);
      await texts.expire(before);
      return count;
    },
  };
}

/** How what runs comes to its end. */
function responseEnds({ database, texts, lease }: ResponseTableOptions): ResponseEnds {
  return {
    end: ({ id, body, output, events, expiresAt }) =>
      texts.keep([body, output, events], expiresAt, async (columns, sizes) => {
        // only a long body takes the place of another long one: both hold what the request held
        const [before] = isReference(columns[0]) ? await database.all(longBody, [id]) : [];
        const found = await database.run(end, [...columns, sum(sizes), id]);
        await texts.remove(found > 0 ? [String(before?.["body"])] : columns);
      }),
    orphans: async () => {
      const others = "select id, holder from response where state = 'running' and holder <> ?";
      const rows = await database.all(others, [lease.id]);
      if (rows.length === 0) return [];
      const expired = await lease.expired([...new Set(rows.map((row) => String(row["holder"])))]);
      return rows.filter((row) => expired.has(String(row["holder"]))).map((row) => String(row["id"]));
    },
    endOrphan: async (id, ended) => {
      const sql = "select body, expires_at from response where id = ? and state = 'running'";
      const [row] = await database.all(sql, [id]);
      if (row === undefined) return false;
      const before = String(row["body"]);
      const body = await ended(texts.read(before));
      return texts.keep([body], Number(row["expires_at"]), async (columns) => {
        // its process may have ended it meanwhile: that outcome is the true one
        const update = "update response set state = 'done', body = ? where id = ? and state = 'running'";
        const found = (await database.run(update, [...columns, id])) > 0;
        await texts.remove(found ? [before] : columns);
        return found;
      });
    },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/** Deletes the pieces of deleted rows; returns how many rows there were. */
async function removed(rows: readonly Row[], texts: LongTexts): Promise<number> {
  for (const row of rows) await texts.remove(allTexts.map((text) => String(row[text])));
  return rows.length;
}

function stateOf(state: SqlValue | undefined): ResponseRecord["state"] {
  return state === "running" || state === "remembered" ? state : "done";
}

function responseRecord(row: Row, { texts, lease }: Pick<ResponseTableOptions, "texts" | "lease">): ResponseRecord {
  const text = (name: ResponseText): StoredText => {
    const column = row[name];
    return column === undefined ? loadedText("") : texts.read(String(column));
  };
  const state = stateOf(row["state"]);
  const worker = String(row["holder"]);
  return {
    id: String(row["id"]),
    owner: String(row["owner"]),
    createdAt: Number(row["created_at"]),
    expiresAt: Number(row["expires_at"]),
    state,
    ...(state === "running" && worker !== lease.id ? { worker } : {}),
    previousId: row["previous_id"] === null ? null : String(row["previous_id"]),
    version: Number(row["version"]),
    body: text("body"),
    input: text("input"),
    items: text("items"),
    output: text("output"),
    events: text("events"),
  };
}

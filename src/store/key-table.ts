import type { Limits } from "../model/limit.ts";
import { isObject } from "../model/json.ts";
import type { Changes } from "./changes.ts";
import { placeholders, type Row, type SqlDatabase, type SqlRunner, type SqlValue } from "./database.ts";
import { RowCache } from "./row-cache.ts";
import type {
  FoundKey,
  KeyChange,
  KeyRecord,
  KeyStore,
  OrganisationChange,
  OrganisationRecord,
  OrganisationStore,
  NewSecret,
} from "./store.ts";

/** How the fields that may change stand in their columns. */
const keyColumns: Columns<KeyChange> = {
  name: (name) => ["name", name],
  hash: (hash) => ["hash", hash],
  prefix: (prefix) => ["prefix", prefix],
  disabled: (disabled) => ["disabled", disabled ? 1 : 0],
  owner: (owner) => ["owner", owner],
  organisation: (organisation) => ["organisation", organisation],
  // each once: a report counts a request once for each tag
  tags: (tags) => ["tags", JSON.stringify([...new Set(tags)])],
  models: (models) => ["models", listText(models)],
  ranges: (ranges) => ["ranges", listText(ranges)],
  limits: (limits) => ["limits", JSON.stringify(limits)],
  expiresAt: (expiresAt) => ["expires_at", expiresAt],
  declared: (declared) => ["declared", declared ? 1 : 0],
};

const organisationColumns: Columns<OrganisationChange> = {
  name: (name) => ["name", name],
  disabled: (disabled) => ["disabled", disabled ? 1 : 0],
  limits: (limits) => ["limits", JSON.stringify(limits)],
  declared: (declared) => ["declared", declared ? 1 : 0],
};

/** Keys kept in memory; a row takes about a kilobyte. */
const maxKeptKeys = 10_000;

/** What a secret belongs to. */
interface Secret extends FoundKey {
  /** When a secret from before the last rotation ends, in milliseconds since the Unix epoch. */
  endsAt: number | null;
}

export function keyTable(database: SqlDatabase, changes: Changes): KeyStore {
  const secrets = new RowCache<Secret>({ stamp: changes.terms, maxRows: maxKeptKeys });
  return {
    insert: ({ lastUsedAt: _lastUsedAt, oldSecretUntil: _oldSecretUntil, ...record }) =>
      changes.by(
        insert(database, "api_key", [
          ["id", record.id],
          ["created_at", record.createdAt],
          ...cells(keyColumns, record),
        ]),
      ),
    byHash: async (hash, now, otherForm) => {
      const read = (): Promise<Secret | undefined> => secretOf(database, { hash, now, otherForm });
      const [known] = await secrets.get([hash], async () => {
        const found = await read();
        return new Map(found === undefined ? [] : [[hash, found]]);
      });
      // an ended secret may be another key's in its other form
      return known === undefined || known.endsAt === null || known.endsAt > now ? known : read();
    },
    get: async (id) => {
      const [row] = await database.all("select * from api_key where id = ?", [id]);
      return row === undefined ? undefined : keyRecord(row);
    },
    list: async () => (await database.all("select * from api_key order by created_at, id")).map(keyRecord),
    update: (id, change) => changes.by(update(database, "api_key", { id, cells: cells(keyColumns, change) })),
    rotate: (id, secret) => changes.by(rotate(database, id, secret)),
    delete: (id) =>
      changes.by(
        database.transaction(async (inside) => {
          await inside.run("delete from retired_secret where key_id = ?", [id]);
          await keepName(inside, `select 'key', id, name, owner, tags from api_key where id = ?`, id);
          return (await inside.run("delete from api_key where id = ?", [id])) > 0;
        }),
      ),
  };
}

function rotate(database: SqlDatabase, id: string, { hash, prefix, oldSecretUntil }: NewSecret): Promise<boolean> {
  return database.transaction(async (inside) => {
    if (oldSecretUntil === null) await inside.run("delete from retired_secret where key_id = ?", [id]);
    else {
      const sql = "insert into retired_secret (hash, key_id, expires_at) select hash, id, ? from api_key where id = ?";
      await inside.run(sql, [oldSecretUntil, id]);
    }
    const values = [hash, prefix, oldSecretUntil, id];
    const changed = await inside.run(
      "update api_key set hash = ?, prefix = ?, old_secret_until = ? where id = ?",
      values,
    );
    return changed > 0;
  });
}

export function organisationTable(database: SqlDatabase, changes: Changes): OrganisationStore {
  return {
    insert: (record) =>
      changes.by(
        insert(database, "organisation", [
          ["id", record.id],
          ["created_at", record.createdAt],
          ...cells(organisationColumns, record),
        ]),
      ),
    get: async (id) => {
      const [row] = await database.all("select * from organisation where id = ?", [id]);
      return row === undefined ? undefined : organisationRecord(row);
    },
    list: async () =>
      (await database.all("select * from organisation order by created_at, id")).map(organisationRecord),
    update: (id, change) =>
      changes.by(update(database, "organisation", { id, cells: cells(organisationColumns, change) })),
    delete: (id) =>
      changes.by(
        database.transaction(async (inside) => {
          await keepName(inside, `select 'organisation', id, name, '', '[]' from organisation where id = ?`, id);
          await inside.run("update api_key set organisation = null where organisation = ?", [id]);
          return (await inside.run("delete from organisation where id = ?", [id])) > 0;
        }),
      ),
  };
}

/** Own secrets before those from before a rotation, in the first form before the other. */
const bySecret = `select k.*, o.name as organisation_name, o.created_at as organisation_created_at,
    o.disabled as organisation_disabled, o.limits as organisation_limits, o.declared as organisation_declared, s.ends_at
  from (select id as key_id, hash as secret, 0 as retired, null as ends_at from api_key where hash in (?, ?)
    union all select key_id, hash, 1, expires_at from retired_secret where hash in (?, ?) and expires_at > ?) s
  join api_key k on k.id = s.key_id left join organisation o on o.id = k.organisation
  order by case when s.secret = ? then 0 else 1 end, s.retired limit 1`;

async function secretOf(
  database: SqlDatabase,
  { hash, now, otherForm }: { hash: string; now: number; otherForm: (() => string) | undefined },
): Promise<Secret | undefined> {
  const other = otherForm?.() ?? hash;
  const [row] = await database.all(bySecret, [hash, other, hash, other, now, hash]);
  if (row === undefined) return undefined;
  return { key: keyRecord(row), organisation: joinedOrganisation(row), endsAt: time(row["ends_at"]) };
}

/** Keeps what reports show of one that is about to be deleted; `labels` selects it. */
async function keepName(inside: SqlRunner, labels: string, id: string): Promise<void> {
  await inside.run(
    `insert into former_name (kind, id, name, owner, tags) ${labels}
     on conflict (kind, id) do update set name = excluded.name, owner = excluded.owner, tags = excluded.tags`,
    [id],
  );
}

type Cell = [column: string, value: SqlValue];
type Columns<Change> = { [Field in keyof Change]-?: (value: Exclude<Change[Field], undefined>) => Cell };

/** The cells of the fields that are given. */
function cells<Change extends object>(columns: Columns<Change>, change: Change): Cell[] {
  const fields = (Object.keys(columns) as (keyof Change)[]).filter((field) => change[field] !== undefined);
  return fields.map((field) => columns[field](change[field] as Exclude<Change[typeof field], undefined>));
}

async function insert(database: SqlDatabase, table: string, row: readonly Cell[]): Promise<void> {
  const names = row.map(([column]) => column).join(", ");
  const values = row.map(([, value]) => value);
  await database.run(`insert into ${table} (${names}) values ${placeholders(1, row.length)}`, values);
}

/** Touches only what is given, so that two changes at once do not undo each other. Whether there was such a row. */
async function update(database: SqlDatabase, table: string, change: { id: string; cells: Cell[] }): Promise<boolean> {
  const sets = ["id = id", ...change.cells.map(([column]) => `${column} = ?`)].join(", ");
  const values = [...change.cells.map(([, value]) => value), change.id];
  return (await database.run(`update ${table} set ${sets} where id = ?`, values)) > 0;
}

function listText(list: readonly string[] | null): string | null {
  return list === null ? null : JSON.stringify(list);
}

function keyRecord(row: Row): KeyRecord {
  return {
    id: String(row["id"]),
    name: String(row["name"]),
    hash: String(row["hash"]),
    prefix: String(row["prefix"]),
    createdAt: Number(row["created_at"]),
    disabled: Number(row["disabled"]) !== 0,
    owner: String(row["owner"]),
    organisation: row["organisation"] === null ? null : String(row["organisation"]),
    tags: list(row["tags"]) ?? [],
    models: list(row["models"]),
    ranges: list(row["ranges"]),
    limits: limits(row["limits"]),
    expiresAt: time(row["expires_at"]),
    lastUsedAt: time(row["last_used_at"]),
    oldSecretUntil: time(row["old_secret_until"]),
    declared: Number(row["declared"]) !== 0,
  };
}

function organisationRecord(row: Row): OrganisationRecord {
  return {
    id: String(row["id"]),
    name: String(row["name"]),
    createdAt: Number(row["created_at"]),
    disabled: Number(row["disabled"]) !== 0,
    limits: limits(row["limits"]),
    declared: Number(row["declared"]) !== 0,
  };
}

function joinedOrganisation(row: Row): OrganisationRecord | undefined {
  if (row["organisation_name"] === null) return undefined;
  return organisationRecord({
    id: row["organisation"] ?? null,
    name: row["organisation_name"] ?? null,
    created_at: row["organisation_created_at"] ?? null,
    disabled: row["organisation_disabled"] ?? null,
    limits: row["organisation_limits"] ?? null,
    declared: row["organisation_declared"] ?? null,
  });
}

/** Throws for a text that is not a JSON list of texts. */
function list(value: SqlValue | undefined): readonly string[] | null {
  if (value === null) return null;
  const read: unknown = JSON.parse(String(value));
  const isText = (one: unknown): one is string => typeof one === "string";
  if (!Array.isArray(read) || !read.every(isText)) throw new Error("a stored list of a key is not a list of texts");
  return read;
}

/** Throws for a text that is not a JSON object of numbers. */
function limits(value: SqlValue | undefined): Limits {
  const read: unknown = JSON.parse(String(value));
  if (!isObject(read) || Object.values(read).some((one) => typeof one !== "number"))
    throw new Error("the stored limits of a key or an organisation are not numbers by name");
  return read;
}

function time(value: SqlValue | undefined): number | null {
  return value === null ? null : Number(value);
}

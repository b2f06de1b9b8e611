import type { Limits } from "../model/limit.ts";
import { placeholders, type Row, type SqlDatabase, type SqlValue } from "./database.ts";
import type { KeyRecord, KeyStore, OrganisationRecord, OrganisationStore } from "./store.ts";

/** What of a key may change, in the order of `changeable`. */
const changing = "name, hash, prefix, disabled, owner, organisation, tags, models, ranges, limits, expires_at";
const changingCount = changing.split(",").length;

export function keyTable(database: SqlDatabase): KeyStore {
  return {
    insert: async (record) => {
      const sql = `insert into api_key (id, created_at, ${changing}) values ${placeholders(1, changingCount + 2)}`;
      await database.run(sql, [record.id, record.createdAt, ...changeable(record)]);
    },
    byHash: async (hash) => {
      const [row] = await database.all(
        `select k.*, o.name as organisation_name, o.created_at as organisation_created_at,
           o.disabled as organisation_disabled, o.limits as organisation_limits
         from api_key k left join organisation o on o.id = k.organisation where k.hash = ?`,
        [hash],
      );
      return row === undefined ? undefined : { key: keyRecord(row), organisation: joinedOrganisation(row) };
    },
    get: async (id) => {
      const [row] = await database.all("select * from api_key where id = ?", [id]);
      return row === undefined ? undefined : keyRecord(row);
    },
    list: async () => (await database.all("select * from api_key order by created_at, id")).map(keyRecord),
    update: async (record) => {
      const sets = changing.split(", ").map((column) => `${column} = ?`);
      const values = [...changeable(record), record.id];
      return (await database.run(`update api_key set ${sets.join(", ")} where id = ?`, values)) > 0;
    },
    delete: async (id) => (await database.run("delete from api_key where id = ?", [id])) > 0,
  };
}

export function organisationTable(database: SqlDatabase): OrganisationStore {
  return {
    insert: async ({ id, name, createdAt, disabled, limits }) => {
      await database.run("insert into organisation (id, name, created_at, disabled, limits) values (?, ?, ?, ?, ?)", [
        id,
        name,
        createdAt,
        disabled ? 1 : 0,
        JSON.stringify(limits),
      ]);
    },
    get: async (id) => {
      const [row] = await database.all("select * from organisation where id = ?", [id]);
      return row === undefined ? undefined : organisationRecord(row);
    },
    list: async () =>
      (await database.all("select * from organisation order by created_at, id")).map(organisationRecord),
    update: async ({ id, name, disabled, limits }) => {
      const values = [name, disabled ? 1 : 0, JSON.stringify(limits), id];
      return (
        (await database.run("update organisation set name = ?, disabled = ?, limits = ? where id = ?", values)) > 0
      );
    },
    delete: (id) =>
      database.transaction(async (inside) => {
        await inside.run("update api_key set organisation = null where organisation = ?", [id]);
        return (await inside.run("delete from organisation where id = ?", [id])) > 0;
      }),
  };
}

function changeable(record: KeyRecord): SqlValue[] {
  const { name, hash, prefix, disabled, owner, organisation, expiresAt } = record;
  const { tags, models, ranges, limits } = record;
  return [
    ...[name, hash, prefix, disabled ? 1 : 0, owner, organisation],
    ...[JSON.stringify(tags), listText(models), listText(ranges), JSON.stringify(limits), expiresAt],
  ];
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
  };
}

function organisationRecord(row: Row): OrganisationRecord {
  return {
    id: String(row["id"]),
    name: String(row["name"]),
    createdAt: Number(row["created_at"]),
    disabled: Number(row["disabled"]) !== 0,
    limits: limits(row["limits"]),
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
  });
}

function list(value: SqlValue | undefined): readonly string[] | null {
  return value === null ? null : (JSON.parse(String(value)) as string[]);
}

function limits(value: SqlValue | undefined): Limits {
  return JSON.parse(String(value)) as Limits;
}

function time(value: SqlValue | undefined): number | null {
  return value === null ? null : Number(value);
}

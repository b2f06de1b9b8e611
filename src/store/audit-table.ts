import type { AuditRecord, AuditStore } from "./audit-store.ts";
import type { Row, SqlDatabase, SqlValue } from "./database.ts";

/** The statements of its migration are landed. */
export const auditStatements: readonly string[] = [
  `create table audit (
    id text primary key,
    at bigint not null,
    actor text not null,
    action text not null,
    target text not null,
    change text not null
  )`,
  "create index audit_time on audit (at, id)",
  "create index audit_target on audit (target, at, id)",
];

export function auditTable(database: SqlDatabase): AuditStore {
  return {
    add: async ({ id, at, actor, action, target, change }) => {
      const sql = "insert into audit (id, at, actor, action, target, change) values (?, ?, ?, ?, ?, ?)";
      await database.run(sql, [id, at, actor, action, target, change]);
    },
    list: async ({ limit, actor, target, after }) => {
      const asked: [sql: string, values: readonly (SqlValue | undefined)[]][] = [
        ["actor = ?", [actor]],
        ["target = ?", [target]],
        ["(at, id) < (?, ?)", [after?.at, after?.id]],
      ];
      const conditions = asked.filter(([, [first]]) => first !== undefined);
      const where = conditions.length === 0 ? "" : `where ${conditions.map(([sql]) => sql).join(" and ")}`;
      const sql = `select * from audit ${where} order by at desc, id desc limit ?`;
      const values = conditions.flatMap(([, given]) => given).filter((value) => value !== undefined);
      return (await database.all(sql, [...values, limit])).map(auditRecord);
    },
  };
}

function auditRecord(row: Row): AuditRecord {
  const text = (name: string): string => String(row[name]);
  return {
    id: text("id"),
    at: Number(row["at"]),
    actor: text("actor"),
    action: text("action"),
    target: text("target"),
    change: text("change"),
  };
}

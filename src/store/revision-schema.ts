/**
 * Migration 17: everything that makes a request of a key another one (keys, organisations, secrets, budgets, and whether there
 * is a balance) has a revision, so that rows in memory are known to be those of the database. SQLite counts it in a row;
 * PostgreSQL notifies those who listen. Triggers do it, so that no writer can forget it, of whatever version. The texts are
 * landed.
 */
const budgets = ["budget_day", "budget_week", "budget", "budget_total"];
/** Spending changes the amount of a balance all the time, and never whether there is one. */
const otherTerms = [
  "(old.balance is null) <> (new.balance is null)",
  "old.subject <> new.subject",
  ...budgets.map((column) => `old.${column} is distinct from new.${column}`),
].join(" or ");
const hasTerms = (row: "old" | "new"): string =>
  ["balance", ...budgets].map((column) => `${row}.${column} is not null`).join(" or ");

/** When a change of a table is one of the revision; only the ledger writes when a key was last used. */
const revised: readonly (readonly [table: string, event: string, condition: string])[] = [
  ["api_key", "insert", "true"],
  ["api_key", "update", "old.last_used_at is not distinct from new.last_used_at"],
  ["api_key", "delete", "true"],
  ...["insert", "update", "delete"].map((event) => ["organisation", event, "true"] as const),
  ...["insert", "update", "delete"].map((event) => ["retired_secret", event, "true"] as const),
  ["account", "insert", hasTerms("new")],
  ["account", "update", otherTerms],
  ["account", "delete", hasTerms("old")],
];

/**
 * The tables in the order in which transactions write to them: older processes that still serve would otherwise wait for the
 * migration while it waits for them.
 */
const lock = "lock table account, retired_secret, api_key, organisation in share row exclusive mode";

/** The channel that PostgreSQL notifies. */
export const revisionChannel = "parley_revision";

export const revisionMigration = {
  statements: [],
  sqlite: [
    "create table revision (number bigint not null)",
    "insert into revision (number) values (0)",
    ...revised.map(
      ([
        table,
        event,
        condition,
      ]) => `create trigger ${table}_${event}_revised after ${event} on ${table} when ${condition}
  begin update revision set number = number + 1; end`,
    ),
  ],
  postgres: [
    lock,
    `create function parley_revise() returns trigger language plpgsql as $body$
begin
  perform pg_notify('parley_revision', '');
  return null;
end $body$`,
    ...revised.map(
      ([table, event, condition]) => `create trigger ${table}_${event}_revised after ${event} on ${table}
  for each row when (${condition}) execute function parley_revise()`,
    ),
  ],
};

/**
 * Tables, as numbered migrations: each runs once, in order, in one transaction; a landed one is never edited.
 * Statements keep to what SQLite and PostgreSQL share.
 */
export const migrations: readonly { number: number; statements: readonly string[] }[] = [
  {
    number: 1,
    statements: [
      `create table api_key (
        id text primary key,
        name text not null,
        hash text not null unique,
        prefix text not null,
        created_at bigint not null,
        disabled integer not null default 0
      )`,
    ],
  },
];

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
  {
    number: 2,
    statements: [
      `create table response (
        id text primary key,
        owner text not null,
        created_at bigint not null,
        expires_at bigint not null,
        state text not null,
        previous_id text,
        body text not null,
        input text not null,
        items text not null,
        events text not null
      )`,
      "create index response_expiry on response (expires_at)",
      "create index response_state on response (state)",
      "create table setting (name text primary key, value text not null)",
    ],
  },
];

import { noticeStatements, periodMigration, reportStatements, secretStatements } from "./account-schema.ts";
import { auditStatements } from "./audit-table.ts";
import { limitStatements } from "./limit-schema.ts";
import { moneyStatements } from "./money-schema.ts";
import { revisionMigration } from "./revision-schema.ts";
import { usageMigration } from "./usage-schema.ts";

export interface Migration {
  number: number;
  /** Keep to what SQLite and PostgreSQL share. */
  statements: readonly string[];
  /** What only one of them can. */
  sqlite?: readonly string[];
  postgres?: readonly string[];
  /**
   * The migration up to which a program must know the tables to go on with them after this one; default this one. One that only
   * adds what earlier programs do not see names the one before, so that old and new processes can serve side by side.
   */
  worksFrom?: number;
}

/**
 * Tables, as numbered migrations: each runs once, in order, all in one transaction; a landed one is never edited.
 * Times are milliseconds since the Unix epoch, money is millionths of a dollar, lists and records are JSON texts.
 */
export const migrations: readonly Migration[] = [
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
  {
    number: 3,
    statements: [
      // their hashes had no secret in them: no such key could be found again
      "delete from api_key",
      "alter table api_key add column owner text not null default ''",
      "alter table api_key add column organisation text",
      "alter table api_key add column tags text not null default '[]'",
      "alter table api_key add column models text",
      "alter table api_key add column ranges text",
      "alter table api_key add column limits text not null default '{}'",
      "alter table api_key add column expires_at bigint",
      "alter table api_key add column last_used_at bigint",
      `create table organisation (
        id text primary key,
        name text not null,
        created_at bigint not null,
        disabled integer not null default 0,
        limits text not null default '{}'
      )`,
      "create table account (subject text primary key, balance bigint, budget bigint)",
      `create table spend (
        subject text not null,
        month integer not null,
        cost bigint not null,
        primary key (subject, month)
      )`,
      `create table ledger (
        id text primary key,
        request text not null,
        at bigint not null,
        key_id text not null,
        organisation text,
        model text not null,
        engine text not null,
        tier text not null,
        outcome text not null,
        input bigint not null,
        cached bigint not null,
        output bigint not null,
        reasoning bigint not null,
        cost bigint not null
      )`,
      "create index ledger_time on ledger (at)",
      "create index ledger_key on ledger (key_id, at)",
    ],
  },
  {
    number: 4,
    statements: [
      `create table uploaded_file (
        id bigint primary key,
        owner text not null,
        filename text not null,
        purpose text not null,
        mime text not null,
        bytes bigint not null,
        created_at bigint not null,
        expires_at bigint not null,
        ready integer not null
      )`,
      "create index uploaded_file_owner on uploaded_file (owner, expires_at)",
      "create index uploaded_file_expiry on uploaded_file (expires_at)",
    ],
  },
  // limits of several processes: SQLite serves one, which counts in its own memory
  { number: 5, statements: [], postgres: limitStatements },
  {
    number: 6,
    statements: [
      "create table holder (id text primary key, renewed_at bigint not null)",
      "alter table response add column holder text not null default ''",
    ],
  },
  // what runs is looked for every few seconds: without the texts of the rows
  {
    number: 7,
    statements: ["create index response_running on response (holder, id) where state = 'running'"],
  },
  // money that answers under way reserve: SQLite serves one process, which holds them in its own memory
  { number: 8, statements: [], postgres: moneyStatements },
  { number: 9, ...usageMigration },
  // what is only remembered gives way to what is stored, the oldest first
  {
    number: 10,
    statements: ["create index response_remembered on response (owner, created_at, id) where state = 'remembered'"],
  },
  { number: 11, statements: auditStatements },
  { number: 12, statements: reportStatements },
  { number: 13, ...periodMigration },
  { number: 14, statements: noticeStatements },
  { number: 15, statements: secretStatements },
  // long texts in pieces, so that they are written and read a piece at a time; and a version of what a row's texts hold
  {
    number: 16,
    statements: [
      `create table response_piece (
        text_id text not null,
        number integer not null,
        expires_at bigint not null,
        piece text not null,
        primary key (text_id, number)
      )`,
      "create index response_piece_expiry on response_piece (expires_at)",
      "alter table response add column output text not null default ''",
      "alter table response add column version integer not null default 0",
      "alter table response add column begun_bytes bigint not null default 0",
    ],
  },
  // triggers, which see what earlier programs change as well
  { number: 17, worksFrom: 16, ...revisionMigration },
  // where other processes reach the one that makes a response; empty: not at all
  { number: 18, worksFrom: 16, statements: ["alter table holder add column url text not null default ''"] },
];

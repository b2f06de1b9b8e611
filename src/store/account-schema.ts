/**
 * Migrations of keys, money and the ledger after the tenth. Their texts are landed and never edited.
 */

/**
 * Names of deleted keys and organisations, so that reports keep them; sums by the hour of ledger rows that were deleted
 * for their age; and an index that finds one request of the ledger.
 */
export const reportStatements: readonly string[] = [
  `create table former_name (
    kind text not null,
    id text not null,
    name text not null,
    owner text not null,
    tags text not null,
    primary key (kind, id)
  )`,
  `create table usage_hour (
    hour bigint not null,
    key_id text not null,
    organisation text not null,
    model text not null,
    engine text not null,
    requests bigint not null,
    failed bigint not null,
    canceled bigint not null,
    input bigint not null,
    cached bigint not null,
    output bigint not null,
    reasoning bigint not null,
    cost bigint not null,
    primary key (hour, key_id, organisation, model, engine)
  )`,
  "create index ledger_request on ledger (request)",
  "create index ledger_organisation on ledger (organisation, at) where organisation is not null",
];

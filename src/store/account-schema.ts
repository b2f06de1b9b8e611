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

/**
 * Budgets of a day, a week and for good beside that of a month, and what each subject spent in the current periods, in the
 * one row that every request reads: days and weeks since 1970, the month as 202611. The table `spend` stays for earlier
 * versions that run beside this one while processes are exchanged. The day and the week begin with nothing.
 */
export const periodMigration = {
  statements: [
    ...["budget_day", "budget_week", "budget_total"].map((column) => `alter table account add column ${column} bigint`),
    ...["day", "day_cost", "week", "week_cost", "month", "month_cost", "total_cost"].map(
      (column) => `alter table account add column ${column} bigint not null default 0`,
    ),
    `insert into account (subject, month, month_cost, total_cost)
      select s.subject, s.month, s.cost, (select sum(t.cost) from spend t where t.subject = s.subject)
      from spend s where s.month = (select max(t.month) from spend t where t.subject = s.subject)
      on conflict (subject) do update set
        month = excluded.month, month_cost = excluded.month_cost, total_cost = excluded.total_cost`,
  ],
  postgres: [
    // reserves like parley_hold of migration 8, whose comment describes the rest; `periods` has the numbers of the current ones
    `create function parley_reserve(accounts jsonb, periods jsonb, hold text, cost bigint)
      returns jsonb language plpgsql as $body$
declare
  one jsonb;
  now_second bigint;
  unspent bigint;
  taken bigint;
  exceeds boolean;
  refused text := null;
  held boolean := false;
begin
  for one in select value from jsonb_array_elements(accounts) order by value->>'subject' loop
    perform pg_advisory_xact_lock(hashtextextended('money ' || (one->>'subject'), 7237));
  end loop;
  now_second := floor(extract(epoch from clock_timestamp()));
  for one in select value from jsonb_array_elements(accounts) loop
    select least(
        a.balance,
        coalesce(a.budget_day, (one->'budgets'->>'day')::bigint)
          - case when a.day = (periods->>'day')::bigint then a.day_cost else 0 end,
        coalesce(a.budget_week, (one->'budgets'->>'week')::bigint)
          - case when a.week = (periods->>'week')::bigint then a.week_cost else 0 end,
        coalesce(a.budget, (one->'budgets'->>'month')::bigint)
          - case when a.month = (periods->>'month')::bigint then a.month_cost else 0 end,
        coalesce(a.budget_total, (one->'budgets'->>'total')::bigint) - coalesce(a.total_cost, 0)
      ), h.amount, h.exceeding
      into unspent, taken, exceeds
      from (select coalesce(sum(amount), 0)::bigint as amount, coalesce(bool_or(exceeding), false) as exceeding
            from money_hold where subject = one->>'subject' and renewed > now_second - 30) h
      left join account a on a.subject = one->>'subject';
    if unspent is null then
      continue;
    elsif unspent <= 0 then
      refused := 'spent';
    elsif cost > 0 and taken + cost > unspent and (exceeds or taken >= unspent) then
      refused := 'held';
    elsif cost > 0 then
      insert into money_hold (id, subject, amount, exceeding, renewed)
        values (hold, one->>'subject', least(cost, unspent - taken), taken + cost > unspent, now_second);
      held := true;
    end if;
    exit when refused is not null;
  end loop;
  if refused is not null and held then
    delete from money_hold where id = hold;
    held := false;
  end if;
  return jsonb_build_object('refused', refused, 'held', held);
end $body$`,
  ],
};

/** Which alerts were raised: once by all processes. */
export const noticeStatements: readonly string[] = ["create table notice (name text primary key, at bigint not null)"];

/** Secrets of keys that were exchanged and still work for a time, and which keys and organisations the settings declare. */
export const secretStatements: readonly string[] = [
  "create table retired_secret (hash text primary key, key_id text not null, expires_at bigint not null)",
  "create index retired_secret_key on retired_secret (key_id)",
  "alter table api_key add column old_secret_until bigint",
  "alter table api_key add column declared integer not null default 0",
  "alter table organisation add column declared integer not null default 0",
];

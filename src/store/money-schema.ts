/**
 * Migration 8, for PostgreSQL only: one row for each account that an answer under way reserves money from. Its text is
 * landed: it holds its own number (30 seconds without a renewal), so that no constant changes it.
 *
 * One call reserves from all accounts or from none, under locks in the order of their names. What is left and what is
 * held are read by one statement, because the ledger takes a cost from the balance and deletes its reservation later.
 */
const holdFunction = `create function parley_hold(accounts jsonb, hold text, cost bigint, this_month integer)
  returns jsonb language plpgsql as $body$
declare
  one jsonb;
  now_second bigint;
  balance_left bigint;
  budget_left bigint;
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
    select a.balance, coalesce(a.budget, (one->>'budget')::bigint) - coalesce(s.cost, 0), h.amount, h.exceeding
      into balance_left, budget_left, taken, exceeds
      from (select coalesce(sum(amount), 0)::bigint as amount, coalesce(bool_or(exceeding), false) as exceeding
            from money_hold where subject = one->>'subject' and renewed > now_second - 30) h
      left join account a on a.subject = one->>'subject'
      left join spend s on s.subject = one->>'subject' and s.month = this_month;
    unspent := least(balance_left, budget_left);
    if unspent is null then
      continue;
    elsif unspent <= 0 then
      refused := case when balance_left <= 0 then 'balance' else 'budget' end;
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
end $body$`;

export const moneyStatements: readonly string[] = [
  `create table money_hold (
    id text not null,
    subject text not null,
    amount bigint not null,
    exceeding boolean not null,
    renewed bigint not null,
    primary key (id, subject)
  )`,
  "create index money_hold_subject on money_hold (subject, renewed)",
  holdFunction,
];

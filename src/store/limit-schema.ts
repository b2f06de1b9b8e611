/**
 * Migration 5, for PostgreSQL only. Its text is landed: it holds its own numbers (61 seconds of a window, 30 of a stream),
 * so that no constant changes it. Other numbers need a new migration that replaces the function.
 *
 * One call takes all claims or none. The locks are taken in the order of the names, so that two calls never wait for
 * each other; under them every statement sees what was committed before, so that no two processes pass a limit together.
 */
const claimFunction = `create function parley_claim(claims jsonb, stream_id text) returns jsonb language plpgsql as $body$
declare
  claim jsonb;
  exact numeric;
  now_slot bigint;
  held bigint;
  last_slot bigint;
  free_slot bigint;
  place integer := 0;
  refused integer := -1;
  wait numeric := 0;
  used jsonb := '[]';
begin
  for claim in select value from jsonb_array_elements(claims) order by value->>'name' loop
    perform pg_advisory_xact_lock(hashtextextended(claim->>'name', 7237));
  end loop;
  exact := extract(epoch from clock_timestamp());
  now_slot := floor(exact);
  for claim in select value from jsonb_array_elements(claims) loop
    if claim->>'kind' = 'stream' then
      select count(*), null into held, last_slot from limit_stream
        where name = claim->>'name' and renewed > now_slot - 30;
    else
      select coalesce(sum(amount), 0), max(slot) filter (where amount > 0) into held, last_slot from limit_use
        where name = claim->>'name' and slot > now_slot - 61;
    end if;
    used := used || jsonb_build_object('amount', held, 'reset', coalesce(last_slot + 61 - exact, 0));
    if refused < 0 and held + (claim->>'amount')::bigint > (claim->>'most')::bigint then
      refused := place;
      select min(old.slot) into free_slot from limit_use old
        where old.name = claim->>'name' and old.slot > now_slot - 61
          and (select coalesce(sum(later.amount), 0) from limit_use later
               where later.name = old.name and later.slot > old.slot)
            <= (claim->>'most')::bigint - (claim->>'amount')::bigint;
      wait := coalesce(free_slot + 61 - exact, 1);
    end if;
    place := place + 1;
  end loop;
  if refused < 0 then
    insert into limit_use (name, slot, amount)
      select value->>'name', now_slot, (value->>'amount')::bigint from jsonb_array_elements(claims)
      where value->>'kind' = 'window'
      on conflict (name, slot) do update set amount = limit_use.amount + excluded.amount;
    insert into limit_stream (id, name, renewed)
      select stream_id, value->>'name', now_slot from jsonb_array_elements(claims) where value->>'kind' = 'stream';
  end if;
  return jsonb_build_object('refused', refused, 'wait', wait, 'used', used, 'slot', now_slot);
end $body$`;

export const limitStatements: readonly string[] = [
  "create table limit_use (name text not null, slot bigint not null, amount bigint not null, primary key (name, slot))",
  "create index limit_use_slot on limit_use (slot)",
  "create table limit_stream (id text not null, name text not null, renewed bigint not null, primary key (id, name))",
  "create index limit_stream_name on limit_stream (name, renewed)",
  claimFunction,
];

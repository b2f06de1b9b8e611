/**
 * Migration 9: how much the stored responses of each owner take, kept by triggers, so that a quota is one row to read.
 * Rows from before count as responses of 0 bytes. The texts are landed.
 */
const added = `insert into response_usage (owner, records, bytes) values (new.owner, 1, new.bytes)
  on conflict (owner) do update set records = response_usage.records + 1, bytes = response_usage.bytes + excluded.bytes`;
const changed = "update response_usage set bytes = bytes + new.bytes - old.bytes where owner = new.owner";
const removed = "update response_usage set records = records - 1, bytes = bytes - old.bytes where owner = old.owner";

export const usageMigration = {
  statements: [
    "alter table response add column bytes bigint not null default 0",
    "create table response_usage (owner text primary key, records bigint not null, bytes bigint not null)",
    "insert into response_usage (owner, records, bytes) select owner, count(*), 0 from response group by owner",
  ],
  sqlite: [
    `create trigger response_added after insert on response begin ${added}; end`,
    `create trigger response_changed after update of bytes on response begin ${changed}; end`,
    `create trigger response_removed after delete on response begin ${removed}; end`,
  ],
  postgres: [
    `create function parley_count_response() returns trigger language plpgsql as $body$
begin
  if tg_op = 'INSERT' then
    ${added};
  elsif tg_op = 'UPDATE' then
    ${changed};
  else
    ${removed};
  end if;
  return null;
end $body$`,
    `create trigger response_counted after insert or update of bytes or delete on response
  for each row execute function parley_count_response()`,
  ],
};

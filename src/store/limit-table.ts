import { windowSeconds } from "../model/limit.ts";
import type { SqlDatabase } from "./database.ts";
import { moneyTable } from "./money-table.ts";
import type { LimitAnswer, LimitClaim, LimitStore } from "./store.ts";

/** Seconds after which a stream that no one renewed no longer counts, as in the function. */
const streamSeconds = 30;
const nowSlot = "floor(extract(epoch from clock_timestamp()))::bigint";

/** Counters in PostgreSQL, whose tables are there; every call is one round trip. `close` closes the database. */
export function limitTable(database: SqlDatabase): LimitStore {
  const claim = async (claims: readonly LimitClaim[], streamId: string): Promise<LimitAnswer> => {
    const values = [JSON.stringify(claims), streamId];
    const [row] = await database.all("select parley_claim(?::jsonb, ?)::text as answer", values);
    return JSON.parse(String(row?.["answer"])) as LimitAnswer;
  };
  return {
    money: moneyTable(database),
    claim,
    peek: async (claims) => {
      const [first] = claims;
      if (first === undefined) return { refused: -1, wait: 0, used: [], slot: 0 };
      // a last claim that nothing fits: the function then takes none of them
      const answer = await claim([...claims, { name: first.name, kind: "window", amount: 1, most: 0 }], "");
      return answer.refused === claims.length ? { ...answer, refused: -1, wait: 0 } : answer;
    },
    correct: async (changes) => {
      if (changes.length === 0) return;
      // a slot never falls below nothing; what was used beyond the estimate is used now
      await database.run(
        `with change as (select value->>'name' as name, (value->>'slot')::bigint as slot, (value->>'by')::bigint as by
           from jsonb_array_elements(?::jsonb)),
         less as (update limit_use set amount = greatest(0, limit_use.amount + change.by) from change
           where limit_use.name = change.name and limit_use.slot = change.slot and change.by < 0)
         insert into limit_use (name, slot, amount) select name, ${nowSlot}, by from change where by > 0
         on conflict (name, slot) do update set amount = limit_use.amount + excluded.amount`,
        [JSON.stringify(changes)],
      );
    },
    release: async (ids) => {
      await database.run("delete from limit_stream where id in (select jsonb_array_elements_text(?::jsonb))", [
        JSON.stringify(ids),
      ]);
    },
    renew: async (ids) => {
      await database.run(
        `update limit_stream set renewed = ${nowSlot} where id in (select jsonb_array_elements_text(?::jsonb))`,
        [JSON.stringify(ids)],
      );
    },
    close: () => database.close(),
    sweep: async () => {
      await database.run(`delete from limit_use where slot <= ${nowSlot} - ${windowSeconds}`);
      await database.run(`delete from limit_stream where renewed <= ${nowSlot} - ${streamSeconds}`);
    },
  };
}

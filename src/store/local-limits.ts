import { periods } from "../model/account.ts";
import { windowSeconds } from "../model/limit.ts";
import type { SqlDatabase, SqlRunner } from "./database.ts";
import type {
  AccountStore,
  LimitAnswer,
  LimitClaim,
  LimitStore,
  MoneyAnswer,
  MoneyClaim,
  MoneyStore,
} from "./store.ts";

/**
 * Counters that the processes of one machine share: an SQLite file of its own, so that counting does not wait behind what is
 * stored. What the functions of PostgreSQL do (limit-schema.ts, account-schema.ts) is done here under its one write lock.
 * The clock is the machine's monotonic one, the same for all processes and never set; rows from before a start of the
 * machine lie ahead of it, and do not count.
 */

/** Seconds after which streams and reservations that no one renewed do not count. */
const leaseSeconds = 30;

const tables = [
  "create table if not exists limit_use (name text, slot integer, amount integer, primary key (name, slot)) without rowid",
  "create table if not exists limit_stream (id text, name text, renewed integer, primary key (id, name)) without rowid",
  "create index if not exists limit_stream_name on limit_stream (name)",
  `create table if not exists money_hold (id text, subject text, amount integer, exceeding integer, renewed integer,
    primary key (id, subject)) without rowid`,
  "create index if not exists money_hold_subject on money_hold (subject)",
];

const among = "in (select value from json_each(?))";
const addUse = `insert into limit_use (name, slot, amount) values (?, ?, ?)
  on conflict (name, slot) do update set amount = amount + excluded.amount`;

/** Seconds since any moment; the same in every process of the machine. */
function machineSeconds(): number {
  const [seconds, nanos] = process.hrtime();
  return seconds + nanos / 1e9;
}

/** `accounts`: read anew each time. `seconds`: a clock that all processes share. */
export async function localLimitStore(
  database: SqlDatabase,
  accounts: Pick<AccountStore, "read">,
  seconds: () => number = machineSeconds,
): Promise<LimitStore> {
  // nothing in it is worth more than the running processes
  await database.all("pragma synchronous = off");
  for (const statement of tables) await database.run(statement);
  const second = (): number => Math.floor(seconds());
  return {
    money: localMoney(database, accounts, second),
    claim: (claims, streamId) =>
      database.transaction(async (inside) => {
        const answer = await usage(inside, claims, seconds());
        if (answer.refused < 0) await take(inside, { claims, streamId, slot: answer.slot });
        return answer;
      }),
    peek: (claims) => usage(database, claims, seconds()),
    correct: (changes) =>
      database.transaction(async (inside) => {
        const less = "update limit_use set amount = max(0, amount + ?) where name = ? and slot = ?";
        for (const { name, slot, by } of changes) {
          // what was used beyond the estimate is used now
          await (by < 0 ? inside.run(less, [by, name, slot]) : inside.run(addUse, [name, second(), by]));
        }
      }),
    release: async (ids) =>
      void (await database.run(`delete from limit_stream where id ${among}`, [JSON.stringify(ids)])),
    renew: async (ids) => {
      await database.run(`update limit_stream set renewed = ? where id ${among}`, [second(), JSON.stringify(ids)]);
    },
    sweep: async () => {
      const now = second();
      await database.run("delete from limit_use where slot <= ? or slot > ?", [now - windowSeconds, now]);
      await database.run("delete from limit_stream where renewed <= ? or renewed > ?", [now - leaseSeconds, now]);
    },
    close: () => database.close(),
  };
}

async function usage(runner: SqlRunner, claims: readonly LimitClaim[], exact: number): Promise<LimitAnswer> {
  const slot = Math.floor(exact);
  const used: { amount: number; reset: number }[] = [];
  let [refused, wait] = [-1, 0];
  for (const [index, claim] of claims.entries()) {
    const { amount, last } = await usedOf(runner, claim, slot);
    used.push({ amount, reset: last === undefined ? 0 : last + windowSeconds - exact });
    if (refused >= 0 || amount + claim.amount <= claim.most) continue;
    refused = index;
    const free = claim.kind === "stream" ? undefined : await freeSlot(runner, claim, slot);
    wait = free === undefined ? 1 : free + windowSeconds - exact;
  }
  return { refused, wait, used, slot };
}

/** What counts of one counter, and the last second in which something was added. */
async function usedOf(runner: SqlRunner, { name, kind }: LimitClaim, slot: number) {
  const sql =
    kind === "stream"
      ? "select count(*) as amount, null as last from limit_stream where name = ? and renewed > ? and renewed <= ?"
      : `select coalesce(sum(amount), 0) as amount, max(case when amount > 0 then slot end) as last
         from limit_use where name = ? and slot > ? and slot <= ?`;
  const [row] = await runner.all(sql, [name, slot - (kind === "stream" ? leaseSeconds : windowSeconds), slot]);
  const last = row?.["last"];
  return { amount: Number(row?.["amount"]), last: typeof last === "number" ? last : undefined };
}

/** The second whose end makes room for a claim. */
async function freeSlot(runner: SqlRunner, { name, amount, most }: LimitClaim, slot: number) {
  const sql = "select slot, amount from limit_use where name = ? and slot > ? and slot <= ? order by slot desc";
  let later = 0;
  let free: number | undefined;
  for (const row of await runner.all(sql, [name, slot - windowSeconds, slot])) {
    if (later > most - amount) break;
    free = Number(row["slot"]);
    later += Number(row["amount"]);
  }
  return free;
}

interface Taking {
  claims: readonly LimitClaim[];
  streamId: string;
  slot: number;
}

async function take(inside: SqlRunner, { claims, streamId, slot }: Taking): Promise<void> {
  for (const { name, kind, amount } of claims) {
    if (kind === "window") await inside.run(addUse, [name, slot, amount]);
    else await inside.run("insert into limit_stream (id, name, renewed) values (?, ?, ?)", [streamId, name, slot]);
  }
}

function localMoney(database: SqlDatabase, accounts: Pick<AccountStore, "read">, second: () => number): MoneyStore {
  return {
    // balances are read under the lock: a reservation ends after its cost was booked, and never in between
    reserve: (claim) => database.transaction((inside) => hold(inside, { accounts, claim, now: second() })),
    settle: async (id, used) => {
      await database.run("update money_hold set amount = ?, exceeding = 0 where id = ?", [used, id]);
    },
    release: async (ids) =>
      void (await database.run(`delete from money_hold where id ${among}`, [JSON.stringify(ids)])),
    renew: async (ids) => {
      const now = second();
      await database.run(`update money_hold set renewed = ? where id ${among}`, [now, JSON.stringify(ids)]);
      await database.run("delete from money_hold where renewed <= ? or renewed > ?", [now - leaseSeconds, now]);
    },
  };
}

interface Holding {
  accounts: Pick<AccountStore, "read">;
  claim: MoneyClaim;
  now: number;
}

async function hold(inside: SqlRunner, { accounts, claim, now }: Holding): Promise<MoneyAnswer> {
  const { id, amount } = claim;
  const rows: [subject: string, amount: number, exceeding: number][] = [];
  for (const { subject, unspent } of await unspentOf(accounts, claim)) {
    if (unspent === Infinity) continue;
    if (unspent <= 0) return { refused: "spent", held: false };
    if (amount <= 0) continue;
    const [row] = await inside.all(
      `select coalesce(sum(amount), 0) as amount, coalesce(max(exceeding), 0) as exceeding
       from money_hold where subject = ? and renewed > ? and renewed <= ?`,
      [subject, now - leaseSeconds, now],
    );
    const free = unspent - Number(row?.["amount"]);
    if (amount > free && (free <= 0 || row?.["exceeding"] === 1)) return { refused: "held", held: false };
    rows.push([subject, Math.min(amount, free), amount > free ? 1 : 0]);
  }
  const insert = "insert into money_hold (id, subject, amount, exceeding, renewed) values (?, ?, ?, ?, ?)";
  for (const [subject, taken, exceeding] of rows) await inside.run(insert, [id, subject, taken, exceeding, now]);
  return { refused: null, held: rows.length > 0 };
}

/** The least that each account may still spend; `Infinity` without a bound. */
async function unspentOf(accounts: Pick<AccountStore, "read">, { accounts: asked, at }: MoneyClaim) {
  const records = await accounts.read(
    asked.map(({ subject }) => subject),
    at,
  );
  return records.map(({ subject, balance, budgets, spent }, index) => {
    const left = periods.map((period) => {
      const most = budgets[period] ?? asked[index]?.budgets[period];
      return most === undefined ? Infinity : most - spent[period];
    });
    return { subject, unspent: Math.min(balance ?? Infinity, ...left) };
  });
}

import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { migrate } from "../../src/store/migrate.ts";
import { migrations } from "../../src/store/schema.ts";
import { accountRows, accountTable } from "../../src/store/account-table.ts";
import { Changes } from "../../src/store/changes.ts";
import { openSqlite } from "../../src/store/sqlite.ts";

/**
 * SHA-256 of each landed migration. A landed one has run on databases of others and is never edited, not by a constant
 * either: a change is a new migration, with a new line here.
 */
const landed: readonly (readonly [number: number, digest: string])[] = [
  [1, "e7382372c63ca1e4c278f81bbf57ea95158f94e7185b8b5cd3c769892985ca35"],
  [2, "63827682e52e374dcf414541559eab79701a0109d6c6bec51844bbd398964c35"],
  [3, "ef019ec43deca4aee36b51e21d71ad1f511169080ae3e02e6787112fa9401f96"],
  [4, "6f82d7ee9c88125327c2bd6ee5e9c4249fc734e749062102860d2c708d66b817"],
  [5, "31f06e79e606ff6e84a4477ffe8bcdb6c33eea9508a87e1cf5500e0126557844"],
  [6, "e72273b6c13ea22de5ce8f3abcd151134f900e3fca0135a57beb129d4850ef41"],
  [7, "725777ecfbd89953c786461f4b70c8e4c44c19dba5fb096224f88d2c451d159b"],
  [8, "c2c81c3bb8cf95ea4f19c91766b597456f6103f892d5a00975f974a4b6590927"],
  [9, "c51b91651dc374ad6d4dc1c0353365937684bdc70c03a9cbb6d63837a4fe842b"],
  [10, "8dfef4a61b348a8b0daddf7dd9f92ee8df2e12d4c4c241dae27b5b859d9470ce"],
  [11, "fbede68bfd8719375c8dc7e335c1a8f80b59c22dbd7a7bb442e94b59cf9ec878"],
  [12, "d255a840f71027a46eb691427a6c8daaeab9010b9c7feeddad0b82bd4da9cafe"],
  [13, "485dc2581a7299d49a6ebd1c133c430cf89ffae7328404b8bc907a5cebda267b"],
  [14, "f102f401c9fc9c859c69740c8334a2855ecb6c05fe007f8976cf8f87a0c0a679"],
  [15, "22556dd5d0d44a3004e7aab9efdcab5a296063e8542ff565c02a52588d54b8d0"],
  [16, "2c8e75a0044412b15ee39ef50f45cea947ba170ee2ca5b1606d9cc5d6288c2d4"],
  [17, "8024dc71103b1d40cd8df28660075375bb44d7c0e5b19401eff61fddc7c86b21"],
  [18, "88f0b7cb19eee48e693b1435c382ccf3b93c4d6b890db3ab5635a3c286c7ec52"],
];

it("holds every landed migration byte for byte, and no number twice", () => {
  const digests = migrations.map(({ number, statements, sqlite = [], postgres = [] }) => [
    number,
    createHash("sha256")
      .update(JSON.stringify([statements, sqlite, postgres]))
      .digest("hex"),
  ]);
  expect(digests).toEqual(landed);
});

it("takes over what was spent in the month and before it, when budgets get other periods", async () => {
  const database = openSqlite();
  await database.run("create table migration (number integer primary key)");
  for (const { number, statements, sqlite = [] } of migrations.filter((step) => step.number < 13)) {
    for (const statement of [...statements, ...sqlite]) await database.run(statement);
    await database.run("insert into migration (number) values (?)", [number]);
  }
  await database.run("insert into account (subject, budget) values ('key:a', 500)");
  for (const [month, cost] of [
    [202_609, 1],
    [202_611, 20],
    [202_610, 300],
  ] as const)
    await database.run("insert into spend (subject, month, cost) values ('key:a', ?, ?)", [month, cost]);
  await migrate(database);
  const changes = new Changes(database);
  expect(await accountTable(database, changes, accountRows(changes)).read(["key:a"], Date.UTC(2026, 10, 20))).toEqual([
    {
      subject: "key:a",
      balance: null,
      budgets: { day: null, week: null, month: 500, total: null },
      spent: { day: 0, week: 0, month: 20, total: 321 },
    },
  ]);
  await database.close();
});

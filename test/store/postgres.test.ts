/** What happens when the server breaks connections off. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore } from "../../src/store/open.ts";
import { numbered, openPostgres } from "../../src/store/postgres.ts";
import type { SqlDatabase } from "../../src/store/database.ts";
import { postgresFolder, startPostgres, type PostgresServer } from "./postgres-server.ts";

const programs = postgresFolder();
let server: PostgresServer;
let url: string;
let database: SqlDatabase;
beforeAll(async () => {
  if (programs === undefined) return;
  server = await startPostgres(programs);
  url = await server.database();
  database = openPostgres(url, 4);
});
afterAll(async () => {
  if (programs === undefined) return;
  await database.close();
  await server.stop();
});

/** Ends every other connection to the database. */
async function breakConnections(from: SqlDatabase): Promise<void> {
  await from.all(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
  );
}

describe("placeholders", () => {
  it("are numbered in order", () => {
    expect(numbered("a = ? and b in (?, ?)")).toBe("a = $1 and b in ($2, $3)");
  });
});

describe.runIf(programs !== undefined)("a connection that breaks", () => {
  it("in the middle of a transaction fails that transaction only, and leaves nothing of it", async () => {
    await database.run("create table broken (id integer)");
    const work = database.transaction(async (inside) => {
      await inside.run("insert into broken values (1)");
      const other = openPostgres(url, 4);
      await breakConnections(other);
      await other.close();
      // time for the news to arrive while no statement is under way
      await new Promise((resolve) => setTimeout(resolve, 100));
      await inside.run("insert into broken values (2)");
    });
    await expect(work).rejects.toThrow();
    expect(await database.all("select * from broken")).toEqual([]);
  });

  it("while nobody uses it is replaced unseen", async () => {
    const store = await openStore(undefined, url);
    try {
      await Promise.all([store.keys.list(), store.keys.list(), store.keys.list()]);
      await breakConnections(database);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(await store.keys.list()).toEqual([]);
    } finally {
      await store.close();
    }
  });

  it("of a server that is not there is told, not waited for", async () => {
    const started = performance.now();
    await expect(openStore(undefined, "postgres://parley:hush@localhost:1/none")).rejects.toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^store\.url: .*ECONNREFUSED((?!hush).)*$/) }),
    );
    expect(performance.now() - started).toBeLessThan(3_000);
  });
});

import { PGlite } from "@electric-sql/pglite";
import { openStore } from "../../src/store/open.ts";
import { openPostgres } from "../../src/store/postgres.ts";
import { sqlStore } from "../../src/store/sql.ts";
import { pgliteDatabase } from "../store/pglite.ts";
import { postgresFolder, startPostgres } from "../store/postgres-server.ts";
import { testStore, type StoreUnderTest } from "./store.ts";

const programs = postgresFolder();

async function server(folder: string): Promise<StoreUnderTest> {
  const running = await startPostgres(folder);
  const url = await running.database();
  return {
    open: () => openStore(undefined, url),
    database: () => openPostgres(url, 1),
    stop: () => running.stop(),
  };
}

async function lite(): Promise<StoreUnderTest> {
  const database = await PGlite.create();
  return {
    open: () => sqlStore(pgliteDatabase(database)),
    database: () => pgliteDatabase(database),
    stop: () => database.close(),
  };
}

testStore(programs === undefined ? "PGlite" : "a PostgreSQL server", () =>
  programs === undefined ? lite() : server(programs),
);

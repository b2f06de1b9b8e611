/** What happens when the server breaks connections off, and how changes of other processes become known. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { migrate } from "../../src/store/migrate.ts";
import { openStore } from "../../src/store/open.ts";
import { RevisionListener } from "../../src/store/postgres-listener.ts";
import { numbered, openPostgres } from "../../src/store/postgres.ts";
import type { SqlDatabase } from "../../src/store/database.ts";
import { migrations } from "../../src/store/schema.ts";
import { sqlStore } from "../../src/store/sql.ts";
import type { Store } from "../../src/store/store.ts";
import { key } from "../contract/store.ts";
import { counted, type CountedDatabase } from "./counted.ts";
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

describe.runIf(programs !== undefined)("the tables", () => {
  it("that are there are not locked by a start, and need not belong to its user", async () => {
    const filled = new URL(await server.database());
    await (await openStore(undefined, filled.href)).close();
    const owner = openPostgres(filled.href, 2);
    await owner.run("create role guest login");
    await owner.run("grant select, insert, update, delete on all tables in schema public to guest");
    const guest = new URL(filled);
    guest.username = "guest";
    guest.searchParams.set("options", "-c lock_timeout=300");
    try {
      await owner.transaction(async (inside) => {
        // what a backup holds
        await inside.run("lock table migration, api_key, account in access share mode");
        const started = await openStore(undefined, guest.href);
        expect(await started.settings.get("missing")).toBeUndefined();
        await started.close();
      });
    } finally {
      await owner.close();
    }
  });

  it("get triggers while an older process books, without a deadlock", async () => {
    const database = openPostgres(await server.database(), 4);
    try {
      await database.run("create table migration (number integer primary key)");
      for (const { number, statements, postgres = [] } of migrations.filter((step) => step.number < 17)) {
        for (const statement of [...statements, ...postgres]) await database.run(statement);
        await database.run("insert into migration (number) values (?)", [number]);
      }
      const waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
      let migrated: Promise<void> | undefined;
      await database.transaction(async (inside) => {
        // as a batch of the ledger does
        await inside.run("insert into account (subject, balance) values ('key:one', 1)");
        migrated = migrate(database);
        await expect.poll(() => database.all(waiting), { timeout: 5_000, interval: 5 }).toHaveLength(1);
        await inside.run("update api_key set last_used_at = 1 where id = 'one'");
        await inside.run("update organisation set name = '' where id = 'one'");
      });
      await migrated;
    } finally {
      await database.close();
    }
  });

  it("get a column that earlier versions did not have", async () => {
    const old = openPostgres(await server.database(), 2);
    try {
      await old.run("create table migration (number integer primary key)");
      await migrate(old);
      const [newest] = await old.all("select number, works_from from migration order by number desc limit 1");
      expect(newest).toMatchObject({ number: migrations.at(-1)?.number, works_from: expect.any(Number) });
    } finally {
      await old.close();
    }
  });
});

it.each([false, true])(
  "closes while a silent server is being connected to (it keeps its side open: %s)",
  async (half) => {
    const sockets: Socket[] = [];
    const silent = createServer({ allowHalfOpen: half }, (socket) => {
      sockets.push(socket.on("error", () => undefined).resume());
    });
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    const silentDatabase = openPostgres(`postgres://parley@127.0.0.1:${port}/none`, 2);
    try {
      expect(silentDatabase.commits?.version()).toBeUndefined();
      await expect.poll(() => sockets.length).toBe(1);
      const late = new Promise((resolve) => setTimeout(resolve, 2_000, "late"));
      expect(await Promise.race([silentDatabase.close(), late])).toBeUndefined();
    } finally {
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
  },
);

const at = Date.UTC(2026, 10, 20);

/** A door to the server that can keep back everything from the connection that listens, without an end of it. */
async function door(to: URL): Promise<{ server: Server; url: string; silence: () => void }> {
  const listening = new Set<Socket>();
  const server = createServer((caller) => {
    const inner = connect(Number(to.port), to.hostname);
    caller.pipe(inner);
    inner.pipe(caller);
    caller.on("data", (bytes) => bytes.includes("parley-listen") && listening.add(inner));
    for (const [one, peer] of [
      [caller, inner],
      [inner, caller],
    ] as const)
      one.on("error", () => undefined).on("close", () => peer.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(to);
  url.port = String((server.address() as AddressInfo).port);
  return { server, url: url.href, silence: () => listening.forEach((socket) => socket.unpipe().pause()) };
}

describe.runIf(programs !== undefined)("a change of another process", () => {
  let store: Store;
  let counting: CountedDatabase;
  let other: Store;
  let through: Awaited<ReturnType<typeof door>>;
  beforeAll(async () => {
    through = await door(new URL(await server.database()));
    counting = counted(openPostgres(through.url, 2));
    store = await sqlStore(counting);
    const direct = new URL(through.url);
    direct.port = new URL(url).port;
    other = await openStore(undefined, direct.href);
    await store.keys.insert(key("one"));
  });
  afterAll(async () => {
    await store.close();
    await other.close();
    through.server.close();
  });

  const limits = async (): Promise<unknown> => (await store.keys.byHash("hash-one", at))?.key.limits;
  /** Looks until what is asked comes from memory. */
  const kept = (): Promise<void> =>
    expect
      .poll(
        async () => {
          counting.take();
          await limits();
          return counting.take();
        },
        { timeout: 5_000, interval: 5 },
      )
      .toEqual([]);

  it("holds for the next request once PostgreSQL has notified, and nothing is read until then", async () => {
    for (let streams = 1; streams < 5; streams += 1) {
      await kept();
      await other.keys.update("one", { limits: { streams } });
      await expect.poll(limits, { timeout: 500, interval: 1 }).toEqual({ streams });
    }
  });

  it("is no change where a process only books what was used without a balance or budget", async () => {
    await kept();
    await other.ledger.add([{ ...ledgerRow, id: "booked" }]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    counting.take();
    await limits();
    expect(counting.take()).toEqual([]);
  });

  it("is read where the connection that listens was broken off, and kept again when there is a new one", async () => {
    await kept();
    await other.keys.update("one", { limits: { streams: 10 } });
    const raw = openPostgres(through.url, 1);
    await breakConnections(raw);
    await raw.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await other.keys.list().catch(() => undefined);
    await other.keys.update("one", { limits: { streams: 11 } });
    expect(await limits()).toEqual({ streams: 11 });
    await kept();
  });

  it("is seen where that connection falls silent: what is not proven for half a second is read", async () => {
    await kept();
    through.silence();
    await other.keys.update("one", { limits: { streams: 20 } });
    await expect.poll(limits, { timeout: 5_000, interval: 10 }).toEqual({ streams: 20 });
  });

  it("is read each time where notifications do not come through", async () => {
    const listener = new RevisionListener({ url, notify: async () => undefined, monotonic: () => performance.now() });
    for (let times = 0; times < 50; times += 1) {
      expect(listener.version()).toBeUndefined();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    listener.close();
  });
});

const ledgerRow = {
  ...{ request: "r", at, keyId: "one", organisation: null, model: "m", engine: "e", tier: "standard" as const },
  ...{ outcome: "stop", input: 1, cached: 0, output: 1, reasoning: 0, cost: 3 },
};

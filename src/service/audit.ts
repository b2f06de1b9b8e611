import { AsyncLocalStorage } from "node:async_hooks";
import { invalid } from "../model/error.ts";
import { vendorId, type IdSource } from "../model/id.ts";
import type { AuditQuery, AuditRecord, AuditStore, Store } from "../store/store.ts";
import { pageOf, type Page } from "./report.ts";

/** One page of the log, newest first. */
export interface AuditPageQuery extends Omit<AuditQuery, "after"> {
  /** The `next` of the page before. */
  after?: string;
}

/** Fields that are a secret, or a part or digest of one: never recorded. */
const secretName = /hash|prefix|secret/i;
/** What else says nothing of a change. */
const plainNames: ReadonlySet<string> = new Set(["id", "createdAt", "lastUsedAt"]);

/**
 * Who changed what. It watches the store that the administration writes to, so that every way to change keys,
 * organisations and accounts is in it, whichever command or route it comes from.
 */
export class AuditLog {
  // fixed at birth
  private readonly store: AuditStore;
  private readonly ids: IdSource;
  /** Who the work under way is done for. */
  private readonly actors = new AsyncLocalStorage<string>();
  // changed by events
  /** The time of the last record, in milliseconds: no two of one process have the same, so that their order is kept. */
  private lastAt = 0;

  constructor(store: AuditStore, ids: IdSource) {
    this.store = store;
    this.ids = ids;
  }

  /** Does work for `actor`: its changes are recorded under this name; without one they are the server's own. */
  as<T>(actor: string, work: () => T): T {
    return this.actors.run(actor, work);
  }

  /** The same store; a change is recorded when it is done, before its caller goes on. */
  watched(store: Store): Store {
    const { keys, organisations, accounts } = store;
    return {
      ...store,
      keys: {
        ...keys,
        ...this.watchedRecords("key", keys),
        rotate: async (id, secret) => {
          const done = await keys.rotate(id, secret);
          const { oldSecretUntil: overlapUntil } = secret;
          if (done) await this.add("key.rotate", `key:${id}`, overlapUntil === null ? {} : { overlapUntil });
          return done;
        },
      },
      organisations: { ...organisations, ...this.watchedRecords("organisation", organisations) },
      accounts: {
        ...accounts,
        credit: async (subject, amount) => {
          const balance = await accounts.credit(subject, amount);
          await this.add("account.credit", subject, { amount });
          return balance;
        },
        update: async (subject, change) => {
          await accounts.update(subject, change);
          await this.add("account.change", subject, change);
        },
      },
    };
  }

  /** Throws `invalid` for an `after` that is of no page. */
  async page({ after, limit, ...filter }: AuditPageQuery): Promise<Page<AuditRecord>> {
    const query = { ...filter, ...(after !== undefined && { after: placeOf(after) }), limit: limit + 1 };
    return pageOf(await this.store.list(query), limit);
  }

  private watchedRecords<Kept extends { id: string }, Change extends object>(
    kind: string,
    records: Records<Kept, Change>,
  ) {
    return {
      insert: async (record: Kept) => {
        await records.insert(record);
        await this.add(`${kind}.create`, `${kind}:${record.id}`, record);
      },
      update: async (id: string, change: Change) => {
        const done = await records.update(id, change);
        if (done) await this.add(`${kind}.change`, `${kind}:${id}`, change);
        return done;
      },
      delete: async (id: string) => {
        const done = await records.delete(id);
        if (done) await this.add(`${kind}.delete`, `${kind}:${id}`, {});
        return done;
      },
    };
  }

  private add(action: string, target: string, change: object): Promise<void> {
    const shown = Object.entries(change).filter(([name]) => !secretName.test(name) && !plainNames.has(name));
    this.lastAt = Math.max(this.ids.now(), this.lastAt + 1);
    return this.store.add({
      id: vendorId(this.ids),
      at: this.lastAt,
      actor: this.actors.getStore() ?? "server",
      action,
      target,
      change: JSON.stringify(Object.fromEntries(shown)),
    });
  }
}

interface Records<Kept, Change> {
  insert(record: Kept): Promise<void>;
  update(id: string, change: Change): Promise<boolean>;
  delete(id: string): Promise<boolean>;
}

function placeOf(text: string): { at: number; id: string } {
  const [, at, id] = /^(\d{1,16})-([0-9a-f]{1,64})$/.exec(text) ?? [];
  if (at === undefined || id === undefined) throw invalid("after", "must be the `next` of a page");
  return { at: Number(at), id };
}

/** A record as operators see it. */
export function auditView({ id: _id, at, change, ...record }: AuditRecord): Record<string, unknown> {
  return { at: new Date(at).toISOString(), ...record, change: JSON.parse(change) as unknown };
}

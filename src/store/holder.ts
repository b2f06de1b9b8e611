import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { SqlDatabase } from "./database.ts";

/**
 * Who works on what is under way in the database. A process that works says every ten seconds that it lives; one whose
 * word is older than thirty is gone. On SQLite all processes are on one machine, where a dead one is seen at once.
 */
const renewMs = 10_000;
const longestSilence = 30_000;

/** `<host>/<process id>/<chance>`, so that no restart is taken for the process before it. */
export type HolderId = string;

export interface Holding {
  id: HolderId;
  /** Milliseconds since the Unix epoch; absent when it never gave word, or said good-bye. */
  renewedAt: number | undefined;
}

/** Whether nobody is there any more to finish the holder's work. */
export function isGone(
  { id, renewedAt }: Holding,
  own: HolderId,
  now: number,
  exists?: (pid: number) => boolean,
): boolean {
  if (id === own) return false;
  if (renewedAt === undefined || now - renewedAt > longestSilence) return true;
  if (exists === undefined) return false;
  const [host, pid] = id.split("/");
  const [ownHost, ownPid] = own.split("/");
  return host === ownHost && (pid === ownPid || !exists(Number(pid)));
}

export class Holder {
  // fixed at birth
  readonly id: HolderId = `${hostname()}/${process.pid}/${randomBytes(6).toString("hex")}`;
  private readonly database: SqlDatabase;
  // changed by events
  private timer: NodeJS.Timeout | undefined;

  constructor(database: SqlDatabase) {
    this.database = database;
  }

  /** Gives word from now on; to be called before work is begun. */
  async begin(): Promise<void> {
    if (this.timer !== undefined) return;
    // a word that could not be given is given the next time: silence is read as death only after three of them
    this.timer = setInterval(() => void this.renew().catch(() => undefined), renewMs);
    this.timer.unref();
    await this.renew();
  }

  /** Those of the given holders who are gone. */
  async gone(ids: readonly HolderId[]): Promise<ReadonlySet<HolderId>> {
    const rows = await this.database.all("select id, renewed_at from holder");
    const word = new Map(rows.map((row) => [String(row["id"]), Number(row["renewed_at"])]));
    const exists = this.database.dialect === "sqlite" ? processExists : undefined;
    const now = Date.now();
    return new Set(ids.filter((id) => isGone({ id, renewedAt: word.get(id) }, this.id, now, exists)));
  }

  /** Says good-bye; where the database cannot hear it, silence says the same. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    if (this.timer === undefined) return;
    await this.database.run("delete from holder where id = ?", [this.id]).catch(() => undefined);
  }

  private async renew(): Promise<void> {
    const now = Date.now();
    await this.database.run(
      "insert into holder (id, renewed_at) values (?, ?) on conflict (id) do update set renewed_at = excluded.renewed_at",
      [this.id, now],
    );
    await this.database.run("delete from holder where renewed_at < ?", [now - 10 * longestSilence]);
  }
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // a process of somebody else may not be signalled, but it is there
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

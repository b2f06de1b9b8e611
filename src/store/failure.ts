import { ParleyError, invalid, plainError } from "../model/error.ts";

/** What is wrong with a database, and whether it may pass by itself soon. */
interface Fault {
  /** In the middle of a sentence that begins with the server's database; without paths: callers read it. */
  words: string;
  passes: boolean;
}

const full = { words: "has no room left", passes: false };
const readOnly = { words: "cannot be written", passes: false };
const damaged = { words: "is damaged", passes: false };
const unreadable = { words: "cannot be read or written", passes: false };
const busy = { words: "is busy", passes: true };
const away = { words: "cannot be reached", passes: true };

/** Primary result codes of SQLite (sqlite.org/rescode.html). Others are mistakes in a statement. */
const sqliteFaults: Readonly<Record<number, Fault>> = {
  5: busy, // BUSY
  6: busy, // LOCKED
  8: readOnly, // READONLY
  10: unreadable, // IOERR
  11: damaged, // CORRUPT
  13: full, // FULL
  14: unreadable, // CANTOPEN
  26: damaged, // NOTADB
};

/** Codes of the system and of PostgreSQL, the latter by their beginning (PostgreSQL 17, appendix A). */
const otherFaults: readonly (readonly [form: RegExp, fault: Fault])[] = [
  [/^(ENOSPC|EDQUOT|EFBIG|53100)$/, full],
  [/^(EROFS|EACCES|EPERM|25006)$/, readOnly],
  [/^XX00[12]$/, damaged],
  [/^(EIO|58...)$/, unreadable],
  [/^(40001|40P01|55P03|57014|53[^1]..)$/, busy],
  [/^(08...|28...|3D000|57P..|ECONN[A-Z]+|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/, away],
];

/** What `pg` throws without a code, by its words. */
const awayWords =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered)/;

/** Seconds after which a new try makes sense. */
const soonSeconds = 5;
const lateSeconds = 60;

/** What a driver threw, as `unavailable` where the database cannot be used for a time; a mistake of ours as it is. */
export function storeFailure(thrown: unknown): unknown {
  const fault = faultOf(thrown);
  if (fault === undefined) return thrown;
  const retryAfter = fault.passes ? soonSeconds : lateSeconds;
  return plainError("unavailable", `the server's database ${fault.words}`, { retryAfter, cause: thrown });
}

/** Why a database cannot be opened at the start: `invalid`, one sentence that names it and says what to do. */
export function openFailure(name: string, thrown: unknown): ParleyError {
  if (thrown instanceof ParleyError && thrown.kind === "invalid") return thrown;
  const fault = faultOf(thrown);
  const way =
    fault === damaged
      ? "restore a backup, or move it away to begin with an empty one"
      : "mend that, or choose another folder with --data or PARLEY_DATA";
  return invalid("", `the database ${name} cannot be opened: ${reasonOf(thrown)}; ${way}`, thrown);
}

/** A name with several addresses fails once for each of them, and the error around them has no message. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}

/** The primary result code of what SQLite threw (sqlite.org/rescode.html); the higher bits are the extended code. */
export function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : undefined;
}

export const sqliteBusy = 5;

function faultOf(thrown: unknown): Fault | undefined {
  if (thrown instanceof AggregateError) return thrown.errors.map(faultOf).find((fault) => fault !== undefined);
  if (!(thrown instanceof Error)) return undefined;
  const sqlite = sqliteCode(thrown);
  if (sqlite !== undefined) return sqliteFaults[sqlite];
  const code = "code" in thrown ? String(thrown.code) : "";
  const found = otherFaults.find(([form]) => form.test(code))?.[1];
  return found ?? (awayWords.test(thrown.message) ? away : undefined);
}

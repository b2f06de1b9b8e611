import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ownedName, ownerState } from "../lib/owner.ts";
import { parseJson } from "../model/json.ts";
import type { LedgerJournal, LedgerRow, LeftRows } from "./store.ts";

/** What another machine left is booked at once, which changes nothing if it is booked twice, and deleted after a day. */
const abandonedMs = 24 * 3_600_000;

const storedRow = z.object({
  id: z.string(),
  request: z.string(),
  at: z.number(),
  keyId: z.string(),
  organisation: z.string().nullable(),
  model: z.string(),
  engine: z.string(),
  tier: z.enum(["standard", "priority"]),
  outcome: z.string(),
  input: z.number(),
  cached: z.number(),
  output: z.number(),
  reasoning: z.number(),
  cost: z.number(),
}) satisfies z.ZodType<LedgerRow>;

/** One file; it is made by its first row. */
interface Part {
  path: string;
  fd: number | undefined;
  bytes: number;
}

/**
 * The journal as two files of this process in `folder`, one JSON object a line: one holds the rows that are being written
 * to the database, the other those that came since. What was appended survives the end of the process at any moment.
 */
export class FileLedgerJournal implements LedgerJournal {
  // fixed at birth
  private readonly folder: string;
  // changed by events
  /** The file that `append` writes to; exchanged for the other one by `cut`. */
  private current: Part;
  /** The other file. */
  private other: Part;

  constructor(folder: string) {
    const name = ownedName();
    this.folder = folder;
    this.current = { path: join(folder, `${name}-0.jsonl`), fd: undefined, bytes: 0 };
    this.other = { path: join(folder, `${name}-1.jsonl`), fd: undefined, bytes: 0 };
  }

  append(row: LedgerRow): void {
    const part = this.current;
    part.fd ??= this.open(part.path);
    const line = Buffer.from(`${JSON.stringify(row)}\n`);
    try {
      // a full disk takes a part of it first
      if (writeSync(part.fd, line) < line.length) throw new Error("the journal takes no whole line");
    } catch (error) {
      ftruncateSync(part.fd, part.bytes);
      throw error;
    }
    part.bytes += line.length;
  }

  cut(): () => void {
    const written = this.current;
    this.current = this.other;
    this.other = written;
    return () => {
      if (written.fd !== undefined) ftruncateSync(written.fd, 0);
      written.bytes = 0;
    };
  }

  close(): void {
    for (const part of [this.current, this.other]) {
      if (part.fd === undefined) continue;
      closeSync(part.fd);
      part.fd = undefined;
      if (part.bytes === 0) rmSync(part.path, { force: true });
    }
  }

  async *left(): AsyncGenerator<LeftRows> {
    for (const name of await namesIn(this.folder)) {
      const state = ownerState(name);
      if (state === "running" || !name.endsWith(".jsonl")) continue;
      const path = join(this.folder, name);
      const found = await Promise.all([readFile(path, "utf8"), stat(path)]).catch(unlessMissing);
      // another process that started at the same time has booked it
      if (found === undefined) continue;
      const [text, { mtimeMs }] = found;
      const lines = text.split("\n").filter((line) => line !== "");
      const rows = lines.map((line) => storedRow.safeParse(parseJson(line))).filter(({ success }) => success);
      yield {
        rows: rows.map(({ data }) => data).filter((row) => row !== undefined),
        unreadable: lines.length - rows.length,
        discard: async () => {
          if (state === "gone" || Date.now() - mtimeMs > abandonedMs) await rm(path, { force: true });
        },
      };
    }
  }

  private open(path: string): number {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    return openSync(path, "a", 0o600);
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(unlessMissing)) ?? [];
}

/** Throws any other error than that of a file or folder that is not there. */
function unlessMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}

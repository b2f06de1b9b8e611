import { randomUUID } from "node:crypto";
import { textBytes } from "../lib/byte-budget.ts";
import { textPieces } from "../lib/long-text.ts";
import { LruCache } from "../lib/lru.ts";
import type { TimeSlices } from "../lib/time-slices.ts";
import { ParleyError } from "../model/error.ts";
import type { SqlDatabase } from "./database.ts";
import type { NewText, StoredText } from "./store.ts";

/** Characters of one piece at most; a text up to this length stands in its own column. One piece is written or read in about a millisecond. */
const pieceChars = 64 * 1024;
/** Of the pieces that are kept in memory for others who read the same text. */
const recentBytes = 4 * 1024 * 1024;
/** Pieces that one statement deletes. */
const deletedPieces = 32;
/** In the place of a text that is kept in pieces: their id, how many they are, bytes of UTF-8 and in memory. JSON never begins so. */
const reference = /^pieces ([0-9a-f-]{36}) (\d+) (\d+) (\d+)$/;
/** Characters of such a reference at most. */
export const maxReferenceChars = 100;

const insert = "insert into response_piece (text_id, number, expires_at, piece) values (?, ?, ?, ?)";
const select = "select piece from response_piece where text_id = ? and number = ?";
const deletion = (condition: string): string => `delete from response_piece where (text_id, number) in
  (select text_id, number from response_piece where ${condition} limit ${deletedPieces})`;
const deleteText = deletion("text_id = ?");
const deleteExpired = deletion("expires_at <= ?");

/** Writes what refers to texts: what stands in their columns, and bytes of each text. */
type Refer<T> = (columns: readonly string[], sizes: readonly number[]) => Promise<T>;

/** A text as it stands in its column. */
interface WrittenText {
  column: string;
  /** Of the whole text, in UTF-8. */
  bytes: number;
}

/**
 * Texts of any length: what is long is kept in pieces, each a row of its own that is written and read alone. A statement over tens
 * of megabytes would hold the event loop for as long as it takes. Pieces that no column refers to any more, because a process was
 * killed while it wrote or deleted them, go when they expire.
 */
export class LongTexts {
  private readonly database: SqlDatabase;
  private readonly slices: Pick<TimeSlices, "pause">;
  /** Pieces read lately, by text and number: those who read one text at the same time take turns at it. */
  private readonly recent = new LruCache<string, Buffer>({
    maxSize: recentBytes,
    sizeOf: ({ length }) => length,
  });

  constructor(database: SqlDatabase, slices: Pick<TimeSlices, "pause">) {
    this.database = database;
    this.slices = slices;
  }

  /** Keeps what does not fit into a column; nothing of it stays where that fails. */
  private async write(text: NewText, expiresAt: number): Promise<WrittenText> {
    const id = randomUUID();
    let first: string | undefined;
    let size = { count: 0, bytes: 0, memory: 0 };
    try {
      for await (const piece of pieces(text)) {
        const { count, bytes, memory } = size;
        size = { count: count + 1, bytes: bytes + Buffer.byteLength(piece), memory: memory + textBytes(piece) };
        if (count === 0) {
          first = piece;
          continue;
        }
        if (count === 1) await this.database.run(insert, [id, 0, expiresAt, first ?? ""]);
        await this.database.run(insert, [id, count, expiresAt, piece]);
        await this.slices.pause();
      }
    } catch (error) {
      await this.removePieces(deleteText, id).catch(() => undefined);
      throw error;
    }
    if (size.count < 2) return { column: first ?? "", bytes: size.bytes };
    return { column: `pieces ${id} ${size.count} ${size.bytes} ${size.memory}`, bytes: size.bytes };
  }

  /** Writes texts, then what refers to them; where that fails, they are deleted again. */
  async keep<T>(texts: readonly NewText[], expiresAt: number, refer: Refer<T>): Promise<T> {
    const columns: string[] = [];
    const sizes: number[] = [];
    try {
      for (const text of texts) {
        const { column, bytes } = await this.write(text, expiresAt);
        columns.push(column);
        sizes.push(bytes);
      }
      return await refer(columns, sizes);
    } catch (error) {
      await this.remove(columns).catch(() => undefined);
      throw error;
    }
  }

  /** What a column stands for. */
  read(column: string): StoredText {
    const [, id, count, bytes, memoryBytes] = reference.exec(column.slice(0, maxReferenceChars)) ?? [];
    if (id === undefined) return loadedText(column);
    const chunks = (first = 0): AsyncIterable<Buffer> => this.stored(id, first, Number(count));
    return { bytes: Number(bytes), memoryBytes: Number(memoryBytes), loaded: undefined, chunks };
  }

  /** Deletes the pieces that columns refer to. */
  async remove(columns: readonly string[]): Promise<void> {
    for (const column of columns) {
      const id = reference.exec(column)?.[1];
      if (id !== undefined) await this.removePieces(deleteText, id);
    }
  }

  /** Deletes the pieces of all texts that expired before. */
  async expire(before: number): Promise<void> {
    await this.removePieces(deleteExpired, before);
  }

  private async removePieces(sql: string, value: string | number): Promise<void> {
    while ((await this.database.run(sql, [value])) > 0) await this.slices.pause();
  }

  private async *stored(id: string, first: number, count: number): AsyncGenerator<Buffer> {
    for (let number = first; number < count; number += 1) {
      if (number > first) await this.slices.pause();
      yield await this.piece(id, number);
    }
  }

  private async piece(id: string, number: number): Promise<Buffer> {
    const name = `${id} ${number}`;
    const known = this.recent.get(name);
    if (known !== undefined) return known;
    const [row] = await this.database.all(select, [id, number]);
    if (row === undefined) {
      throw new ParleyError("unavailable", "the response was changed or deleted while it was read; try again");
    }
    const piece = Buffer.from(String(row["piece"]));
    this.recent.set(name, piece);
    return piece;
  }
}

/** Whether a column stands for a text that is kept in pieces. */
export function isReference(column: string | undefined): boolean {
  return column !== undefined && reference.test(column.slice(0, maxReferenceChars));
}

/** A text that is in memory. */
export function loadedText(text: string): StoredText {
  const chunks = async function* (first = 0): AsyncGenerator<Buffer> {
    let number = 0;
    for (const piece of textPieces(text, pieceChars)) if (number++ >= first) yield Buffer.from(piece);
  };
  return { bytes: Buffer.byteLength(text), memoryBytes: textBytes(text), loaded: text, chunks };
}

/** Pieces of a column's length at most; short ones are put together. */
async function* pieces(text: NewText): AsyncGenerator<string> {
  if (typeof text === "string") return yield* textPieces(text, pieceChars);
  let pending = "";
  for await (const taken of text) {
    for (const piece of textPieces(taken, pieceChars)) {
      if (pending.length + piece.length > pieceChars && pending !== "") {
        yield pending;
        pending = "";
      }
      pending += piece;
    }
  }
  if (pending !== "") yield pending;
}

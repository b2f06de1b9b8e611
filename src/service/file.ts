import type { Readable } from "node:stream";
import type { TextCipher } from "../lib/cipher.ts";
import type { FilePort, StoredFile } from "../media/source.ts";
import { ParleyError, invalid } from "../model/error.ts";
import type { IdSource } from "../model/id.ts";
import type { Caller } from "../policy/authenticate.ts";
import type { BlobStore, Spool, Spooled } from "../store/blob/blob.ts";
import type { FileQuota, FileRecord, FileStore } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import { admit, checkPurpose, checkSize, ContentReader, type Content } from "./file-content.ts";

export interface FileServiceOptions {
  files: FileStore;
  blobs: BlobStore;
  spool: Spool;
  ids: IdSource;
  log: Log;
  /** Of one key. */
  quota: FileQuota;
  /** Most bytes of one file, whatever its purpose. */
  fileBytes: number;
  retentionMs: number;
  /** Seals download links; opens nothing else. */
  links: TextCipher;
}

/** One part of a form, in the order of the wire. */
export type UploadPart =
  | { type: "field"; name: string; value: unknown }
  /** `chunks` is read before the next part is asked for. */
  | { type: "file"; name: string; filename: string | undefined; chunks: AsyncIterable<Uint8Array> };

interface Received {
  spooled: Spooled;
  content: Content;
  filename: string;
}

interface Draft {
  purpose?: string;
  received?: Received;
}

/** How long a file may take from the last byte received to its place; then its place is given up. */
const placingMs = 3_600_000;
const linkMs = 3_600_000;
const longestName = 255;
/** Ids have 15 or 16 digits: below 2^53, so that they are exact as JSON numbers. */
const smallestId = 100_000_000_000_000;
const sweepBatch = 100;

/** Uploaded files: everyone sees only their own, and only until they expire. */
export class FileService {
  // fixed at birth
  private readonly options: FileServiceOptions;
  // changed by events
  /** What is coming in, by owner. */
  private readonly incoming = new Map<string, FileQuota>();
  private readonly uploads = new Set<Promise<FileRecord>>();

  constructor(options: FileServiceOptions) {
    this.options = options;
  }

  /** Reads a form and keeps its one file; nothing stays of a form that is refused or breaks off. */
  async upload(form: AsyncIterable<UploadPart>, caller: Caller): Promise<FileRecord> {
    const upload = this.read(form, caller);
    this.uploads.add(upload);
    return await upload.finally(() => this.uploads.delete(upload));
  }

  /** Newest first. */
  async list(purpose: string | undefined, caller: Caller): Promise<FileRecord[]> {
    const wanted = purpose === undefined || purpose === "" ? undefined : checkPurpose(purpose);
    const all = await this.options.files.list(caller.keyId, this.now());
    return wanted === undefined ? all : all.filter((file) => file.purpose === wanted);
  }

  /** Throws `invalid` for what is no id, and `not-found`. */
  async retrieve(reference: unknown, caller: Pick<Caller, "keyId">): Promise<FileRecord> {
    const id = fileId(reference);
    const file = await this.options.files.get(id, caller.keyId, this.now());
    if (file === undefined) throw notFound(id);
    return file;
  }

  /** The file and its bytes, to be read to their end or destroyed. */
  async content(reference: unknown, caller: Pick<Caller, "keyId">): Promise<{ file: FileRecord; body: Readable }> {
    const file = await this.retrieve(reference, caller);
    const body = await this.options.blobs.read(file.id);
    if (body === undefined) throw notFound(file.id);
    return { file, body };
  }

  /** From now on nobody finds it; who is reading it reads on. */
  async remove(reference: unknown, purpose: unknown, caller: Caller): Promise<number> {
    const file = await this.retrieve(reference, caller);
    if (purpose !== undefined && checkPurpose(purpose) !== file.purpose) {
      throw invalid("purpose", `file ${file.id} has the purpose ${file.purpose}`);
    }
    if (!(await this.options.files.end(file.id, caller.keyId, this.now()))) throw notFound(file.id);
    await this.erase(file.id).catch((error: unknown) => {
      this.options.log.warn(
        { err: error },
        "a deleted file's content could not be removed; the next sweep tries again",
      );
    });
    return file.id;
  }

  /** A token that stands for the owner's key in downloading this one file, for an hour. */
  link(file: FileRecord): string {
    return this.options.links.encrypt(JSON.stringify([file.id, file.owner, this.now() + linkMs]));
  }

  /** Whose file a token opens. Throws `forbidden`. */
  linked(reference: unknown, token: string): Pick<Caller, "keyId"> {
    let claim: unknown;
    try {
      claim = JSON.parse(this.options.links.decrypt(token));
    } catch {
      throw expiredLink();
    }
    const [id, keyId, until] = claim as [number, string, number];
    if (id !== fileId(reference) || until <= this.now()) throw expiredLink();
    return { keyId };
  }

  /** For `mm_file://` in messages. */
  readonly port: FilePort = async (reference, keyId, admitBytes) => {
    const { files, blobs } = this.options;
    const id = /^\d{1,19}$/.test(reference) ? Number(reference) : Number.NaN;
    const file = Number.isSafeInteger(id) ? await files.get(id, keyId, this.now()) : undefined;
    if (file === undefined) return undefined;
    admitBytes(file.bytes);
    const body = await blobs.read(id);
    return body === undefined ? undefined : await gather(file, body);
  };

  /** Deletes what is past its time and what uploads left that never came to their end; throws at the first failure. */
  async sweep(): Promise<void> {
    const { files, spool } = this.options;
    const now = this.now();
    for (let ids = await files.ended(now, sweepBatch); ids.length > 0; ids = await files.ended(now, sweepBatch)) {
      for (const id of ids) await this.erase(id);
    }
    await spool.sweep(Date.now());
  }

  /** To be called when no request runs any more: what those left is cleared away. */
  async close(): Promise<void> {
    await this.options.blobs.close();
    await Promise.allSettled(this.uploads);
  }

  private async read(form: AsyncIterable<UploadPart>, caller: Caller): Promise<FileRecord> {
    const draft: Draft = {};
    try {
      for await (const part of form) await this.take(part, draft, caller.keyId);
      const purpose = checkPurpose(draft.purpose);
      if (draft.received === undefined) throw invalid("file", "is missing");
      const { spooled, content } = draft.received;
      admit(purpose, content, { bytes: spooled.bytes, most: this.options.fileBytes });
      return await this.keep(purpose, draft.received, caller.keyId);
    } finally {
      // what found its place is no longer there
      if (draft.received !== undefined) await this.options.spool.discard(draft.received.spooled);
    }
  }

  private async take(part: UploadPart, draft: Draft, owner: string): Promise<void> {
    if (part.type === "field") {
      if (part.name === "file") throw invalid("file", "must be a file part, with a filename");
      if (part.name !== "purpose") return;
      if (draft.purpose !== undefined) throw invalid("purpose", "is given twice");
      draft.purpose = checkPurpose(part.value);
      return;
    }
    if (part.name !== "file") throw invalid(part.name.slice(0, 100), "is not expected; the file's part is named file");
    if (draft.received !== undefined) throw invalid("file", "is given twice; one request uploads one file");
    draft.received = await this.receive(part, draft.purpose, owner);
  }

  private async receive(
    part: UploadPart & { type: "file" },
    purpose: string | undefined,
    owner: string,
  ): Promise<Received> {
    const { files, spool } = this.options;
    const stored = await files.usage(owner, this.now());
    const reader = new ContentReader();
    const counted = this.counted(part.chunks, owner, stored);
    const spooled = await spool.receive(this.checked(counted, reader, purpose));
    return { spooled, content: reader.end(), filename: plainName(part.filename) };
  }

  /** Passes on what fits into the quota together with everything else that is coming in. */
  private async *counted(
    chunks: AsyncIterable<Uint8Array>,
    owner: string,
    stored: FileQuota,
  ): AsyncGenerator<Uint8Array> {
    const incoming = this.incoming.get(owner) ?? { count: 0, bytes: 0 };
    this.incoming.set(owner, incoming);
    incoming.count++;
    let bytes = 0;
    try {
      checkQuota(stored, incoming, this.options.quota);
      for await (const chunk of chunks) {
        bytes += chunk.length;
        incoming.bytes += chunk.length;
        checkQuota(stored, incoming, this.options.quota);
        yield chunk;
      }
    } finally {
      // at once, so that one refusal makes room for the others
      incoming.count--;
      incoming.bytes -= bytes;
      if (incoming.count === 0) this.incoming.delete(owner);
    }
  }

  /** Passes on what its purpose takes, as far as that is known by now. */
  private async *checked(
    chunks: AsyncIterable<Uint8Array>,
    reader: ContentReader,
    purpose: string | undefined,
  ): AsyncGenerator<Uint8Array> {
    const most = this.options.fileBytes;
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      const content = reader.push(chunk);
      checkSize(bytes, most);
      if (content !== undefined && purpose !== undefined) admit(purpose, content, { bytes, most });
      yield chunk;
    }
    // what is found out only now is refused before it is kept
    reader.end();
  }

  /** Takes a place first, so that what a crash leaves behind is found by the sweep. */
  private async keep(purpose: string, { spooled, content, filename }: Received, owner: string): Promise<FileRecord> {
    const { files, blobs, ids, quota, retentionMs } = this.options;
    const createdAt = this.now();
    const record: FileRecord = {
      id: smallestId + Number.parseInt(ids.hex(13), 16),
      ...{ owner, filename, purpose, mime: content.mime, bytes: spooled.bytes, createdAt },
      expiresAt: createdAt + placingMs,
    };
    if (!(await files.reserve(record, quota))) throw overQuota(quota);
    const expiresAt = createdAt + retentionMs;
    try {
      await blobs.put(record.id, spooled);
      if (!(await files.publish(record.id, expiresAt)))
        throw new ParleyError("timeout", "keeping the file took too long");
    } catch (error) {
      await this.erase(record.id).catch(() => undefined);
      throw error;
    }
    return { ...record, expiresAt };
  }

  private async erase(id: number): Promise<void> {
    await this.options.blobs.delete(id);
    await this.options.files.remove(id);
  }

  private now(): number {
    return this.options.ids.now();
  }
}

function checkQuota(stored: FileQuota, incoming: FileQuota, quota: FileQuota): void {
  if (stored.count + incoming.count > quota.count || stored.bytes + incoming.bytes > quota.bytes)
    throw overQuota(quota);
}

function overQuota({ count, bytes }: FileQuota): ParleyError {
  return new ParleyError(
    "quota",
    `the files of this key may be ${count} and ${bytes} bytes together; delete some first`,
  );
}

/** Throws `invalid`; an int64 beyond our own ids is an id that nobody has. */
function fileId(reference: unknown): number {
  if (reference === undefined || reference === "") throw invalid("file_id", "is missing");
  const text = typeof reference === "number" ? reference.toString() : reference;
  if (typeof text !== "string" || !/^\d{1,19}$/.test(text)) throw invalid("file_id", "must be a positive integer");
  const id = Number(text);
  if (!Number.isSafeInteger(id)) throw notFound(text);
  return id;
}

function notFound(id: number | string): ParleyError {
  return new ParleyError("not-found", `file ${id} not found`);
}

function expiredLink(): ParleyError {
  return new ParleyError("forbidden", "this download link is not valid, or no longer");
}

/** The last part of a path, without anything that is not to be shown; it names nothing on our side. */
function plainName(said: string | undefined): string {
  const last = (said ?? "").split(/[/\\]/).at(-1) ?? "";
  // marks that turn the direction of writing make a name look like another; joiners of emoji stay
  const plain = last.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu, "").trim();
  const name = [...plain].slice(0, longestName).join("");
  return /^\.*$/.test(name) ? "file" : name;
}

/** One buffer of the known size: a large file is in memory once. */
async function gather(file: FileRecord, body: Readable): Promise<StoredFile> {
  const bytes = Buffer.allocUnsafe(file.bytes);
  let at = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (at + chunk.length > bytes.length) break;
    chunk.copy(bytes, at);
    at += chunk.length;
  }
  if (at !== bytes.length) throw new Error(`file ${file.id} has ${at} bytes of ${bytes.length}`);
  return { bytes, mime: file.mime };
}

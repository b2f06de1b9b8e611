import type { Readable } from "node:stream";
import { z } from "zod";
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
  /** Of the files of one key together. */
  quota: FileQuota;
  /** Most bytes of one file, whatever its purpose. */
  fileBytes: number;
  retentionMs: number;
  /** Encrypts the tokens of download links; used for nothing else. */
  links: TextCipher;
}

/** One part of a form, in the order of the wire. */
export type UploadPart =
  | { type: "field"; name: string; value: unknown }
  /** `chunks` must be read before the next part. */
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

/** How long storing a received file may take; then the place reserved for it is given up. */
const storingMs = 3_600_000;
/** How long a download link works. */
const linkMs = 3_600_000;
/** What the token of a link holds: file id, owner, and until when (milliseconds since the Unix epoch). */
const linkClaim = z.tuple([z.number(), z.string(), z.number()]);
const maxNameChars = 255;
/** Ids have 15 or 16 digits: below 2^53, so that they are exact as JSON numbers. */
const minId = 100_000_000_000_000;
const sweepBatch = 100;

/** Uploaded files: a key sees only its own, and only until they expire. */
export class FileService {
  // fixed at birth
  private readonly options: FileServiceOptions;
  // changed by events
  /** Files and bytes being received, by owner; they count against the quota. */
  private readonly incoming = new Map<string, FileQuota>();
  /** Uploads under way; `close` waits for them. */
  private readonly uploads = new Set<Promise<FileRecord>>();

  constructor(options: FileServiceOptions) {
    this.options = options;
  }

  /** Reads a form and stores its one file; nothing is kept of a form that is refused or incomplete. */
  async upload(form: AsyncIterable<UploadPart>, caller: Caller): Promise<FileRecord> {
    const upload = this.read(form, caller);
    this.uploads.add(upload);
    return await upload.finally(() => this.uploads.delete(upload));
  }

  /** Newest first. */
  async list(purpose: string | undefined, caller: Caller): Promise<FileRecord[]> {
    const only = purpose === undefined || purpose === "" ? undefined : checkPurpose(purpose);
    const all = await this.options.files.list(caller.keyId, this.now());
    return only === undefined ? all : all.filter((file) => file.purpose === only);
  }

  /** Throws `invalid` for a malformed id, and `not-found`. */
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

  /** Deletes a file; downloads under way go on. Throws `invalid` and `not-found`. */
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

  /** A token with which this one file can be downloaded for an hour. */
  link(file: FileRecord): string {
    return this.options.links.encrypt(JSON.stringify([file.id, file.owner, this.now() + linkMs]));
  }

  /** The owner of the file that a token opens. Throws `forbidden`. */
  linked(reference: unknown, token: string): Pick<Caller, "keyId"> {
    let claim: unknown;
    try {
      claim = JSON.parse(this.options.links.decrypt(token));
    } catch {
      throw expiredLink();
    }
    const parsed = linkClaim.safeParse(claim);
    if (!parsed.success) throw expiredLink();
    const [id, keyId, until] = parsed.data;
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

  /** Deletes expired files and the remains of unfinished uploads; throws at the first failure. */
  async sweep(): Promise<void> {
    const { files, spool } = this.options;
    const now = this.now();
    for (let ids = await files.ended(now, sweepBatch); ids.length > 0; ids = await files.ended(now, sweepBatch)) {
      for (const id of ids) await this.erase(id);
    }
    await spool.sweep(Date.now());
  }

  /** To be called when no request is running: waits until their uploads are cleaned up. */
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
      // a stored file is no longer in the spool
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

  /** Passes chunks on while they fit into the quota together with everything else that is being received. */
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
      // at once, so that one refused upload makes room for the others
      incoming.count--;
      incoming.bytes -= bytes;
      if (incoming.count === 0) this.incoming.delete(owner);
    }
  }

  /** Passes chunks on that the purpose takes, as far as the content is known. */
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
    // content that is decided only at the end is refused before the file is kept
    reader.end();
  }

  /** Reserves a place first, so that the sweep finds what a crash leaves behind. */
  private async keep(purpose: string, { spooled, content, filename }: Received, owner: string): Promise<FileRecord> {
    const { files, blobs, ids, quota, retentionMs } = this.options;
    const createdAt = this.now();
    const record: FileRecord = {
      id: minId + Number.parseInt(ids.hex(13), 16),
      owner,
      filename,
      purpose,
      mime: content.mime,
      bytes: spooled.bytes,
      createdAt,
      expiresAt: createdAt + storingMs,
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

/** Throws `invalid` for a malformed id, and `not-found` for an int64 that is larger than our ids. */
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

/** The last part of a path, without invisible characters; never used as a path here. */
function plainName(filename: string | undefined): string {
  const last = (filename ?? "").split(/[/\\]/).at(-1) ?? "";
  // marks of writing direction make a name look like another; joiners of emoji stay
  const plain = last.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu, "").trim();
  const name = [...plain].slice(0, maxNameChars).join("");
  return /^\.*$/.test(name) ? "file" : name;
}

/** The bytes in one buffer of the known size, so that a large file is in memory only once. */
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

import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import type { Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { Agent, request, type Dispatcher } from "undici";
import { plainError, reasonOf, type ParleyError } from "../../model/error.ts";
import type { Log } from "../../telemetry/log.ts";
import type { BlobStore, Spooled } from "./blob.ts";
import { emptySha256, signed, type SigningKeys } from "./sign.ts";

export interface BucketOptions extends SigningKeys {
  /** Base URL without the bucket. */
  endpoint: string;
  bucket: string;
  /** Prefix of every object name. */
  prefix: string;
  /** Bucket in the path instead of in the host name. */
  pathStyle: boolean;
  /** Gets a line when the bucket cannot be used, and one when it can again. */
  log?: Pick<Log, "warn" | "error"> | undefined;
}

type Answer = Dispatcher.ResponseData;
interface BucketRequest {
  method: "GET" | "PUT" | "DELETE";
  headers?: Record<string, string>;
  sha256?: string;
  /** Called anew for every attempt. */
  body?: () => Readable;
}

const silenceMs = 60_000;
const connectMs = 10_000;
/** Pauses before the second and third attempt of a request that failed on the network or in the bucket. */
const pausesMs = [100, 500];
/** Characters of an error answer that are logged. */
const maxErrorChars = 2000;

/** Blobs as objects `<prefix><id>` of an S3-compatible bucket. An object is stored as a whole or not at all. */
export class BucketBlobs implements BlobStore {
  // fixed at birth
  private readonly options: BucketOptions;
  private readonly base: string;
  private readonly agent: Agent;
  // changed by events
  /** Whether the last request failed because the bucket could not be used; set by every request. */
  private failing = false;

  constructor(options: BucketOptions) {
    this.options = options;
    this.base = baseOf(options);
    this.agent = new Agent({ headersTimeout: silenceMs, bodyTimeout: silenceMs, connect: { timeout: connectMs } });
  }

  async put(id: number, spooled: Spooled): Promise<void> {
    const answer = await this.ask(id, {
      method: "PUT",
      headers: { "content-length": spooled.bytes.toString(), "content-type": "application/octet-stream" },
      sha256: spooled.sha256,
      body: () => createReadStream(spooled.path, { highWaterMark: 1 << 18 }),
    });
    await answer?.body.dump();
    await rm(spooled.path, { force: true });
  }

  async read(id: number): Promise<Readable | undefined> {
    return (await this.ask(id, { method: "GET" }))?.body;
  }

  async delete(id: number): Promise<void> {
    const answer = await this.ask(id, { method: "DELETE" });
    await answer?.body.dump();
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  /** A successful answer, or nothing where there is no such object. */
  private async ask(id: number, sent: BucketRequest): Promise<Answer | undefined> {
    const { log } = this.options;
    try {
      const answer = await this.tried(id, sent);
      if (this.failing) log?.warn({ bucket: this.base }, "the bucket that keeps files can be used again");
      this.failing = false;
      return answer;
    } catch (error) {
      const reason = reasonOf(error);
      if (!this.failing) log?.error({ bucket: this.base, reason }, "the bucket that keeps files cannot be used");
      this.failing = true;
      throw error;
    }
  }

  private async tried(id: number, sent: BucketRequest): Promise<Answer | undefined> {
    for (const pause of pausesMs) {
      const outcome = await this.once(id, sent).catch((error: unknown) => unreachable(error));
      if (!(outcome instanceof Failure)) return outcome;
      if (!outcome.retryable) throw outcome.error;
      await setTimeout(pause);
    }
    const outcome = await this.once(id, sent).catch((error: unknown) => unreachable(error));
    if (outcome instanceof Failure) throw outcome.error;
    return outcome;
  }

  private async once(id: number, sent: BucketRequest): Promise<Answer | Failure | undefined> {
    const { method, headers = {}, sha256 = emptySha256 } = sent;
    const url = new URL(`${this.base}${id}`);
    const body = sent.body?.();
    const answer = await request(url, {
      method,
      headers: signed({ method, url, headers, sha256, at: new Date() }, this.options),
      body: body ?? null,
      dispatcher: this.agent,
    }).finally(() => body?.destroy());
    const { statusCode } = answer;
    if (statusCode === 200 || statusCode === 204) return answer;
    const text = (await answer.body.text()).slice(0, maxErrorChars);
    // a missing bucket is not a missing object
    if (statusCode === 404 && method !== "PUT" && !text.includes("NoSuchBucket")) return undefined;
    return new Failure(statusCode >= 500 || statusCode === 429, `answered ${statusCode}`, text);
  }
}

/** A failed attempt; `retryable` when another one may succeed. */
class Failure {
  readonly retryable: boolean;
  readonly error: ParleyError;

  constructor(retryable: boolean, what: string, cause: unknown) {
    this.retryable = retryable;
    this.error = plainError("upstream", `the bucket that keeps files ${what}`, { cause });
  }
}

function unreachable(error: unknown): Failure {
  return new Failure(true, "could not be reached", error);
}

function baseOf({ endpoint, bucket, prefix, pathStyle }: BucketOptions): string {
  const url = new URL(endpoint);
  const host = `${bucket}.${url.hostname}`;
  if (!pathStyle) url.hostname = host;
  // an address takes no name before it
  if (!pathStyle && url.hostname !== host) throw new Error(`files.s3: ${endpoint} needs pathStyle: true`);
  const folder = url.pathname.replace(/\/+$/, "") + (pathStyle ? `/${bucket}` : "");
  return `${url.origin}${folder}/${prefix}`;
}

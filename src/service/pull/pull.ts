import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Secret } from "../../lib/secret.ts";
import { ParleyError } from "../../model/error.ts";
import { askHub, reasonOf, refusal, type HubAnswer } from "./hub.ts";
import { PartFile, readFacts } from "./part.ts";
import type { PullSource } from "./source.ts";

export interface PullOrder extends PullSource {
  /** Made when it is missing. */
  folder: string;
  /** Expected SHA-256 in hexadecimal; it overrides the hub's. */
  sha256?: string | undefined;
  token?: Secret | undefined;
  /** An abort keeps the part that was downloaded. */
  signal: AbortSignal;
  /** Bytes there and bytes in all, where known; called for every piece. */
  onProgress?: ((done: number, total: number | undefined) => void) | undefined;
  /** Silence after which a connection counts as broken; default one minute. */
  stallMs?: number | undefined;
  /** How often a broken connection is resumed; default never. */
  retries?: number | undefined;
  /** Pause before the first retry, doubled before each further one; default one second. */
  pauseMs?: number | undefined;
}

export interface Pulled {
  path: string;
  bytes: number;
  sha256: string;
  /** The checksum was compared with one that was given or that the hub sent. */
  verified: boolean;
  /** Bytes that an earlier attempt had downloaded. */
  resumedAt: number;
  /** The file was there before. */
  present: boolean;
}

const secondMs = 1000;
const minuteMs = 60_000;
/** The `code` of errors after which another attempt may succeed. */
const connectionBroken = "broken-off";

/**
 * Downloads a GGUF file into a folder: resumes where an earlier attempt ended, compares the checksum, and gives the file
 * its name only when it is complete. Throws `ParleyError` with one line that says what to do; the downloaded part is kept
 * for the next attempt, except where its checksum is wrong.
 */
export async function pull(order: PullOrder): Promise<Pulled> {
  const target = join(order.folder, order.file);
  await mkdir(order.folder, { recursive: true, mode: 0o700 });
  if ((await stat(target).catch(() => undefined))?.isFile() === true) return present(order, target);
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt(order, target);
    } catch (thrown) {
      const retryable =
        thrown instanceof ParleyError && thrown.code === connectionBroken && tries < (order.retries ?? 0);
      if (!retryable) throw thrown;
      await sleep((order.pauseMs ?? secondMs) * 2 ** tries, undefined, { signal: order.signal });
    }
  }
}

/** One connection; however it ends, the part file holds what it sent. */
async function attempt(order: PullOrder, target: string): Promise<Pulled> {
  const part = await PartFile.find(target, order.url.href);
  const stall = new Watchdog(order.signal, order.stallMs ?? minuteMs);
  try {
    const { answer, resumedAt } = await begin(order, part, stall.signal);
    await receive(order, part, answer, stall);
    return await conclude(order, part, { hubSha256: answer.sha256, resumedAt });
  } catch (thrown) {
    throw stall.stalled ? broken(order.url.host, part, "it stopped sending") : thrown;
  } finally {
    stall.stop();
    await part.close();
  }
}

/** A signal that aborts with the outer one, and when `alive` was not called for `stallMs`. */
class Watchdog {
  // fixed at birth
  private readonly silence = new AbortController();
  private readonly timer: NodeJS.Timeout;
  readonly signal: AbortSignal;

  constructor(outer: AbortSignal, stallMs: number) {
    this.timer = setTimeout(() => this.silence.abort(), stallMs);
    this.signal = AbortSignal.any([outer, this.silence.signal]);
  }

  get stalled(): boolean {
    return this.silence.signal.aborted;
  }

  alive(): void {
    this.timer.refresh();
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

/** A file that is there is not downloaded again; it must be the requested one, as far as its facts show. */
async function present(order: PullOrder, path: string): Promise<Pulled> {
  const facts = await readFacts(path);
  if (facts !== undefined && !sameFile(new URL(facts.url), order.url)) {
    throw new ParleyError("invalid", `${path} is there already, from ${facts.url}; remove it and pull again`);
  }
  const { size } = await stat(path);
  const known = order.sha256 === undefined ? facts?.sha256 : undefined;
  const sha256 = known ?? (await checksumOf(path, order.signal));
  if (order.sha256 !== undefined && order.sha256 !== sha256) {
    throw new ParleyError(
      "invalid",
      `${path} is there already, but its SHA-256 is ${sha256}, not ${order.sha256}; remove it and pull again`,
    );
  }
  return { path, bytes: size, sha256, verified: order.sha256 !== undefined, resumedAt: 0, present: true };
}

/** A mirror may have the same file below another path. */
function sameFile(one: URL, other: URL): boolean {
  return one.pathname.endsWith(other.pathname) || other.pathname.endsWith(one.pathname);
}

async function checksumOf(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { signal })) hash.update(piece as Buffer);
  return hash.digest("hex");
}

interface Begun {
  answer: HubAnswer;
  resumedAt: number;
}

/** Requests the rest, or the whole file where the hub cannot send the rest; leaves the part open for writing. */
async function begin(order: PullOrder, part: PartFile, signal: AbortSignal): Promise<Begun> {
  const answer = await ask(order, part, signal);
  const { response } = answer;
  if (response.status === 206 && continues(response.headers, part)) {
    const resumedAt = part.size;
    await part.resume();
    return { answer, resumedAt };
  }
  if (response.status === 206 || response.status === 416) {
    await response.body?.cancel();
    if (response.status === 416 && wholeSize(response.headers) === part.size) return { answer, resumedAt: part.size };
    // another file than the one that was begun, or a server that counts differently
    await part.discard();
    return begin(order, part, signal);
  }
  await part.restart({
    url: order.url.href,
    etag: strongTag(response.headers),
    sha256: answer.sha256,
    total: totalOf(response.headers),
  });
  return { answer, resumedAt: 0 };
}

/** An answer with bytes of the file, or with status 416: there are none beyond those we have. */
async function ask(order: PullOrder, part: PartFile, signal: AbortSignal): Promise<HubAnswer> {
  const range = part.range.bind(part);
  const answer = await askHub({ url: order.url, token: order.token, range, signal });
  const { status } = answer.response;
  const ranged = Object.keys(range(answer.sha256)).length > 0;
  if (status === 200 || (ranged && (status === 206 || status === 416))) return answer;
  await answer.response.body?.cancel();
  throw refusal(answer.host, status, order.url);
}

function continues(headers: Headers, part: PartFile): boolean {
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "");
  const { total } = part.known ?? {};
  if (range === null || Number(range[1]) !== part.size) return false;
  return range[2] === "*" || total === undefined || Number(range[2]) === total;
}

function wholeSize(headers: Headers): number | undefined {
  const range = /^bytes \*\/(\d+)$/.exec(headers.get("content-range") ?? "");
  return range === null ? undefined : Number(range[1]);
}

/** A weak tag says that files are alike, not that their bytes are (RFC 9110, 13.1.5). */
function strongTag(headers: Headers): string | undefined {
  const etag = headers.get("etag");
  return etag === null || etag.startsWith("W/") ? undefined : etag;
}

function totalOf(headers: Headers): number | undefined {
  const length = Number(headers.get("content-length") ?? Number.NaN);
  return Number.isSafeInteger(length) && length > 0 ? length : undefined;
}

async function receive(order: PullOrder, part: PartFile, answer: HubAnswer, stall: Watchdog): Promise<void> {
  const { response, host } = answer;
  const { total } = part.known ?? {};
  if (response.status !== 416 && response.body !== null) {
    if (total !== undefined) await requireSpace(order.folder, total - part.size);
    order.onProgress?.(part.size, total);
    const pieces = response.body[Symbol.asyncIterator]();
    for (;;) {
      const next = await pieces.next().catch((thrown: unknown) => {
        if (stall.signal.aborted) throw thrown;
        throw broken(host, part, reasonOf(thrown));
      });
      if (next.done === true) break;
      stall.alive();
      await part.write(next.value).catch((thrown: unknown) => {
        throw unwritable(order.folder, thrown);
      });
      order.onProgress?.(part.size, total);
    }
  }
  await part.close();
  if (total !== undefined && part.size !== total)
    throw broken(host, part, `it ended at ${part.size} of ${total} bytes`);
}

async function requireSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (bytes <= free) return;
  throw new ParleyError(
    "upstream",
    `not enough space in ${folder}: ${inMegabytes(bytes)} are needed, ${inMegabytes(free)} are free`,
  );
}

function unwritable(folder: string, thrown: unknown): ParleyError {
  const code = reasonOf(thrown);
  const full = code === "ENOSPC" || code === "EDQUOT";
  const problem = full ? `the disk of ${folder} is full` : `cannot write into ${folder} (${code})`;
  return new ParleyError(
    "upstream",
    `${problem}; the downloaded part is kept: make room and run the same command again`,
  );
}

function broken(host: string, part: PartFile, reason: string): ParleyError {
  const kept = part.size === 0 ? "nothing came" : `${inMegabytes(part.size)} are kept`;
  return new ParleyError(
    "upstream",
    `the connection to ${host} broke off (${reason}); ${kept}: run the same command again to continue`,
    { code: connectionBroken },
  );
}

function inMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Checks the complete file and gives it its name. */
async function conclude(
  order: PullOrder,
  part: PartFile,
  begun: { hubSha256: string | undefined; resumedAt: number },
): Promise<Pulled> {
  const expected = order.sha256 ?? begun.hubSha256 ?? part.known?.sha256;
  const sha256 = part.checksum();
  if (expected !== undefined && sha256 !== expected) {
    await part.discard();
    throw new ParleyError(
      "upstream",
      `${order.file}: wrong checksum, expected SHA-256 ${expected}, found ${sha256}; the download was deleted`,
    );
  }
  if (!(await part.isGguf())) {
    await part.discard();
    throw new ParleyError("upstream", `${order.url.host} sent no GGUF file for ${order.url.pathname}`);
  }
  const bytes = part.size;
  await part.finish(sha256);
  const verified = expected !== undefined;
  return { path: part.target, bytes, sha256, verified, resumedAt: begun.resumedAt, present: false };
}

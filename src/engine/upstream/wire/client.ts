import type { Secret } from "../../../lib/secret.ts";
import { TimeSlices } from "../../../lib/time-slices.ts";
import { type ParleyError, plainError } from "../../../model/error.ts";
import { parseJson } from "../../../model/json.ts";
import { readBaseUrl, type BaseUrl } from "./base-url.ts";
import { writeBody, writeSmall, type WrittenBody } from "./body.ts";
import { Exchange, type ExchangeRequest } from "./exchange.ts";
import { brokenCodes, networkCode, networkFailure, statusFailure } from "./failure.ts";
import { LazyPool } from "./lazy-pool.ts";
import { Deadlines, defaultTimeouts, type Timeouts } from "./timeouts.ts";

export interface ClientOptions {
  /** With or without `/v1`; without any path `/v1` is meant. */
  url: string;
  key?: Secret | undefined;
  /** Sent with every call, besides those that Parley needs. */
  headers?: Readonly<Record<string, string | Secret>> | undefined;
  /** URL of an HTTP proxy that every call goes through; default none. It may hold user and password. */
  proxy?: Secret | undefined;
  /** Connections for answers at most, and as many for counts of tokens; default no bound. Other questions have a few of their own. */
  connections?: number | undefined;
  timeouts?: Partial<Timeouts> | undefined;
  /** What writing long bodies shares the event loop by. */
  slices?: TimeSlices | undefined;
}

/** A request for an answer. */
export interface AnswerRequest {
  path: string;
  body: unknown;
  signal: AbortSignal;
  /** Since when the deadline of the whole answer counts, on the clock of `performance`; default now. */
  begun?: number | undefined;
  /** Set where the answer is no stream: the path that shows whether the server still serves while it is silent. */
  health?: string | undefined;
  /**
   * Called with `true` when the request begins to be written on an open connection, and with `false` when the server refused it or
   * the connection broke: it does not work on it any more.
   */
  onTaken?: ((taken: boolean) => void) | undefined;
}

/** An answer whose status was 200. */
export interface OpenAnswer {
  /** The body is announced as JSON. Not every server keeps to what it announces. */
  readonly json: boolean;
  /** What large answers share the event loop by. */
  readonly slices: TimeSlices;
  /**
   * The next network read, `undefined` at the end of the body. Throws a `ParleyError` when a deadline passes or the connection
   * breaks.
   */
  next(): Promise<Uint8Array | undefined>;
  /** From now on the stream has to end within the grace time. */
  hurry(): void;
  /** Whether the grace time was what ended the reads. */
  readonly late: boolean;
  /** Lets the connection go: drained when the answer is nearly over, cut otherwise. */
  close(): void;
}

/** Within this time a connection breaks that had died before the request. */
const staleMs = 5_000;
/** For the question whether a silent server still serves. */
const servesMs = 5_000;
/** Connections for questions without a body: a server whose answers take all of theirs can still report that it serves. */
const lookConnections = 4;
/** Of an error body that are read. */
const maxErrorBytes = 64 * 1024;
/** Of an answer that is no stream. */
const maxJsonBytes = 16 * 1024 * 1024;

const redirects = new Set([301, 302, 303, 307, 308]);
/** Of them those after which the same request is sent again. */
const keepsMethod = new Set([307, 308]);
const maxHops = 3;

/** HTTP to one base URL. */
export class UpstreamClient {
  // fixed at birth
  private readonly base: BaseUrl;
  /** The connections of answers. */
  private readonly answers: LazyPool;
  /** Those of questions with a body: counts of tokens, which may have long prompts. */
  private readonly counts: LazyPool;
  /** Those of questions without one, which are small and answered at once. */
  private readonly looks: LazyPool;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly timeouts: Timeouts;
  private readonly slices: TimeSlices;
  // changed by events
  /** The questions whether the server serves that are under way, by path; those who wait for the same share one. */
  private readonly serving = new Map<string, Promise<boolean>>();

  constructor(options: ClientOptions) {
    this.base = readBaseUrl(options.url);
    this.slices = options.slices ?? new TimeSlices();
    this.timeouts = { ...defaultTimeouts, ...options.timeouts };
    const { connections, proxy } = options;
    const pool = { origin: this.base.origin, proxy, connections, connectMs: this.timeouts.connect };
    this.answers = new LazyPool(pool);
    this.counts = new LazyPool(pool);
    this.looks = new LazyPool({ ...pool, connections: lookConnections });
    const { authorization } = this.base;
    const own = Object.entries(options.headers ?? {}).map(([name, value]) => [
      name.toLowerCase(),
      typeof value === "string" ? value : value.reveal(),
    ]);
    this.headers = {
      ...(authorization === undefined ? {} : { authorization }),
      ...(Object.fromEntries(own) as Record<string, string>),
      ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key.reveal()}` }),
    };
  }

  /** Without credentials and query. */
  get url(): string {
    return this.base.name;
  }

  /** Starts an answer. Throws a `ParleyError` for every status but 200 and everything that goes wrong before it. */
  async open({ path, body, signal, begun, health, onTaken }: AnswerRequest): Promise<OpenAnswer> {
    const serves = health === undefined ? undefined : (): Promise<boolean> => this.serves(health);
    const watch = new Deadlines(this.timeouts, signal, { begun, serves });
    let answer: Exchange | undefined;
    try {
      const written = writeSmall(body) ?? (await this.slices.run(writeBody(body), signal));
      answer = await this.send(path, written, { onTaken, watch });
      if (answer.statusCode !== 200) {
        onTaken?.(false);
        watch.hurry();
        throw await refusal(answer);
      }
      return new Answer(answer, watch, this.slices);
    } catch (thrown) {
      watch.stop();
      // of a coding that cannot be taken off nothing is read
      answer?.cut();
      // the status of an error whose body does not end is the one that counts
      throw watch.late ? thrown : (watch.reason ?? networkFailure(thrown));
    }
  }

  /** One JSON question, for counting and probing; the parsed answer of a 200. `body` absent: GET. */
  async ask(path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    const answer = await this.question(path, body, signal);
    if (answer.statusCode !== 200) throw await refusal(answer);
    const text = await readAll(answer, maxJsonBytes);
    return text === "" ? {} : (JSON.parse(text) as unknown);
  }

  /** The status of a GET, and what was parsed of the body of a 200. Throws only what the network throws. */
  async look(path: string, signal: AbortSignal): Promise<{ status: number; value: unknown }> {
    const answer = await this.question(path, undefined, signal);
    const { statusCode: status } = answer;
    const text = await readAll(answer, maxJsonBytes);
    return { status, value: status === 200 ? parseJson(text) : undefined };
  }

  /** Whether a path is answered, by anything that is no failure of the server. */
  private serves(path: string): Promise<boolean> {
    const asked = this.serving.get(path) ?? this.askServes(path).finally(() => this.serving.delete(path));
    this.serving.set(path, asked);
    return asked;
  }

  private async askServes(path: string): Promise<boolean> {
    try {
      const { status } = await this.look(path, AbortSignal.timeout(Math.min(servesMs, this.timeouts.idle)));
      return status < 500;
    } catch {
      return false;
    }
  }

  private async question(path: string, body: unknown, signal: AbortSignal): Promise<Exchange> {
    const written =
      body === undefined ? undefined : (writeSmall(body) ?? (await this.slices.run(writeBody(body), signal)));
    const dispatcher = await (body === undefined ? this.looks : this.counts).open();
    const { origin } = this.base;
    const headers = {
      ...this.headers,
      accept: "application/json",
      ...(written === undefined ? {} : { "content-type": "application/json" }),
      ...(written?.length === undefined ? {} : { "content-length": String(written.length) }),
    };
    const method = body === undefined ? "GET" : "POST";
    return this.followed(path, async (at) => {
      const body = written === undefined ? {} : { body: written.open() };
      const exchange = Exchange.start(dispatcher, { origin, path: at, method, headers, ...body }, { signal });
      await exchange.head();
      return exchange;
    });
  }

  /** Follows redirects within the same origin; others would carry the key and the prompt elsewhere. */
  private async followed(path: string, request: (at: string) => Promise<Exchange>): Promise<Exchange> {
    let at = this.path(path);
    for (let hops = 0; ; hops++) {
      const answer = await request(at);
      const { statusCode, headers } = answer;
      if (!redirects.has(statusCode)) return answer;
      await answer.drain(maxErrorBytes, this.timeouts.grace);
      const next = URL.parse([headers["location"] ?? ""].flat()[0] ?? "", this.base.origin + at);
      if (next?.origin !== this.base.origin || !keepsMethod.has(statusCode) || hops >= maxHops) {
        const cause = new Error(
          `upstream: ${statusCode} to ${next === null ? "nowhere" : next.origin + next.pathname}`,
        );
        throw plainError("upstream", `the upstream answered ${statusCode}: its address is another one`, { cause });
      }
      at = next.pathname + next.search;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.answers, this.counts, this.looks].map((pool) => pool.close()));
  }

  private path(path: string): string {
    const { prefix, query } = this.base;
    return (path.startsWith("/") ? path : `${prefix}/${path}`) + query;
  }

  private async send(
    path: string,
    body: WrittenBody,
    { onTaken, watch }: Pick<AnswerRequest, "onTaken"> & { watch: Deadlines },
  ): Promise<Exchange> {
    const headers = {
      ...this.headers,
      ...(body.length === undefined ? {} : { "content-length": String(body.length) }),
      "content-type": "application/json",
      accept: "text/event-stream, application/json",
    };
    const dispatcher = await this.answers.open();
    const { origin } = this.base;
    return this.followed(path, async (at) => {
      const request = (): ExchangeRequest => ({ origin, path: at, method: "POST", headers, body: body.open() });
      const beganAt = performance.now();
      const start = async (): Promise<Exchange> => {
        // of the try or the address before nothing is left
        onTaken?.(false);
        const exchange = Exchange.start(dispatcher, request(), { sent: () => onTaken?.(true) });
        watch.onCut((reason) => exchange.abort(reason));
        await exchange.head();
        return exchange;
      };
      try {
        return await start();
      } catch (thrown) {
        // a connection that died while it was idle: nothing was generated yet, so a new one may be tried at once
        const stale = brokenCodes.has(networkCode(thrown)) && performance.now() - beganAt < staleMs;
        if (watch.reason !== undefined || !stale) throw thrown;
        return start();
      }
    });
  }
}

/**
 * Bytes of an answer after which others have a turn. What has arrived is read without one, and 64 kB of events of one word take
 * 10 ms until they are written to the caller.
 */
const pausedBytes = 16 * 1024;

class Answer implements OpenAnswer {
  // fixed at birth
  readonly json: boolean;
  readonly slices: TimeSlices;
  private readonly answer: Exchange;
  private readonly watch: Deadlines;
  private readonly read: () => Promise<Uint8Array | undefined>;
  // changed by events
  /** Something was read; set by `next`. */
  private begun = false;
  /** Bytes read since others had a turn. */
  private readBytes = 0;

  constructor(answer: Exchange, watch: Deadlines, slices: TimeSlices) {
    this.answer = answer;
    this.watch = watch;
    this.slices = slices;
    this.read = answer.plain();
    this.json = String(answer.headers["content-type"] ?? "").includes("json");
  }

  get late(): boolean {
    return this.watch.late;
  }

  async next(): Promise<Uint8Array | undefined> {
    try {
      if (this.readBytes >= pausedBytes) {
        this.readBytes = 0;
        await this.slices.pause();
      }
      if (this.begun) this.watch.touch();
      const bytes = await this.read();
      if (bytes === undefined) return undefined;
      this.begun = true;
      this.readBytes += bytes.length;
      this.watch.pause();
      return bytes;
    } catch (thrown) {
      throw this.watch.reason ?? networkFailure(thrown);
    }
  }

  hurry(): void {
    this.watch.hurry();
  }

  close(): void {
    this.watch.stop();
    // What is left of an answer that ended is a few bytes; reading them keeps the connection.
    if (this.watch.hurried && !this.watch.late && !this.answer.coded) void this.answer.drain(65_536, 1_000);
    else this.answer.cut();
  }
}

async function refusal(answer: Exchange): Promise<ParleyError> {
  const chunks: Uint8Array[] = [];
  // of a body that breaks off, what came is read
  await readInto(chunks, answer, maxErrorBytes).catch(() => undefined);
  return statusFailure(answer.statusCode, Buffer.concat(chunks).toString("utf8"), answer.headers);
}

/** The body as text, up to a bound; what is beyond it is cut off. Throws for a body that cannot be decoded. */
async function readAll(answer: Exchange, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  await readInto(chunks, answer, maxBytes);
  return Buffer.concat(chunks).toString("utf8");
}

async function readInto(chunks: Uint8Array[], answer: Exchange, maxBytes: number): Promise<void> {
  try {
    const read = answer.plain();
    let size = 0;
    for (let bytes = await read(); bytes !== undefined; bytes = await read()) {
      chunks.push(bytes);
      size += bytes.length;
      if (size > maxBytes) return;
    }
  } finally {
    // where the body is too long or cannot be decoded: what is not read would keep the connection
    answer.cut();
  }
}

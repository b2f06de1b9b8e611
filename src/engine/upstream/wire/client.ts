import type { Dispatcher } from "undici";
import type { Secret } from "../../../lib/secret.ts";
import { TimeSlices } from "../../../lib/time-slices.ts";
import { type ParleyError, plainError } from "../../../model/error.ts";
import { parseJson } from "../../../model/json.ts";
import { readBaseUrl, type BaseUrl } from "./base-url.ts";
import { writeBody, type WrittenBody } from "./body.ts";
import { contentCodings, decompressed } from "./content-coding.ts";
import { networkCode, networkFailure, statusFailure } from "./failure.ts";
import { OpenAnswer } from "./open-answer.ts";
import { Deadlines, defaultTimeouts, type Timeouts } from "./timeouts.ts";

export interface ClientOptions {
  /** With or without `/v1`; without any path `/v1` is meant. */
  url: string;
  key?: Secret | undefined;
  /** Sent with every call, besides those that Parley needs. */
  headers?: Readonly<Record<string, string | Secret>> | undefined;
  /** URL of an HTTP proxy that every call goes through; default none. It may hold user and password. */
  proxy?: Secret | undefined;
  /** Connections at most; default no bound. */
  connections?: number | undefined;
  timeouts?: Partial<Timeouts> | undefined;
  /** What writing long bodies shares the event loop by. */
  slices?: TimeSlices | undefined;
}

/** Of an error body that are read. */
const maxErrorBytes = 64 * 1024;
/** Of an answer that is no stream. */
const maxJsonBytes = 16 * 1024 * 1024;
/** Connections that died while idle; nothing was generated yet, so a new one may be tried at once. */
const stale = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

const redirects = new Set([301, 302, 303, 307, 308]);
/** Of them those after which the same request is sent again. */
const keepsMethod = new Set([307, 308]);
const maxHops = 3;

/** HTTP to one base URL. */
export class UpstreamClient {
  // fixed at birth
  private readonly base: BaseUrl;
  private readonly connections: number | null;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly timeouts: Timeouts;
  private readonly proxy: Secret | undefined;
  private readonly slices: TimeSlices;
  // changed by events
  /** Opened with the first request. */
  private opened: Promise<Dispatcher> | undefined;

  constructor(options: ClientOptions) {
    this.base = readBaseUrl(options.url);
    this.connections = options.connections ?? null;
    this.proxy = options.proxy;
    this.slices = options.slices ?? new TimeSlices();
    this.timeouts = { ...defaultTimeouts, ...options.timeouts };
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

  /**
   * Starts an answer. Throws a `ParleyError` for every status but 200 and everything that goes wrong before it. `begun`: since
   * when the deadline of the whole answer counts, on the clock of `performance`; default now.
   */
  async open(path: string, body: unknown, signal: AbortSignal, begun?: number): Promise<OpenAnswer> {
    const watch = new Deadlines(this.timeouts, signal, begun);
    try {
      const written = await this.slices.run(writeBody(body), watch.signal);
      const answer = await this.send(path, written, watch.signal);
      if (answer.statusCode !== 200) {
        watch.hurry();
        throw await refusal(answer);
      }
      return new OpenAnswer(answer, watch, this.slices);
    } catch (thrown) {
      watch.stop();
      // the status of an error whose body does not end is what the upstream said
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

  private async question(path: string, body: unknown, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const written = body === undefined ? undefined : await this.slices.run(writeBody(body), signal);
    const dispatcher = await this.dispatcher();
    const { origin } = this.base;
    const headers = {
      ...this.headers,
      accept: "application/json",
      ...(written === undefined ? {} : { "content-type": "application/json" }),
      ...(written?.length === undefined ? {} : { "content-length": String(written.length) }),
    };
    const method = body === undefined ? "GET" : "POST";
    return this.followed(path, (at) =>
      dispatcher.request({
        ...{ origin, path: at, method, headers, signal },
        ...(written === undefined ? {} : { body: written.open() }),
      }),
    );
  }

  /** Follows redirects within the same origin; others would carry the key and the prompt elsewhere. */
  private async followed(
    path: string,
    request: (at: string) => Promise<Dispatcher.ResponseData>,
  ): Promise<Dispatcher.ResponseData> {
    let at = this.path(path);
    for (let hops = 0; ; hops++) {
      const answer = await request(at);
      const { statusCode, headers } = answer;
      if (!redirects.has(statusCode)) return answer;
      const late = AbortSignal.timeout(this.timeouts.grace);
      await answer.body.dump({ limit: maxErrorBytes, signal: late }).catch(() => {});
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
    await (await this.opened)?.destroy();
  }

  /** Opened with the first request, which also loads the library: 8 MB that a server without upstreams does not need. */
  private dispatcher(): Promise<Dispatcher> {
    this.opened ??= import("undici").then((undici) => {
      const options = {
        connections: this.connections,
        connect: { timeout: this.timeouts.connect },
        // Deadlines are the watch's: one timer for the whole answer instead of one per read.
        headersTimeout: 0,
        bodyTimeout: 0,
        allowH2: false,
      };
      if (this.proxy === undefined) return new undici.Pool(this.base.origin, options);
      return new undici.ProxyAgent({ uri: this.proxy.reveal(), ...options });
    });
    return this.opened;
  }

  private path(path: string): string {
    const { prefix, query } = this.base;
    return (path.startsWith("/") ? path : `${prefix}/${path}`) + query;
  }

  private async send(path: string, body: WrittenBody, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const headers = {
      ...this.headers,
      ...(body.length === undefined ? {} : { "content-length": String(body.length) }),
      "content-type": "application/json",
      accept: "text/event-stream, application/json",
    };
    const dispatcher = await this.dispatcher();
    const { origin } = this.base;
    return this.followed(path, async (at) => {
      const request = () => ({ origin, path: at, method: "POST" as const, headers, body: body.open(), signal });
      try {
        return await dispatcher.request(request());
      } catch (thrown) {
        if (signal.aborted || !stale.has(networkCode(thrown))) throw thrown;
        return dispatcher.request(request());
      }
    });
  }
}

async function refusal(answer: Dispatcher.ResponseData): Promise<ParleyError> {
  const chunks: Uint8Array[] = [];
  // of a body that breaks off, what came is read
  await readInto(chunks, answer, maxErrorBytes).catch(() => undefined);
  return statusFailure(answer.statusCode, Buffer.concat(chunks).toString("utf8"), answer.headers);
}

/** The body as text, up to a bound; what is beyond it is cut off. */
async function readAll(answer: Dispatcher.ResponseData, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  await readInto(chunks, answer, maxBytes);
  return Buffer.concat(chunks).toString("utf8");
}

async function readInto(
  chunks: Uint8Array[],
  { body, headers }: Dispatcher.ResponseData,
  maxBytes: number,
): Promise<void> {
  body.on("error", () => {});
  const codings = contentCodings(headers["content-encoding"]);
  let size = 0;
  for await (const chunk of codings.length === 0 ? body : decompressed(body, codings)) {
    const bytes = chunk as Uint8Array;
    chunks.push(bytes);
    size += bytes.length;
    if (size > maxBytes) break;
  }
}

import { lookup as systemLookup, type LookupAddress } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import type { Agent, buildConnector, request } from "undici";
import { unmapped } from "../lib/cidr.ts";
import { invalid, ParleyError } from "../model/error.ts";
import { AllowList, isPublicAddress } from "./address.ts";
import { tooLarge } from "./limit.ts";

export interface DownloaderOptions {
  /** Hosts, addresses and networks that may be asked although they are not public. */
  allow: readonly string[];
  /** For one download, redirects included. */
  timeoutMs: number;
  redirects: number;
  /** Instead of the system's resolver. */
  lookup?: LookupFunction | undefined;
}

export interface DownloadContext {
  /** Most bytes. */
  limit: number;
  /** The part's place in the caller's body. */
  param: string;
  signal: AbortSignal;
}

const refusedCode = "EREFUSEDADDRESS";
const refusedText = "its address is not a public one";
const certificateText = "its certificate is not valid";
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Error codes that are explained to the caller. Ports and addresses inside the operator's network are not named. */
const reasons: Readonly<Record<string, string>> = {
  [refusedCode]: refusedText,
  ENOTFOUND: "its host has no address",
  EAI_AGAIN: "its host has no address",
  ERR_TLS_CERT_ALTNAME_INVALID: certificateText,
  CERT_HAS_EXPIRED: certificateText,
  DEPTH_ZERO_SELF_SIGNED_CERT: certificateText,
  SELF_SIGNED_CERT_IN_CHAIN: certificateText,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificateText,
  UND_ERR_CONNECT_TIMEOUT: "its host did not answer in time",
  UND_ERR_HEADERS_TIMEOUT: "its host did not answer in time",
  UND_ERR_BODY_TIMEOUT: "its host did not answer in time",
};

interface Opened {
  agent: Agent;
  request: typeof request;
}

/** Loads the library and opens an agent that connects to public and allowed addresses only. */
export async function guardedAgent(
  options: Pick<DownloaderOptions, "allow" | "timeoutMs" | "lookup">,
): Promise<Opened> {
  const undici = await import("undici");
  const agent = new undici.Agent({
    connect: guardedConnector(options, undici.buildConnector),
    connections: 16,
    keepAliveTimeout: 1_000,
    maxHeaderSize: 16_384,
    headersTimeout: options.timeoutMs,
    bodyTimeout: options.timeoutMs,
  });
  return { request: undici.request, agent };
}

/**
 * Downloads what callers name by URL. The address is checked where the connection is made, so that no spelling of an
 * address, no redirect and no second answer of a name server leads into the operator's network.
 */
export class Downloader {
  // fixed at birth
  private readonly options: DownloaderOptions;
  // changed by events
  /** The library and its agent; the first download opens them. */
  private opened: Promise<Opened> | undefined;

  constructor(options: DownloaderOptions) {
    this.options = options;
  }

  /** Throws `invalid` naming the part when the download fails, is too large, too slow or not allowed. */
  async get(url: string, context: DownloadContext): Promise<Uint8Array> {
    const deadline = AbortSignal.timeout(this.options.timeoutMs);
    const signal = AbortSignal.any([context.signal, deadline]);
    try {
      return await this.follow(url, context, signal);
    } catch (thrown) {
      context.signal.throwIfAborted();
      if (thrown instanceof ParleyError) throw thrown;
      if (deadline.aborted) {
        throw invalid(context.param, `could not be downloaded within ${this.options.timeoutMs / 1000} seconds`);
      }
      throw invalid(context.param, `could not be downloaded: ${reasonOf(thrown)}`, thrown);
    }
  }

  async close(): Promise<void> {
    await (await this.opened)?.agent.destroy();
  }

  /** With the first download; the library takes 8 MB that a server without one does not need. */
  private open(): Promise<Opened> {
    this.opened ??= guardedAgent(this.options);
    return this.opened;
  }

  private async follow(first: string, context: DownloadContext, signal: AbortSignal): Promise<Uint8Array> {
    let url = readUrl(first, undefined, context.param);
    const { agent, request: ask } = await this.open();
    for (let hop = 0; hop <= this.options.redirects; hop += 1) {
      const answer = await ask(url, {
        dispatcher: agent,
        signal,
        headers: { accept: "image/*, video/*, */*;q=0.5", "accept-encoding": "identity", "user-agent": "parley" },
      });
      // destroying an unread body is reported as an error, which would end the process if no one listened
      answer.body.on("error", () => undefined);
      const location = answer.headers["location"];
      if (!redirectStatuses.has(answer.statusCode) || location === undefined) return await readBody(answer, context);
      // the body of a redirect is of no use, and reading it would let the server hold us
      answer.body.destroy();
      url = readUrl(Array.isArray(location) ? (location[0] ?? "") : location, url, context.param);
    }
    throw invalid(context.param, `could not be downloaded: more than ${this.options.redirects} redirects`);
  }
}

function readUrl(text: string, base: URL | undefined, param: string): URL {
  if (!URL.canParse(text, base?.href)) throw invalid(param, "is not a URL");
  const url = new URL(text, base?.href);
  if (url.protocol !== "http:" && url.protocol !== "https:") throw invalid(param, "must lead to an http or https URL");
  if (url.username !== "" || url.password !== "") throw invalid(param, "must not hold a user name or a password");
  return url;
}

async function readBody(answer: Awaited<ReturnType<typeof request>>, context: DownloadContext): Promise<Uint8Array> {
  const { statusCode, headers, body } = answer;
  const refuse = (error: ParleyError): ParleyError => {
    body.destroy();
    return error;
  };
  if (statusCode < 200 || statusCode > 299) {
    throw refuse(invalid(context.param, `could not be downloaded: the server answered ${statusCode}`));
  }
  if (Number(headers["content-length"] ?? 0) > context.limit) throw refuse(tooLarge(context.limit, context.param));
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > context.limit) throw refuse(tooLarge(context.limit, context.param));
    chunks.push(chunk);
  }
  if (size === 0) throw invalid(context.param, "could not be downloaded: the answer is empty");
  return Buffer.concat(chunks, size);
}

function guardedConnector(
  options: Pick<DownloaderOptions, "allow" | "timeoutMs" | "lookup">,
  build: typeof buildConnector,
): buildConnector.connector {
  const allowed = new AllowList(options.allow);
  const may = (host: string, address: string): boolean =>
    isPublicAddress(address) || allowed.hasAddress(address) || allowed.hasHost(host);
  const connect = build({
    timeout: options.timeoutMs,
    lookup: guardedLookup(options.lookup ?? (systemLookup as LookupFunction), may),
  } as buildConnector.BuildOptions);
  return (target, callback) => {
    const host = target.hostname.replace(/^\[|\]$/g, "");
    // an address in the URL is connected to without a lookup
    if (isIP(host) !== 0 && !may(host, host)) {
      callback(refusal(), null);
      return;
    }
    connect(target, (...outcome) => {
      const [error, socket] = outcome;
      if (error !== null || socket === null) callback(...outcome);
      else if (may(host, unmapped(socket.remoteAddress ?? ""))) callback(null, socket);
      else {
        socket.destroy();
        callback(refusal(), null);
      }
    });
  };
}

/** Hands on only the addresses that may be connected to; fails where there is none. */
function guardedLookup(lookup: LookupFunction, may: (host: string, address: string) => boolean): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        callback(error, "");
        return;
      }
      const fit = (found as LookupAddress[]).filter(({ address }) => may(host, address));
      const [first] = fit;
      if (first === undefined) callback(refusal(), "");
      else if (options.all === true) callback(null, fit);
      else callback(null, first.address, first.family);
    });
  };
}

function refusal(): NodeJS.ErrnoException {
  return Object.assign(new Error(refusedText), { code: refusedCode });
}

function reasonOf(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  return reasons[code] ?? "the connection failed";
}

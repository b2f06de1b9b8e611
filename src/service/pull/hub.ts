import type { Secret } from "../../lib/secret.ts";
import { ParleyError } from "../../model/error.ts";

export interface HubRequest {
  url: URL;
  /** Sent to the first host only, never to where it redirects. */
  token?: Secret | undefined;
  /** Headers that name the part of the file to send; called at every hop with the checksum known so far. */
  range(sha256: string | undefined): Record<string, string>;
  signal: AbortSignal;
}

/** The last answer after all redirects, and the checksum that one of the redirects named. */
export interface HubAnswer {
  response: Response;
  host: string;
  /** SHA-256 of the whole file as the hub names it. */
  sha256: string | undefined;
}

const maxHops = 8;
const redirects = new Set([301, 302, 303, 307, 308]);

/**
 * Requests a file from a hub. Redirects are followed by hand: the hub sends the checksum with its redirect
 * (`x-linked-etag`, huggingface_hub's `constants.py`), and the token must not reach the content network.
 */
export async function askHub(request: HubRequest): Promise<HubAnswer> {
  let at = request.url;
  let sha256: string | undefined;
  for (let hop = 0; hop <= maxHops; hop += 1) {
    const response = await reach(at, request, sha256);
    sha256 ??= linkedChecksum(response.headers);
    if (!redirects.has(response.status)) return { response, host: at.host, sha256 };
    await response.body?.cancel();
    at = nextHop(at, response.headers.get("location"));
  }
  throw new ParleyError("upstream", `${request.url.host} redirects without end`);
}

/** The address a redirect names. Throws where it is none, and where it would leave encryption. */
export function nextHop(from: URL, location: string | null): URL {
  if (location === null || !URL.canParse(location, from)) {
    throw new ParleyError("upstream", `${from.host} redirects to nowhere`);
  }
  const next = new URL(location, from);
  const plain = next.protocol === "http:" && from.protocol !== "https:";
  if (!plain && next.protocol !== "https:") {
    throw new ParleyError("upstream", `${from.host} redirects to ${next.protocol}//${next.host}; that is not followed`);
  }
  return next;
}

async function reach(at: URL, request: HubRequest, sha256: string | undefined): Promise<Response> {
  const { token } = request;
  const headers = { "accept-encoding": "identity", "user-agent": "parley", ...request.range(sha256) };
  const known = token !== undefined && at.origin === request.url.origin;
  try {
    return await fetch(at, {
      redirect: "manual",
      signal: request.signal,
      headers: known ? { ...headers, authorization: `Bearer ${token.reveal()}` } : headers,
    });
  } catch (thrown) {
    if (request.signal.aborted) throw thrown;
    throw unreachable(at.host, thrown);
  }
}

function unreachable(host: string, thrown: unknown): ParleyError {
  return new ParleyError(
    "upstream",
    `cannot reach ${host} (${reasonOf(thrown)}). Without a network: fetch the file on another machine, copy it here and ` +
      "serve it with --engine PATH.gguf; or name a mirror in PARLEY_HUB_URL",
  );
}

/** The code of a network failure, else its message. */
export function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  if (cause instanceof Error) return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
  return String(cause);
}

function linkedChecksum(headers: Headers): string | undefined {
  const tag = headers.get("x-linked-etag")?.replaceAll('"', "").toLowerCase();
  return tag !== undefined && /^[0-9a-f]{64}$/.test(tag) ? tag : undefined;
}

const statusTexts: Readonly<Record<number, string>> = {
  401: "wants a login: the file is private, gated or not there; set PARLEY_HUB_TOKEN, or choose another file",
  403: "refuses: accept the model's licence on its page and set PARLEY_HUB_TOKEN",
  404: "does not have this file",
  429: "asks to slow down; try again in a few minutes",
};

/** The error for a status that brings no file. */
export function refusal(host: string, status: number, url: URL): ParleyError {
  const what = statusTexts[status] ?? (status >= 500 ? "fails; try again later" : "answers something unexpected");
  return new ParleyError(
    status === 404 ? "not-found" : "upstream",
    `${host} ${what} (HTTP ${status}, ${url.origin}${url.pathname})`,
  );
}

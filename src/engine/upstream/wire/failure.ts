import type { IncomingHttpHeaders } from "node:http";
import { ParleyError, plainError, type ErrorKind } from "../../../model/error.ts";
import { contextError, type PromptSize } from "../../../model/context-bound.ts";
import { isObject, parseJson } from "../../../model/json.ts";
import { bodySeconds, headerSeconds } from "./retry-after.ts";

/** HTTP status of an upstream to the kind of error our caller gets. Anything else: `upstream`. */
const byStatus: Readonly<Record<number, ErrorKind>> = {
  400: "invalid",
  408: "timeout",
  413: "too-large",
  422: "invalid",
  429: "rate-limit",
  503: "overloaded",
  504: "timeout",
  524: "timeout",
  529: "overloaded",
};

/** The vendor's numeric codes (platform.minimaxi.com, error codes, 2026-08), for its hosted API and for Parley behind Parley. */
const byCode: Readonly<Record<number, ErrorKind>> = {
  1001: "timeout",
  1002: "rate-limit",
  1026: "input-sensitive",
  1027: "output-sensitive",
  1039: "token-limit",
  1041: "rate-limit",
  2045: "rate-limit",
  2056: "rate-limit",
  2062: "rate-limit",
  2064: "overloaded",
};

/** Words in `code`, `type` or `status` of an error, where a server or a gateway before it gives no number. */
const byWord: readonly (readonly [RegExp, ErrorKind])[] = [
  [/rate.?limit|too.?many.?requests|throttl|resource.?exhausted|quota/i, "rate-limit"],
  [/overload|service.?unavailable|^unavailable$|server.?busy/i, "overloaded"],
  [/time.?d?.?out|deadline.?exceeded/i, "timeout"],
];

/** Phrases for the same at the beginning of a message, where it has no such word. Further on a message may quote the prompt. */
const byPhrase: readonly (readonly [RegExp, ErrorKind])[] = [
  [
    /rate.?limit.{0,8}(?:exceed|reach|error)|(?:exceed|reach).{0,24}(?:rate.?limit|quota)|too many requests/i,
    "rate-limit",
  ],
  [/\b(?:server|engine|model|service)\b.{0,24}\b(?:overloaded|busy|unavailable)/i, "overloaded"],
  [/\brequest timed? ?out|\btimed out\b/i, "timeout"],
];
const phraseChars = 100;

/** How servers report that they do not have the model, with another status than 404. */
const unknownModelWord = /^(?:model.?not.?found|unknown.?model|invalid.?model(?:.?name)?)$/i;
const unknownModelPhrase =
  /^(?:[\w.]{1,60}: ){0,3}(?:the |this |requested ){0,2}(?:invalid model name|model\b.{0,200}(?:does not exist|not found|is not (?:a valid|available|supported)))|is not a valid model/i;

/** The vendor's code for everything wrong with a request, used for other statuses as well: the status says more. */
const invalidParameters = 2013;

/** How servers report that the prompt is too long: vLLM, SGLang, llama-server, Ollama, the vendor, OpenAI. */
const contextWords =
  /context (length|window|size)|maximum context|exceeds? (the )?(available )?context|exceed_context|longer than the model'?s|prompt is too long|input is too long/i;

/** Their numbers: the window's tokens, and the prompt's. What they requested in all is more than the prompt. */
const windowNumbers =
  /(?:maximum context length (?:is|of)|context (?:size|length|window)(?: is| of)?|the window has)\s*\(?(\d{1,9})\b/i;
const promptNumbers =
  /\b(\d{1,9}) (?:tokens )?(?:in|from) the (?:messages|prompt|input)|(?:resulted in|\b(?:request|input|prompt)(?: has| contains| is)?) \(?(?:about )?(\d{1,9}) (?:input )?tokens/i;

/** The sizes that a server names in its message; only numbers are taken from it. */
function sizeIn(message: string): PromptSize {
  const [, window] = windowNumbers.exec(message) ?? [];
  const [, before, behind] = promptNumbers.exec(message) ?? [];
  const tokens = before ?? behind;
  return {
    windowTokens: window === undefined ? undefined : Number(window),
    tokens: tokens === undefined ? undefined : Number(tokens),
  };
}

/** What shows that a message holds a web page. */
const page = /^<|<!doctype|<html|<head>|<body/i;

/** Kinds whose message is sent to the caller; of the others only the status is. */
const messageKinds: ReadonlySet<ErrorKind> = new Set(["invalid", "too-large", "token-limit"]);

/** The cause of an error that an upstream reported; for the log, and for what is done about it. */
class Report extends Error {
  readonly status: number;
  /** Its body was an error in the form of an API. */
  readonly formed: boolean;

  constructor(status: number, text: string, formed: boolean) {
    super(`upstream: ${status} ${text}`);
    this.status = status;
    this.formed = formed;
  }
}

/** The server is well, but does not know the model or the path: no sign of a broken one, and no use to ask it again. */
export function isUnknownThere(error: ParleyError): boolean {
  return error.cause instanceof Report && error.cause.status === 404;
}

/** The error of a 200 whose body is a web page. */
export function pageFailure(): ParleyError {
  const cause = new Report(200, "a web page", false);
  return plainError("upstream", "the upstream answered with a web page, not as an API", { cause });
}

/** What is asked is not there, or something else is: the address may be a wrong one. */
export function isElsewhere(error: ParleyError): boolean {
  return error.cause instanceof Report && (error.cause.status === 404 || error.cause.status === 200);
}

/** Statuses with which gateways end a request whose server is silent. */
const gatewayStatuses: ReadonlySet<number> = new Set([408, 502, 503, 504, 524]);

/**
 * Whether a gateway before the server may have ended the request, and not the server or we. Who names a time for the next try is
 * busy, and so is who answers 503 in the form of an API.
 */
export function isCutByGateway({ kind, cause, retryAfter }: ParleyError): boolean {
  if (retryAfter !== undefined) return false;
  if (cause instanceof Report) return gatewayStatuses.has(cause.status) && !(cause.status === 503 && cause.formed);
  return kind === "upstream" && brokenCodes.has(networkCode(cause));
}

interface ReportedError {
  message: string;
  code: number;
  status: number;
  /** Its `code`, `type` and `status` as text. */
  words?: readonly string[];
  /** `false` where the body was no error in the form of an API. */
  formed?: false;
}

/** The error of an answer that is not 200. `body` is its beginning as text. */
export function statusFailure(status: number, body: string, headers: IncomingHttpHeaders): ParleyError {
  const parsed = parseJson(body);
  const text = isObject(parsed) ? "" : body.trim();
  const reported = readError(parsed) ?? { message: text, code: 0, status: 0, formed: false };
  return failure({ ...reported, status }, headerSeconds(headers) ?? bodySeconds(parsed));
}

/** The error a body or an event of a 200 carries; `undefined` when it carries none. */
export function bodyFailure(value: unknown): ParleyError | undefined {
  const reported = readError(value);
  return reported === undefined ? undefined : failure(reported, bodySeconds(value));
}

function failure(reported: ReportedError, retryAfter: number | undefined): ParleyError {
  // a page was written by a server that knows nothing of the request
  const text = page.test(reported.message) ? "" : reported.message.slice(0, 500);
  const kind = kindOf(reported);
  const unknown = kind === "upstream" && (reported.status === 404 || isUnknownModel(reported));
  const detail = {
    cause: new Report(unknown ? 404 : reported.status, text, reported.formed !== false),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
  if (unknown) {
    return plainError(kind, "the upstream does not know the model or the address configured for it", detail);
  }
  if (kind === "invalid" && contextWords.test(text))
    return contextError(sizeIn(text), { message: text, cause: detail.cause });
  if (messageKinds.has(kind))
    return new ParleyError(kind, text === "" ? `the upstream answered ${reported.status}` : text, detail);
  if (kind === "upstream" && (reported.status === 401 || reported.status === 403)) {
    return plainError(kind, "the upstream refused the credentials configured for it", detail);
  }
  const what = reported.status === 0 ? "reported an error" : `answered ${reported.status}`;
  return plainError(kind, `the upstream ${what}`, detail);
}

function kindOf(reported: ReportedError): ErrorKind {
  const coded = byCode[reported.code];
  if (coded !== undefined) return coded;
  // Some servers answer 500 where the caller's prompt is at fault.
  if (contextWords.test(reported.message) && reported.status < 501) return "invalid";
  if (reported.status === 0 && reported.code === invalidParameters) return "invalid";
  const { status } = reported;
  const worded = wordedKind(reported);
  // What a status says already, words only make more exact.
  if (worded !== undefined && (status === 0 || status >= 500 || worded === "rate-limit")) return worded;
  const kind = byStatus[status] ?? "upstream";
  return kind === "invalid" && isUnknownModel(reported) ? "upstream" : kind;
}

/** The kind by the words of an error, or else by how its message begins. */
function wordedKind({ message, words = [] }: ReportedError): ErrorKind | undefined {
  const start = message.slice(0, phraseChars);
  const word = byWord.find(([pattern]) => words.some((one) => pattern.test(one)));
  return (word ?? byPhrase.find(([pattern]) => pattern.test(start)))?.[1];
}

function isUnknownModel({ message, words = [] }: ReportedError): boolean {
  return words.some((word) => unknownModelWord.test(word)) || unknownModelPhrase.test(message.slice(0, 300));
}

/**
 * Reads the error forms in use: `{error:{message,code,http_code}}`, `{error:"text"}`, vLLM's `{object:"error",message}`,
 * FastAPI's `{detail}`, the vendor's `base_resp`.
 */
function readError(value: unknown): ReportedError | undefined {
  if (!isObject(value)) return undefined;
  const { error, detail } = value;
  if (typeof error === "string" && error !== "") return withCode(error, 0);
  if (isObject(error)) {
    return { ...withCode(textFrom(error["message"]), statusFrom(error)), words: wordsFrom(error) };
  }
  if (value["object"] === "error" || value["type"] === "error") {
    return { ...withCode(textFrom(value["message"]), statusFrom(value)), words: wordsFrom(value) };
  }
  const base = value["base_resp"];
  if (isObject(base) && numberFrom(base["status_code"]) !== 0) {
    return { message: textFrom(base["status_msg"]), code: numberFrom(base["status_code"]), status: 0 };
  }
  return (detail ?? "") === "" ? undefined : withCode(textFrom(detail), 0);
}

/** The vendor puts its code in parentheses at the end, and `invalid params, ` before what our own envelope prefixes. */
function withCode(message: string, status: number): ReportedError {
  const match = /\s*\((\d{4,5})\)\s*$/.exec(message);
  const bare = (match === null ? message : message.slice(0, match.index)).replace(/^invalid params, /, "");
  return { message: bare, code: match === null ? 0 : Number(match[1]), status: isError(status) ? status : 0 };
}

function isError(status: number): boolean {
  return status >= 400 && status < 600;
}

/** The first of the members in use that is a number. */
function statusFrom(error: Readonly<Record<string, unknown>>): number {
  const numbers = [error["http_code"], error["code"], error["status"], error["status_code"]].map(numberFrom);
  return numbers.find((number) => number !== 0) ?? 0;
}

function wordsFrom(error: Readonly<Record<string, unknown>>): string[] {
  return [error["code"], error["type"], error["status"]].filter((word) => typeof word === "string");
}

function textFrom(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : JSON.stringify(value);
}

function numberFrom(value: unknown): number {
  const number = typeof value === "string" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : 0;
}

/** Codes of a connection that the other side ended. */
export const brokenCodes: ReadonlySet<string> = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

/** Codes of the network layer to what they mean; anything else is a broken connection. */
const byNetworkCode: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refused the connection",
  ENOTFOUND: "has an unknown host name",
  EAI_AGAIN: "has a host name that cannot be resolved now",
  UND_ERR_CONNECT_TIMEOUT: "did not accept the connection in time",
  Z_DATA_ERROR: "sent a body that cannot be decompressed",
  Z_BUF_ERROR: "broke off in a compressed body",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "sent another length than it announced",
};

/** A thrown network error as an `upstream` or `timeout` error; a `ParleyError` stays what it is. */
export function networkFailure(thrown: unknown): ParleyError {
  if (thrown instanceof ParleyError) return thrown;
  const code = networkCode(thrown);
  const kind = code === "UND_ERR_CONNECT_TIMEOUT" ? "timeout" : "upstream";
  return plainError(kind, `the upstream ${byNetworkCode[code] ?? "broke the connection"}`, { cause: thrown });
}

/** The code of a thrown network error, `""` where it has none. */
export function networkCode(thrown: unknown): string {
  if (thrown instanceof AggregateError) return networkCode(thrown.errors[0]);
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
}

/** What a server that starts or a proxy before it answers: nothing is known of whose server it is. */
const awayStatuses: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529]);

/** A client error that says nothing of who asks: the server has no such path. */
function refusesPath(status: number): boolean {
  return status >= 400 && status < 500 && status !== 401 && status !== 403;
}

/** Whether a status leaves open whose server it is. `unlisted`: models were asked for, and none were listed. */
export function leavesOpen(status: number, unlisted: boolean): boolean {
  return awayStatuses.has(status) || (unlisted && !refusesPath(status));
}

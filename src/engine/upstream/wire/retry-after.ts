import type { IncomingHttpHeaders } from "node:http";
import { isObject } from "../../../model/json.ts";

/** Headers in use that give milliseconds: OpenAI's and Azure's. They are more exact than `Retry-After`. */
const millisecondHeaders = ["retry-after-ms", "x-ms-retry-after-ms"];
/** Longest time of rest that is believed. */
const maxSeconds = 86_400;

/** Seconds of rest that the headers of an answer ask for. */
export function headerSeconds(headers: IncomingHttpHeaders): number | undefined {
  for (const name of millisecondHeaders) {
    const found = secondsFrom(first(headers[name]), 1000);
    if (found !== undefined) return found;
  }
  return secondsFrom(first(headers["retry-after"]));
}

/** Seconds of rest that a body asks for: in its error, or beside it. */
export function bodySeconds(body: unknown): number | undefined {
  if (!isObject(body)) return undefined;
  for (const place of [body["error"], body]) {
    if (!isObject(place)) continue;
    const found = secondsFrom(place["retry_after"]) ?? secondsFrom(place["retry_after_ms"], 1000);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whole seconds, a day at most, from a number of units (`7`, `"7"`, `"6.4"`, `"7s"`) or from a date; `perSecond`: units in a second. */
function secondsFrom(value: unknown, perSecond = 1): number | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const text = String(value).trim();
  const number = /^(-?\d+(?:\.\d*)?(?:e\+?\d{1,3})?)\s?s?$/i.exec(text)?.[1];
  const seconds = number === undefined ? secondsUntil(text) : Number(number) / perSecond;
  return seconds === undefined ? undefined : Math.min(maxSeconds, Math.max(0, Math.ceil(seconds)));
}

/** The form of dates in HTTP (RFC 9110, HTTP-date) and in JSON; others are no dates. */
function secondsUntil(text: string): number | undefined {
  const at = /^(?:[a-z]{3,9}, |\d{4}-\d\d-\d\dT|[a-z]{3} [a-z]{3} )/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : (at - Date.now()) / 1000;
}

function first(header: string | string[] | undefined): string | undefined {
  return [header].flat()[0];
}

/** A log line as it is written elsewhere: one JSON object. */
type Line = Readonly<Record<string, unknown>>;

/** Names of pino's levels. */
const levels: Readonly<Record<number, string>> = { 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL" };
/** Fields that the beginning of a line shows already, or that no one reads on a terminal. */
const shownFirst: ReadonlySet<string> = new Set(["level", "time", "msg", "err"]);
const shownInRequest: ReadonlySet<string> = new Set([
  ...shownFirst,
  ..."method route path status model inputTokens cachedTokens outputTokens firstTokenMs ms error reason traceId spanId".split(
    " ",
  ),
]);
/** What ended well needs no word. */
const goodOutcomes: ReadonlySet<unknown> = new Set(["stop", "calls"]);

/**
 * A line of the log for people: time, level and message, then the other fields. A request is shown in one piece:
 * `12:30:01.120 INFO  POST /v1/chat/completions 200 MiniMax-M3 12 in, 34 out 812 ms engine=gpu id=...`.
 */
export function textLine(json: string): string {
  let line: Line;
  try {
    line = JSON.parse(json) as Line;
  } catch {
    return json;
  }
  const { level, time, msg, err } = line;
  const isRequest = msg === "request" || msg === "generation";
  const head = [clock(time), (levels[Number(level)] ?? "").padEnd(5), isRequest ? requestText(line) : plain(msg)];
  const hidden = isRequest ? shownInRequest : shownFirst;
  const rest = Object.entries(line)
    .filter(([name, value]) => !hidden.has(name) && !(name === "outcome" && goodOutcomes.has(value)))
    .map(([name, value]) => `${name}=${fieldText(value)}`);
  return `${[...head, ...rest].filter((part) => part !== "").join(" ")}${faultText(err)}\n`;
}

/** Method, path, status, model, tokens, milliseconds, and what went wrong. */
function requestText(line: Line): string {
  const { method, route, path, status, model, inputTokens, cachedTokens, outputTokens, ms, error, reason } = line;
  const cached = Number(cachedTokens ?? 0) > 0 ? ` (${plain(cachedTokens)} cached)` : "";
  const tokens = inputTokens === undefined ? "" : `${plain(inputTokens)} in${cached}, ${plain(outputTokens)} out`;
  const fault =
    error === undefined
      ? ""
      : [error, reason]
          .filter((part) => part !== undefined)
          .map(plain)
          .join(": ");
  return [
    method === undefined ? "generation" : plain(method),
    plain(route ?? path),
    plain(status),
    plain(model),
    tokens,
    ms === undefined ? "" : `${Math.round(Number(ms))} ms`,
    fault,
  ]
    .filter((part) => part !== "")
    .join(" ");
}

/** The time of day here. */
function clock(time: unknown): string {
  const at = new Date(String(time));
  if (Number.isNaN(at.getTime())) return "";
  const two = (value: number): string => String(value).padStart(2, "0");
  const ms = String(at.getMilliseconds()).padStart(3, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}

/** An error in the form of `faultOf`: its names and codes, then where it was thrown. */
function faultText(fault: unknown): string {
  if (typeof fault !== "object" || fault === null) return "";
  const { frames, ...named } = fault as { frames?: unknown; type?: unknown; kind?: unknown; code?: unknown };
  const names = [named.type, named.kind, named.code].filter((name) => name !== undefined).map(plain);
  const places = Array.isArray(frames) ? frames.map((frame) => `\n    ${plain(frame)}`) : [];
  return ` err=${names.join("/")}${places.join("")}`;
}

function fieldText(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return plain(typeof value === "string" && /[\s"=]/.test(text) ? JSON.stringify(text) : text);
}

/** Control characters could move the cursor or change colours. */
function plain(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replaceAll(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

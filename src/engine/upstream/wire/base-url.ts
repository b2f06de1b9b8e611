/** The parts of a configured base URL. */
export interface BaseUrl {
  /** For people who run the server: without credentials and query. Others see `publicNames`. */
  name: string;
  origin: string;
  /** Before every relative path. */
  prefix: string;
  /** With its question mark; sent with every call. */
  query: string;
  /** Value of the `Authorization` header that user and password of the URL stand for. */
  authorization: string | undefined;
}

export function readBaseUrl(text: string): BaseUrl {
  const url = new URL(text);
  const { origin, pathname, search, username, password } = url;
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const named = username !== "" || password !== "" || search !== "";
  return {
    name: named ? origin + pathname : text,
    origin,
    prefix: pathname === "/" ? "/v1" : pathname.replace(/\/+$/, ""),
    query: search,
    authorization: username + password === "" ? undefined : `Basic ${Buffer.from(user).toString("base64")}`,
  };
}

/**
 * What callers, metrics and traces may see of the servers behind base URLs: host and port. A path or a query may hold a
 * secret. A second one on the same port has `#2` behind it.
 */
export function publicNames(urls: readonly string[]): string[] {
  const counts = new Map<string, number>();
  return urls.map((text) => {
    const { hostname, port, protocol } = new URL(text);
    const place = `${hostname}:${port === "" ? (protocol === "https:" ? 443 : 80) : port}`;
    const count = (counts.get(place) ?? 0) + 1;
    counts.set(place, count);
    return count === 1 ? place : `${place}#${count}`;
  });
}

/** What is wrong with a base URL, in words; `undefined` where nothing is. */
export function baseUrlFault(text: string): string | undefined {
  const path = URL.canParse(text) ? new URL(text).pathname : "";
  const ending = /\/(?:chat\/completions|completions|responses|models)\/*$/.exec(path)?.[0];
  if (ending === undefined) return undefined;
  return `give the base URL, without ${ending.replace(/\/+$/, "")}, which Parley adds: it ends in ${path.slice(0, -ending.length) || "/v1"}`;
}

/** The parts of a configured base URL. */
export interface BaseUrl {
  /** For people, logs and metrics: without credentials and query. */
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

/** What is wrong with a base URL, in words; `undefined` where nothing is. */
export function baseUrlFault(text: string): string | undefined {
  const path = URL.canParse(text) ? new URL(text).pathname : "";
  const ending = /\/(?:chat\/completions|completions|responses|models)\/*$/.exec(path)?.[0];
  if (ending === undefined) return undefined;
  return `give the base URL, without ${ending.replace(/\/+$/, "")}, which Parley adds: it ends in ${path.slice(0, -ending.length) || "/v1"}`;
}

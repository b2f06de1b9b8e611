/**
 * The path of a request target (`/v1//models/?a=1`) as the router reads it: without host and query, decoded but for
 * reserved signs, with no slash doubled or at the end.
 */
export function requestPath(target: string | undefined): string {
  const [path = ""] = (target ?? "").replace(/^https?:\/\/[^/?#]*/i, "").split(/[?#]/, 1);
  return decoded(path)
    .replaceAll(/\/{2,}/g, "/")
    .replace(/(?<=.)\/$/, "");
}

function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

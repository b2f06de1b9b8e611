import type { Json, JsonObject } from "../../model/json.ts";

/** The recorded request that differs least from the wanted one, and where they differ first. */
export interface Nearest {
  file: string;
  /** How many values differ. */
  count: number;
  /** `items[2].parts[0].text` */
  path: string;
  recorded: string;
  wanted: string;
}

export function nearestRequest(
  wanted: JsonObject,
  recorded: readonly { file: string; request: JsonObject }[],
): Nearest | undefined {
  const flatWanted = flatten(wanted);
  let nearest: Nearest | undefined;
  for (const { file, request } of recorded) {
    const flatRecorded = flatten(request);
    const paths = [...new Set([...flatWanted.keys(), ...flatRecorded.keys()])];
    const different = paths.filter((path) => flatWanted.get(path) !== flatRecorded.get(path));
    const [path] = different;
    if (path === undefined || different.length >= (nearest?.count ?? Infinity)) continue;
    nearest = {
      file,
      count: different.length,
      path,
      recorded: shown(flatRecorded.get(path)),
      wanted: shown(flatWanted.get(path)),
    };
  }
  return nearest;
}

/** Every value that holds no others, as JSON, by its path. */
function flatten(value: Json | undefined, path = "", into = new Map<string, string>()): Map<string, string> {
  if (Array.isArray(value)) {
    for (const [index, one] of value.entries()) flatten(one as Json, `${path}[${index}]`, into);
  } else if (typeof value === "object" && value !== null) {
    for (const [name, one] of Object.entries(value)) flatten(one as Json, path === "" ? name : `${path}.${name}`, into);
  } else if (value !== undefined) {
    into.set(path, JSON.stringify(value));
  }
  return into;
}

/** Longest value that is shown, in UTF-16 units. */
const maxShownChars = 60;

function shown(value: string | undefined): string {
  if (value === undefined) return "nothing";
  return value.length > maxShownChars ? `${value.slice(0, maxShownChars).toWellFormed()}…` : value;
}

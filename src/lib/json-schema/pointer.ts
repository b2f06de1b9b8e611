/**
 * What a local reference, `#/$defs/name`, points to (RFC 6901, also percent-encoded as URIs are); undefined where there
 * is nothing, and for references to other documents.
 */
export function resolvePointer(root: unknown, reference: string): unknown {
  if (!reference.startsWith("#")) return undefined;
  let place = root;
  for (const step of reference.slice(1).split("/")) {
    // callers write `#/`, `#a` and `#/a//b` for `#`, `#/a` and `#/a/b`
    if (step !== "") place = memberOf(place, percentDecoded(step).replaceAll("~1", "/").replaceAll("~0", "~"));
  }
  return place;
}

/** Callers write pointers with and without percent encoding. */
function percentDecoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

function memberOf(place: unknown, key: string): unknown {
  if (typeof place !== "object" || place === null || !Object.hasOwn(place, key)) return undefined;
  return (place as Readonly<Record<string, unknown>>)[key];
}

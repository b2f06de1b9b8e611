import { parseDocument, stringify, type Document } from "yaml";
import { invalid } from "../../model/error.ts";
import { isObject, parseJson, type Json, type JsonObject } from "../../model/json.ts";
import type { ClientFile } from "./client.ts";
import { mergeToml, tomlText } from "./toml.ts";

/** The file as it has to be where there is none yet. */
export function newText({ format, content, defaults = {} }: ClientFile): string {
  const all = { ...defaults, ...content };
  if (format === "toml") return tomlText(all);
  return format === "yaml" ? stringify(all, { lineWidth: 0 }) : `${JSON.stringify(all, null, 2)}\n`;
}

/**
 * The file with our content in it; everything else stays, comments of YAML and TOML included. Throws `invalid` where
 * the text cannot be read safely.
 */
export function mergedText(file: ClientFile, before: string): string {
  if (file.whole === true || before.trim() === "") return newText(file);
  if (file.format === "toml") return mergeToml(before, file.content);
  return file.format === "yaml" ? mergeYaml(file, before) : mergeJson(file, before);
}

function mergeJson({ name, content, defaults = {} }: ClientFile, before: string): string {
  const held = parseJson(before.replace(/^\uFEFF/, ""));
  if (!isObject(held)) throw invalid("", `${name} is not plain JSON (comments?): add the lines by hand`);
  const indent = /^(?:\{\s*?\n)([ \t]+)/.exec(before)?.[1] ?? "  ";
  const merged = merge({ ...defaults, ...(held as JsonObject) }, content);
  return `${JSON.stringify(merged, null, indent)}\n`;
}

/** Objects by member, lists of named objects by name; otherwise what is ours takes the place of what was there. */
function merge(held: Json | undefined, ours: Json): Json {
  if (isObject(ours) && isObject(held)) {
    const members = Object.entries(ours).map(([name, value]) => [
      name,
      value === undefined ? held[name] : merge((held as JsonObject)[name], value as Json),
    ]);
    return { ...held, ...Object.fromEntries(members) } as JsonObject;
  }
  if (!Array.isArray(ours) || !Array.isArray(held)) return ours;
  const [first] = ours as readonly Json[];
  if (nameOf(first) === undefined) return ours;
  const rest = [...(ours as readonly Json[])];
  const kept = (held as readonly Json[]).map((one) => {
    const at = rest.findIndex((other) => nameOf(one) !== undefined && nameOf(other) === nameOf(one));
    return at === -1 ? one : merge(one, rest.splice(at, 1)[0] ?? one);
  });
  return [...kept, ...rest];
}

/** What an entry of a list is known by: its `id` or `name`, and its address where it has one. */
function nameOf(entry: unknown): string | undefined {
  if (!isObject(entry)) return undefined;
  const name = entry["id"] ?? entry["name"];
  return typeof name === "string" ? JSON.stringify([name, entry["baseUrl"]]) : undefined;
}

function mergeYaml({ name, content, defaults = {} }: ClientFile, before: string): string {
  const document = parseDocument(before);
  const held: unknown = document.errors.length > 0 ? undefined : document.toJS();
  if (!isObject(held)) throw invalid("", `${name} is not valid YAML settings: add the lines by hand`);
  for (const [key, value] of Object.entries(defaults)) if (held[key] === undefined) document.set(key, value);
  for (const [key, value] of Object.entries(content)) setYaml(document, [key], { held: held[key], ours: value });
  return document.toString({ lineWidth: 0 });
}

/** Changes only the nodes that differ, so that comments stay where they are. */
function setYaml(
  document: Document,
  path: (string | number)[],
  { held, ours }: { held: unknown; ours: unknown },
): void {
  const merged = merge(held as Json | undefined, ours as Json);
  if (isObject(merged) && isObject(held)) {
    for (const [key, value] of Object.entries(merged))
      setYaml(document, [...path, key], { held: held[key], ours: value });
  } else if (Array.isArray(merged) && Array.isArray(held) && merged.length >= held.length) {
    merged.forEach((value, index) => setYaml(document, [...path, index], { held: held[index], ours: value }));
  } else if (JSON.stringify(merged) !== JSON.stringify(held)) document.setIn(path, merged);
}

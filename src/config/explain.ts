import { z } from "zod";
import { upstreamDialects } from "../engine/upstream/settings.ts";
import { isObject } from "../model/json.ts";
import { nearName } from "./near-name.ts";
import { configSchema } from "./schema.ts";

/** One sentence on the first mistake: the setting, where it comes from, what was found, and what is allowed. */
export function describeIssue(error: z.ZodError, raw: unknown, origin: ReadonlyMap<string, string>): string {
  // a name with a typing mistake also leaves the right name without a value: the mistake is what helps
  const issue = error.issues.find(({ code }) => code === "unrecognized_keys") ?? error.issues[0];
  if (issue === undefined) return "invalid configuration";
  const name = issue.path.map(String).join(".");
  const unknown = issue.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const source = origin.get(String(issue.path[0] ?? unknown ?? "")) ?? "";
  const where = source === "" ? "" : ` (from ${source})`;
  if (issue.code === "unrecognized_keys") {
    const full = issue.keys.map((key) => (name === "" ? key : `${name}.${key}`)).join(", ");
    const near = nearName(unknown ?? "", settingNames());
    return `${full}: unknown setting${where}; ${near === undefined ? "docs/config.md lists all of them" : `did you mean ${near}?`}`;
  }
  return `${name}${where}: found ${show(raw, issue.path)}; ${wordsOf(issue, valueAt(raw, issue.path))}`;
}

/** What zod says of a value that is none of several, where the schema has no sentence of its own. */
const unsaid = "Invalid input";

type Issue = z.ZodError["issues"][number];

/** What is allowed. */
function wordsOf(issue: Issue, found: unknown): string {
  if (issue.code === "invalid_type") return `must be ${withArticle(issue.expected)}`;
  if (issue.code === "invalid_value") return `allowed are ${issue.values.map(String).join(", ")}`;
  if (issue.code === "too_big" && issue.origin === "number")
    return `must be ${issue.inclusive === false ? "less than" : "at most"} ${String(issue.maximum)}`;
  if (issue.code === "too_small" && issue.origin === "number")
    return `must be ${issue.inclusive === false ? "more than" : "at least"} ${String(issue.minimum)}`;
  if (issue.code !== "invalid_union") return issue.message;
  if (issue.discriminator !== undefined) {
    const dialect = upstreamDialects.find((name) => name === found);
    const hint = dialect === undefined ? "" : `; for this server write kind: upstream and dialect: ${dialect}`;
    return `allowed are ${"options" in issue ? String((issue.options as unknown[]).join(", ")) : "other words"}${hint}`;
  }
  if (issue.message !== unsaid) return issue.message;
  const wanted = issue.errors.flatMap(([first]) =>
    first?.code === "invalid_type" ? [withArticle(first.expected)] : [],
  );
  return wanted.length === 0 ? issue.message : `must be ${[...new Set(wanted)].join(" or ")}`;
}

function withArticle(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

interface Node {
  properties?: Record<string, Node>;
  [member: string]: unknown;
}

/** The names of all settings at all levels. */
function settingNames(): string[] {
  const names = new Set<string>();
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const one of node) visit(one);
    if (!isObject(node)) return;
    for (const name of Object.keys((node as Node).properties ?? {})) names.add(name);
    for (const child of Object.values(node)) visit(child);
  };
  visit(z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" }));
  return [...names];
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = raw;
  for (const key of path) value = isObject(value) || Array.isArray(value) ? (value as never)[key] : undefined;
  return value;
}

function show(raw: unknown, path: readonly PropertyKey[]): string {
  const value = valueAt(raw, path);
  if (/key|secret|password|^store\.url$|headers|token$/i.test(path.map(String).join("."))) return "***";
  if (value === undefined) return "nothing";
  const shown = JSON.stringify(value)?.replace(/\/\/[^/@"]*@/g, "//***@");
  return shown?.slice(0, 120) ?? (Array.isArray(value) ? "a list" : typeof value);
}

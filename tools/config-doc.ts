/** Writes docs/config.md from the schema: `node tools/config-doc.ts`. A test holds the page against the schema. */
import { writeFileSync } from "node:fs";
import { z } from "zod";
import { environmentTable } from "../src/config/load.ts";
import { configSchema } from "../src/config/schema.ts";

interface Node {
  type?: string | string[];
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  properties?: Record<string, Node>;
  additionalProperties?: Node | boolean;
  anyOf?: Node[];
  oneOf?: Node[];
  items?: Node;
}

const unbounded = Number.MAX_SAFE_INTEGER;

/** One setting by its full name; those of an engine are `engines.<name>(kind).setting`. */
export interface Setting {
  name: string;
  /** An integer or another number, or one of several types of which one is. */
  isNumber: boolean;
  default: unknown;
}

/** Every setting that the page has a row for. */
export function settingList(): Setting[] {
  const schema = z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" }) as Node;
  const named = Object.entries(schema.properties ?? {}).flatMap(([name, node]) =>
    kindsOf(node).flatMap((kind) => rows(kind, `${name}.<name>${kindName(kind)}`)),
  );
  return [...rows(schema, ""), ...named].map(({ name, node }) => ({
    name,
    isNumber: [node, ...(node.anyOf ?? [])].some(({ type }) => type === "integer" || type === "number"),
    default: node.default,
  }));
}

function kindName(kind: Node): string {
  const constant = kind.properties?.["kind"]?.const;
  return typeof constant === "string" ? `(${constant})` : "";
}

/** The page: one row a setting, its type, its default, its sentence. */
export function configPage(): string {
  const schema = z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" }) as Node;
  const environment = environmentTable.map((row) => `| \`${row.variable}\` | \`${row.setting}\` |`);
  return [
    "# Settings",
    "",
    "Settings stand in a YAML file (`--config` or `PARLEY_CONFIG`), in environment variables and in flags; a flag wins over a variable, a",
    "variable over the file. [examples/parley.yaml](../examples/parley.yaml) is a whole file. A dot stands for a level:",
    "`server.drainSeconds` is `server: { drainSeconds: 30 }`. This page is made from the schema (`node tools/config-doc.ts`).",
    "Any text may be given by reference: `{ env: NAME }` or `{ file: PATH }`, a path from the folder of the settings file. Unknown names are errors.",
    "",
    "| environment | setting |",
    "| --- | --- |",
    ...environment,
    "| `PARLEY_CONFIG` | the path of the file |",
    "",
    "`engine` (also `--engine`) is short for one engine that serves every name: `embedded`, `sim`, the path of a `.gguf`",
    "file, the name of a pulled model (docs/models.md), or a base URL.",
    "",
    ...table(rows(schema, "")),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, node]) => section(name, node)),
    "",
  ].join("\n");
}

interface Row {
  name: string;
  node: Node;
}

/** Settings at this level and in plain groups below it; records of named things get sections of their own. */
function rows(node: Node, prefix: string): Row[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const full = prefix === "" ? name : `${prefix}.${name}`;
    return child.properties === undefined ? [{ name: full, node: child }] : rows(child, full);
  });
}

function section(name: string, node: Node): string[] {
  return kindsOf(node).flatMap((kind) => {
    const constant = kind.properties?.["kind"];
    const title = constant === undefined ? `${name}.<name>` : `${name}.<name> with kind: ${String(constant.const)}`;
    const sentence = constant?.description === undefined ? [] : ["", constant.description];
    const own = rows(kind, "").filter((row) => row.name !== "kind");
    return ["", `## ${title}`, ...sentence, "", ...table(own)];
  });
}

/** The forms that a named thing may have. */
function kindsOf(node: Node): readonly Node[] {
  const each = typeof node.additionalProperties === "object" ? node.additionalProperties : undefined;
  return each?.oneOf ?? each?.anyOf ?? (each?.properties === undefined ? [] : [each]);
}

function table(list: readonly Row[]): string[] {
  return [
    "| setting | type | default | what it does |",
    "| --- | --- | --- | --- |",
    ...list.map(
      ({ name, node }) => `| \`${name}\` | ${typeOf(node)} | ${defaultOf(node)} | ${node.description ?? ""} |`,
    ),
  ];
}

function typeOf(node: Node): string {
  if (node.enum !== undefined) return node.enum.map((one) => `\`${String(one)}\``).join(", ");
  const union = node.anyOf ?? node.oneOf;
  if (union !== undefined) return [...new Set(union.map(typeOf))].join(" or ");
  if (node.type === "array") return `list of ${several(node.items)}`;
  if (node.type === "object") return node.properties === undefined ? mapType(node) : "object";
  return `${String(node.type ?? "text")}${rangeOf(node)}`;
}

/** Values by names of the reader's choice. */
function mapType({ additionalProperties }: Node): string {
  return `map of names to ${several(typeof additionalProperties === "object" ? additionalProperties : undefined)}`;
}

function several(node: Node | undefined): string {
  if (node === undefined) return "anything";
  return typeOf(node).replaceAll(/\b(?:string|integer|number|object)\b/g, "$&s");
}

function rangeOf({ minimum, maximum }: Node): string {
  const low = minimum === undefined || minimum <= -unbounded ? undefined : `from ${minimum}`;
  const high = maximum === undefined || maximum >= unbounded ? undefined : `to ${maximum}`;
  const range = [low, high].filter((part) => part !== undefined).join(" ");
  return range === "" ? "" : ` ${range}`;
}

function defaultOf(node: Node): string {
  return node.default === undefined ? "" : `\`${JSON.stringify(node.default)}\``;
}

if (import.meta.main) writeFileSync(new URL("../docs/config.md", import.meta.url), configPage());

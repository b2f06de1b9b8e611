import { documentedCards, type Family, type ModelCard } from "../model/card.ts";
import { ParleyError } from "../model/error.ts";
import type { Catalog, Engine, Target } from "./engine.ts";
import { familyOf } from "./family-name.ts";

/** One configured name: which engines serve it, in which order, under which name of theirs. */
export interface CatalogEntry {
  name: string;
  engines: readonly string[];
  /** The engine's own model name; default the catalog name. */
  model?: string;
  /** The documented model whose card an alias takes; default the name itself, else the first documented one. */
  like?: string;
  /** As in its card. */
  reasoningSplit?: boolean;
}

export interface CatalogOptions {
  /** By name; the first serves every name without an entry of its own. */
  engines: ReadonlyMap<string, Engine>;
  entries: readonly CatalogEntry[];
}

interface Row {
  card: ModelCard;
  targets: readonly Target[];
}

/** The documented models plus the configured names. Names match exactly, else without regard to case. */
export function createCatalog(options: CatalogOptions): Catalog {
  const rows = new Map<string, Row>();
  const first = options.engines.keys().next().value;
  if (first === undefined) throw new Error("a catalog needs at least one engine");
  const add = (entry: CatalogEntry): void => {
    rows.set(entry.name, { card: cardFor(entry), targets: targetsFor(entry, options.engines) });
  };
  for (const card of documentedCards) add({ name: card.id, engines: [first] });
  for (const entry of options.entries) add({ ...entry, engines: entry.engines.length === 0 ? [first] : entry.engines });
  const folded = new Map([...rows].map(([name, row]) => [name.toLowerCase(), row]));

  const find = (name: string): Row => {
    const row = rows.get(name) ?? folded.get(name.toLowerCase());
    if (row === undefined) throw unknownModel(name);
    return row;
  };
  return {
    card: (name) => find(name).card,
    list: () => [...rows.values()].map((row) => row.card),
    targets: (name) => find(name).targets,
    engines: () => options.engines,
    close: async () => {
      await Promise.all([...options.engines.values()].map((engine) => engine.close()));
    },
  };
}

/** In the vendor's words, which do not name the field. */
function unknownModel(name: string): ParleyError {
  return new ParleyError("invalid", `unknown model '${name.slice(0, 200)}'`, { param: "model" });
}

function cardFor(entry: CatalogEntry): ModelCard {
  const base = documented(entry.like ?? entry.name) ?? documentedCards[0];
  if (base === undefined) throw new Error("no documented cards");
  const { name, reasoningSplit } = entry;
  return { ...base, id: name, ...(reasoningSplit === undefined ? {} : { reasoningSplit }) };
}

function documented(name: string): ModelCard | undefined {
  const wanted = name.toLowerCase();
  return documentedCards.find((card) => card.id.toLowerCase() === wanted);
}

/** What `like` names decides; a documented name decides only where the engine's own name tells nothing. */
function familyFor({ name, model, like }: CatalogEntry): Family | undefined {
  if (like !== undefined) return documented(like)?.family;
  return model === undefined || familyOf(model) !== undefined ? undefined : documented(name)?.family;
}

function targetsFor(entry: CatalogEntry, engines: ReadonlyMap<string, Engine>): Target[] {
  return entry.engines.map((engineName) => {
    const engine = engines.get(engineName);
    if (engine === undefined) throw new Error(`model ${entry.name} names the unknown engine ${engineName}`);
    const family = familyFor(entry);
    return { engine, engineName, model: entry.model ?? entry.name, ...(family === undefined ? {} : { family }) };
  });
}

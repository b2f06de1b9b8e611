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
  /** Whether documented names without an entry are offered too; default: only where there are no entries. */
  unlisted?: boolean | undefined;
}

interface Row {
  card: ModelCard;
  targets: readonly Target[];
}

/** The owner of the vendor's repositories: names on model hubs, and what vLLM and SGLang call a model by default. */
const hubOwner = /^minimaxai\//i;

/**
 * The configured names, or the documented ones where none are configured. Names match exactly, else without regard to case
 * and without the vendor's name on a hub.
 */
export function createCatalog(options: CatalogOptions): Catalog {
  const rows = new Map<string, Row>();
  const first = options.engines.keys().next().value;
  if (first === undefined) throw new Error("a catalog needs at least one engine");
  const add = (entry: CatalogEntry): void => {
    const targets = targetsFor(entry, options.engines);
    rows.set(entry.name, { card: suited(cardFor(entry), targets[0]?.engine), targets });
  };
  const { unlisted = options.entries.length === 0 } = options;
  if (unlisted) for (const card of documentedCards) add({ name: card.id, engines: [first] });
  for (const entry of options.entries) add({ ...entry, engines: entry.engines.length === 0 ? [first] : entry.engines });
  const folded = new Map([...rows].map(([name, row]) => [name.toLowerCase(), row]));

  const find = (name: string): Row => {
    const row =
      rows.get(name) ?? folded.get(name.toLowerCase()) ?? folded.get(name.replace(hubOwner, "").toLowerCase());
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

/** The vendor's words, which do not name the field, and where to look; a key may not use all names, so none is named. */
function unknownModel(name: string): ParleyError {
  const message = `unknown model '${name.slice(0, 200)}'; GET /v1/models lists the models that are served`;
  return new ParleyError("invalid", message, { param: "model" });
}

function cardFor(entry: CatalogEntry): ModelCard {
  const base = documented(entry.like ?? entry.name) ?? documentedCards[0];
  if (base === undefined) throw new Error("no documented cards");
  const { name, reasoningSplit } = entry;
  return { ...base, id: name, ...(reasoningSplit === undefined ? {} : { reasoningSplit }) };
}

/** The card with the temperature that suits the model of the first engine. */
function suited(card: ModelCard, engine: Engine | undefined): ModelCard {
  const { temperature } = engine ?? {};
  return temperature === undefined ? card : { ...card, temperature: { ...card.temperature, default: temperature } };
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
    const { name, model = name } = entry;
    return { engine, engineName, model, named: entry.model !== undefined, ...(family === undefined ? {} : { family }) };
  });
}

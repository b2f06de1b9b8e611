import type { Catalog } from "../engine/engine.ts";
import type { ModelCard } from "../model/card.ts";
import { ParleyError } from "../model/error.ts";
import { mayUse } from "../policy/authenticate.ts";
import { resolveTarget } from "./route.ts";

/** One row of `GET /v1/models` (MiniMax API docs, models, 2026-08). */
export interface ModelRow {
  id: string;
  object: "model";
  created: number;
  owned_by: "minimax";
}

export interface ServedModel {
  model: string;
  engine: string;
  /** The engine's own name of it. */
  engineModel: string;
}

/** Which models are served, for callers. */
export class ModelService {
  private readonly catalog: Catalog;

  constructor(catalog: Catalog) {
    this.catalog = catalog;
  }

  /** Throws `invalid` for an unknown name. */
  card(name: string): ModelCard {
    return this.catalog.card(name);
  }

  /** Tokens of the largest window that serves a name: the card's, or that of an engine with more. Throws like `card`. */
  contextWindow(name: string): number {
    return largestWindow(this.catalog, name);
  }

  /** `allowed`: the names a key may use; absent: all. */
  list(allowed?: readonly string[]): ModelRow[] {
    const cards = this.catalog.list();
    return cards.filter(({ id }) => mayUse(allowed, id)).map(row);
  }

  /** Throws `not-found` for an unknown name and for one that the key may not use. */
  one(name: string, allowed?: readonly string[]): ModelRow {
    const card = this.find(name);
    if (card === undefined || !mayUse(allowed, card.id)) {
      throw new ParleyError("not-found", `unknown model '${name.slice(0, 200)}'`);
    }
    return row(card);
  }

  /** The first name of those in `allowed` (absent: all) that reads images and stands for an engine that takes them. */
  forImages(allowed?: readonly string[]): ModelCard | undefined {
    const takes = (name: string): boolean => this.catalog.targets(name).some(({ engine }) => engine.capabilities.image);
    return this.catalog
      .list()
      .find(({ id, modalities }) => mayUse(allowed, id) && modalities.includes("image") && takes(id));
  }

  /** For operators: which engine serves which name, under which name of its own. */
  describe(): Promise<ServedModel[]> {
    return Promise.all(this.catalog.list().map(({ id }) => this.describeOne(id)));
  }

  /** A name that an engine can be asked for, as it calls the model itself. */
  async nameAt(engineName: string): Promise<string> {
    const names = this.catalog.list().map(({ id }) => id);
    const targets = names.flatMap((id) => this.catalog.targets(id));
    const target = targets.find((one) => one.engineName === engineName);
    if (target !== undefined) return (await resolveTarget(target)).model;
    const engine = this.catalog.engines().get(engineName);
    const [name = ""] = names;
    return (await engine?.resolve?.(name))?.model ?? name;
  }

  private async describeOne(id: string): Promise<ServedModel> {
    const targets = this.catalog.targets(id);
    const [first] = targets;
    return {
      model: id,
      engine: targets.map((target) => `${target.engineName} (${target.engine.kind})`).join(", "),
      engineModel: first === undefined ? "" : (await resolveTarget(first)).model,
    };
  }

  /** `undefined` for an unknown name; any other failure is our own mistake and goes on. */
  private find(name: string): ModelCard | undefined {
    try {
      return this.catalog.card(name);
    } catch (thrown) {
      if (thrown instanceof ParleyError && thrown.kind === "invalid") return undefined;
      throw thrown;
    }
  }
}

/** Tokens of the largest window that serves a name. Throws `invalid` for an unknown one. */
export function largestWindow(catalog: Pick<Catalog, "card" | "targets">, name: string): number {
  const engines = catalog.targets(name).map(({ engine }) => engine.capabilities.contextWindow ?? 0);
  return Math.max(catalog.card(name).contextWindow, ...engines);
}

function row(card: ModelCard): ModelRow {
  return { id: card.id, object: "model", created: card.created, owned_by: "minimax" };
}

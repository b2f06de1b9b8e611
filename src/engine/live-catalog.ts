import type { ModelCard } from "../model/card.ts";
import type { Catalog, Engine, Target } from "./engine.ts";

/** How often a retired engine is asked whether it has finished its work. */
const drainCheckMs = 200;

/**
 * A catalog that can be exchanged while requests run: new requests see the new one, running ones keep their engines,
 * and an engine that is no longer used is closed when its last answer is over.
 */
export class LiveCatalog implements Catalog {
  // changed by events
  private current: Catalog;
  private readonly retired = new Map<Engine, NodeJS.Timeout>();

  constructor(first: Catalog) {
    this.current = first;
  }

  card(name: string): ModelCard {
    return this.current.card(name);
  }

  list(): readonly ModelCard[] {
    return this.current.list();
  }

  targets(name: string): readonly Target[] {
    return this.current.targets(name);
  }

  engines(): ReadonlyMap<string, Engine> {
    return this.current.engines();
  }

  /** Engines that stand in both catalogs go on as they are. */
  exchange(next: Catalog): void {
    const kept = new Set(next.engines().values());
    const leaving = [...this.current.engines().values()].filter((engine) => !kept.has(engine));
    this.current = next;
    for (const engine of leaving) this.retire(engine);
  }

  async close(): Promise<void> {
    const leaving = [...this.retired];
    this.retired.clear();
    for (const [, timer] of leaving) clearInterval(timer);
    await Promise.all([this.current.close(), ...leaving.map(([engine]) => engine.close())]);
  }

  private retire(engine: Engine): void {
    const timer = setInterval(() => {
      const { running, waiting } = engine.load();
      if (running + waiting > 0) return;
      clearInterval(timer);
      this.retired.delete(engine);
      // no one waits for its end, however it comes
      engine.close().catch(() => undefined);
    }, drainCheckMs);
    timer.unref();
    this.retired.set(engine, timer);
  }
}

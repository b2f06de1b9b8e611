import type { Engine } from "../engine/engine.ts";
import type { Store } from "../store/store.ts";

export interface ReadinessOptions {
  store: Pick<Store, "check">;
  /** By name, as they are now. */
  engines: () => ReadonlyMap<string, Pick<Engine, "members">>;
  /** How far the opening of each engine is: `ready`, `loading` or `failed`. */
  opened: ReadonlyMap<string, string>;
}

/** What may be sent requests. */
export interface ReadinessReport {
  ready: boolean;
  store: string;
  engines: Readonly<Record<string, string>>;
}

/** A store that does not answer within this time cannot be read. */
const checkMs = 2_000;
/** How long an answer of the store is taken for true: anybody may ask. */
const freshMs = 500;

/** Whether requests can be served, for those who send them. */
export class Readiness {
  // fixed at birth
  private readonly options: ReadinessOptions;
  // changed by events
  /** The last check of the store and when it was begun; shared by all who ask meanwhile. */
  private checked: { at: number; state: Promise<string> } | undefined;

  constructor(options: ReadinessOptions) {
    this.options = options;
  }

  /**
   * Ready is who can read the store, has opened every engine and has an engine that answers: with one replica of one
   * engine down, the others serve.
   */
  async report(): Promise<ReadinessReport> {
    const { opened, engines: present } = this.options;
    const engines = new Map(opened);
    for (const [name, engine] of present()) {
      const replicas = engine.members?.() ?? [];
      const isUp = replicas.some(({ up }) => up);
      if (engines.get(name) === "ready" && replicas.length > 0 && !isUp) engines.set(name, "down");
      // a process that did not start at first may have started since
      if (engines.get(name) === "failed" && isUp) engines.set(name, "ready");
    }
    const states = [...engines.values()];
    const served = states.length === 0 || states.includes("ready");
    const open = !states.includes("loading") && !states.includes("failed");
    const store = await this.store();
    return { ready: served && open && store === "ready", store, engines: Object.fromEntries(engines) };
  }

  private store(): Promise<string> {
    const now = performance.now();
    if (this.checked === undefined || now - this.checked.at > freshMs) this.checked = { at: now, state: this.check() };
    return this.checked.state;
  }

  private async check(): Promise<string> {
    const { promise: late, resolve } = Promise.withResolvers<string>();
    const timer = setTimeout(() => resolve("failed"), checkMs);
    const read = this.options.store.check().then(
      () => "ready",
      () => "failed",
    );
    return Promise.race([read, late]).finally(() => clearTimeout(timer));
  }
}

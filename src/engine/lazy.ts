import { ParleyError, toParleyError } from "../model/error.ts";
import type { Batch } from "../model/event.ts";
import type { GenerationRequest } from "../model/request.ts";
import type { Capabilities, Engine, Load } from "./engine.ts";

export interface LazyEngineOptions {
  kind: string;
  /** What is known before the engine is open. */
  capabilities: Capabilities;
  open(): Promise<Engine>;
}

/**
 * An engine that is opened when it is first needed, so that the server is ready before a model is loaded. A failed
 * opening is told to every waiter as `overloaded` and tried anew by the next request.
 */
export class LazyEngine implements Engine {
  // fixed at birth
  readonly kind: string;
  private readonly options: LazyEngineOptions;
  // changed by events
  private opening: Promise<Engine> | undefined;
  private opened: Engine | undefined;
  private closed = false;

  constructor(options: LazyEngineOptions) {
    this.kind = options.kind;
    this.options = options;
  }

  get capabilities(): Capabilities {
    return this.opened?.capabilities ?? this.options.capabilities;
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<Batch> {
    yield* (await this.open()).generate(request, signal);
  }

  async count(request: GenerationRequest, signal: AbortSignal): Promise<{ tokens: number; exact: boolean }> {
    return (await this.open()).count(request, signal);
  }

  load(): Load {
    return this.opened?.load() ?? { running: 0, waiting: 0, slots: 1 };
  }

  async close(): Promise<void> {
    this.closed = true;
    await (await this.opening?.catch(() => undefined))?.close();
  }

  /** Opens now, for those who do not want to wait at the first request. */
  open(): Promise<Engine> {
    if (this.closed) return Promise.reject(new ParleyError("overloaded", "the engine is closed"));
    this.opening ??= this.begin();
    return this.opening;
  }

  private async begin(): Promise<Engine> {
    try {
      this.opened = await this.options.open();
      return this.opened;
    } catch (thrown) {
      this.opening = undefined;
      const cause = toParleyError(thrown);
      throw new ParleyError("overloaded", `the ${this.kind} engine cannot be opened`, { cause: cause.cause ?? cause });
    }
  }
}

import { setTimeout as wait } from "node:timers/promises";
import type { ByteLease } from "../../lib/byte-budget.ts";
import { ParleyError } from "../../model/error.ts";
import type { JsonObject } from "../../model/json.ts";
import type { ResponseEvent } from "../../model/response.ts";
import type { Caller } from "../../policy/authenticate.ts";
import type { WorkerId } from "../../store/store.ts";
import { responsePath, type PeerClient } from "../peer/client.ts";
import type { ResponseAnswer } from "./answer.ts";

export interface RemoteOptions {
  id: string;
  worker: WorkerId;
  caller: Caller;
  peers: PeerClient;
  /** Whether the store has its outcome now. */
  isOver: () => Promise<boolean>;
  /** What the store has of it. */
  stored: () => Promise<ResponseAnswer>;
  lease?: ByteLease | undefined;
}

/** How often the store is asked whether a response is over that cannot be followed at its process. */
const lookMs = 1_000;
const lastEvents: ReadonlySet<string> = new Set(["response.completed", "response.incomplete", "response.failed"]);

/**
 * A response that another process makes. Where that one cannot be reached, what the store has is shown: the beginning, and all
 * of it when it is over, which it is within 30 seconds where its process has ended.
 */
export class RemoteAnswer implements ResponseAnswer {
  readonly facts = undefined;
  private readonly options: RemoteOptions;

  constructor(options: RemoteOptions) {
    this.options = options;
  }

  get id(): string {
    return this.options.id;
  }

  async *events(after: number, signal: AbortSignal): AsyncGenerator<readonly ResponseEvent[]> {
    let last = after;
    while (!signal.aborted) {
      for await (const events of this.followed(last, signal)) {
        yield events;
        last = events.at(-1)?.sequence_number ?? last;
        if (events.some(({ type }) => lastEvents.has(type))) return;
      }
      if (signal.aborted) return;
      if (await this.options.isOver()) return yield* (await this.options.stored()).events(last, signal);
      await wait(lookMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async snapshot(): Promise<JsonObject> {
    const { worker, caller, peers, stored, lease } = this.options;
    const asked = { to: worker, keyId: caller.keyId, method: "GET", path: responsePath(this.id) };
    const { signal } = new AbortController();
    const answer = await peers.ask(asked, { signal, lease }).catch(ifLost);
    return answer?.status === 200 ? answer.body : (await stored()).snapshot();
  }

  body(): Promise<JsonObject> {
    return this.snapshot();
  }

  /** The events that its process sends; ends where it cannot be reached and where they break off. */
  private async *followed(after: number, signal: AbortSignal): AsyncGenerator<readonly ResponseEvent[]> {
    const { worker, caller, peers, lease } = this.options;
    const path = `${responsePath(this.id)}?stream=true&starting_after=${after}`;
    try {
      yield* peers.events({ to: worker, keyId: caller.keyId, method: "GET", path }, { signal, lease });
    } catch (error) {
      ifLost(error);
    }
  }
}

/** Another failure than that of a process that does not answer is thrown again. */
function ifLost(error: unknown): undefined {
  if (error instanceof ParleyError && error.kind === "unavailable") return undefined;
  throw error;
}

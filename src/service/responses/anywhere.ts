import type { ByteLease } from "../../lib/byte-budget.ts";
import { ParleyError } from "../../model/error.ts";
import type { JsonObject } from "../../model/json.ts";
import type { Caller } from "../../policy/authenticate.ts";
import { responsePath, type PeerAnswer, type PeerClient } from "../peer/client.ts";
import type { ResponseAnswer, StoredResponses } from "./answer.ts";
import type { ResponseArchive } from "./archive.ts";
import type { PageQuery, PageText } from "./input-page.ts";
import { RemoteAnswer } from "./remote.ts";

export interface AnywhereOptions {
  /** The responses of this process and of the store. */
  here: StoredResponses;
  archive: Pick<ResponseArchive, "worker">;
  peers: PeerClient;
}

/**
 * Stored responses, whichever process makes them: what concerns one that another process makes is passed on to that one. It
 * answers with `here` itself, so that nothing is passed on twice.
 */
export class ResponsesAnywhere implements StoredResponses {
  private readonly options: AnywhereOptions;

  constructor(options: AnywhereOptions) {
    this.options = options;
  }

  async get(id: string, caller: Caller, reading: "body" | "events", lease?: ByteLease): Promise<ResponseAnswer> {
    const { here, archive, peers } = this.options;
    const worker = await archive.worker(id, caller);
    if (worker === undefined || !(await peers.reaches(worker))) return here.get(id, caller, reading, lease);
    return new RemoteAnswer({
      id,
      worker,
      caller,
      peers,
      isOver: async () => (await archive.worker(id, caller)) === undefined,
      stored: () => here.get(id, caller, reading, lease),
      lease,
    });
  }

  inputPage(id: string, caller: Caller, query: PageQuery, lease?: ByteLease): Promise<PageText> {
    return this.options.here.inputPage(id, caller, query, lease);
  }

  /** Also throws `unavailable` where the process that makes it does not answer. */
  async cancel(id: string, caller: Caller, lease?: ByteLease): Promise<JsonObject> {
    const answer = await this.ask("POST", id, caller);
    if (answer !== undefined && answer.status >= 500) throw unstopped();
    // its outcome is stored now
    return this.options.here.cancel(id, caller, lease);
  }

  /** A response whose process does not answer is deleted all the same: what that one stores later is dropped. */
  async delete(id: string, caller: Caller): Promise<void> {
    const answer = await this.ask("DELETE", id, caller).catch((error: unknown) => {
      if (error instanceof ParleyError && error.kind === "unavailable") return undefined;
      throw error;
    });
    if (answer?.status !== 200) await this.options.here.delete(id, caller);
  }

  /** What the other process that makes it answers; `undefined` where none does, or it is not known how to reach it. */
  private async ask(method: "POST" | "DELETE", id: string, caller: Caller): Promise<PeerAnswer | undefined> {
    const { archive, peers } = this.options;
    const worker = await archive.worker(id, caller);
    if (worker === undefined) return undefined;
    const path = `${responsePath(id)}${method === "POST" ? "/cancel" : ""}`;
    return peers.ask({ to: worker, keyId: caller.keyId, method, path }, { signal: new AbortController().signal });
  }
}

function unstopped(): ParleyError {
  const message = "the response could not be cancelled; send the request again";
  return new ParleyError("unavailable", message, { retryAfter: 5 });
}

import type { TimeSlices } from "../../lib/time-slices.ts";
import { isObject, type JsonObject } from "../../model/json.ts";
import type { EndedResponse } from "../../store/store.ts";
import type { Log } from "../../telemetry/log.ts";
import type { EndsBody, ResponseArchive } from "./archive.ts";
import { jsonTexts, parseStored } from "./stored-text.ts";

export interface UnendedOptions {
  archive: Pick<ResponseArchive, "end" | "abandon" | "endOrphans">;
  codec: { interrupted(body: JsonObject): JsonObject };
  slices: TimeSlices;
  log: Log;
}

/** Most characters of outcomes that are kept in memory; a response beyond it ends as failed. */
const maxChars = 32 * 1024 * 1024;

/**
 * Responses that are over and still stand as running in the store: those whose outcome it did not take, and those of
 * processes that are gone.
 */
export class UnendedResponses {
  // fixed at birth
  private readonly options: UnendedOptions;
  // changed by events
  /** Outcomes that the store did not take, by the response's id; without one where there was none, or no room for it. */
  private readonly waiting = new Map<string, EndedResponse | undefined>();
  /** Characters of all outcomes that wait. */
  private chars = 0;

  constructor(options: UnendedOptions) {
    this.options = options;
  }

  /** Keeps an outcome for another try. */
  keep(id: string, outcome: EndedResponse | undefined): void {
    const size = sizeOf(outcome);
    const fits = this.chars + size <= maxChars;
    this.waiting.set(id, fits ? outcome : undefined);
    if (fits) this.chars += size;
  }

  /** Ends all of them. Throws where the store fails; what waits then waits on. */
  async end(): Promise<void> {
    const { archive, codec, slices, log } = this.options;
    const interrupted: EndsBody = async (text) => {
      const body = await parseStored(text, slices);
      return slices.run(jsonTexts(codec.interrupted(isObject(body) ? (body as JsonObject) : {})));
    };
    for (const [id, outcome] of this.waiting) {
      await (outcome === undefined ? archive.abandon(id, interrupted) : archive.end(outcome));
      // where the store is slow, the next call has begun meanwhile
      if (this.waiting.delete(id)) this.chars -= sizeOf(outcome);
    }
    const count = await archive.endOrphans(interrupted);
    if (count > 0) log.warn({ count }, "responses of an earlier run ended as failed");
  }

  /** Tries once more to store the outcomes that wait. Never rejects. */
  async close(): Promise<void> {
    if (this.waiting.size === 0) return;
    await this.end().catch((error: unknown) => {
      const ids = [...this.waiting.keys()];
      this.options.log.error({ err: error, ids }, "responses could not be stored and end as failed at the next start");
    });
  }
}

function sizeOf(outcome: EndedResponse | undefined): number {
  const texts = outcome === undefined ? [] : [outcome.body, outcome.output, outcome.events].flat();
  return texts.reduce((sum, text) => sum + text.length, 0);
}

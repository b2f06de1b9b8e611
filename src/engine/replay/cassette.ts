import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ParleyError } from "../../model/error.ts";
import type { Batch } from "../../model/event.ts";
import type { JsonObject } from "../../model/json.ts";
import { nearestRequest } from "./difference.ts";

const count = z.int().min(0);

/** The events of `model/event.ts`, without a finish that carries an error: such answers are not recorded. */
const event = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("begin"),
    prompt: z.strictObject({ input: count, cached: count }).exactOptional(),
  }),
  z.strictObject({
    type: z.enum(["text-start", "text-end", "reasoning-start", "reasoning-end", "call-end"]),
    index: count,
  }),
  z.strictObject({ type: z.enum(["text-delta", "reasoning-delta"]), index: count, text: z.string() }),
  z.strictObject({ type: z.literal("call-start"), index: count, id: z.string(), name: z.string() }),
  z.strictObject({ type: z.literal("call-delta"), index: count, args: z.string() }),
  z.strictObject({
    type: z.literal("usage"),
    usage: z.strictObject({ input: count, cached: count, output: count, reasoning: count }),
  }),
  z.strictObject({ type: z.literal("flag"), side: z.enum(["input", "output"]), category: count }),
  z.strictObject({ type: z.literal("tier"), tier: z.enum(["standard", "priority"]) }),
  z.strictObject({
    type: z.literal("finish"),
    reason: z.enum(["stop", "length", "calls", "filter"]),
    stopText: z.string().exactOptional(),
  }),
]);

const cassette = z.strictObject({
  version: z.literal(1),
  digest: z.string(),
  recordedAt: z.string(),
  request: z.record(z.string(), z.json()),
  /** `afterMs`: milliseconds since the batch before, or since the request. */
  batches: z.array(z.strictObject({ afterMs: z.number().min(0), events: z.array(event) })),
});
/** One recorded answer; a JSON file of this shape. */
export type Cassette = z.output<typeof cassette>;

export interface TimedBatch {
  afterMs: number;
  events: Batch;
}

/** The recorded answers of one folder. */
export class CassetteFolder {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** `undefined` where there is none. Throws kind `internal` for a file that cannot be read. */
  async find(digest: string): Promise<Cassette | undefined> {
    return await readCassette(join(this.folder, fileName(digest)));
  }

  /** Takes the place of an answer recorded before; a file is whole or not there. */
  async keep(content: { digest: string; request: JsonObject; batches: readonly TimedBatch[] }): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const { digest, request, batches } = content;
    const written = {
      version: 1,
      digest,
      recordedAt: new Date().toISOString(),
      request,
      batches: batches.map(keptBatch),
    };
    const path = join(this.folder, fileName(digest));
    const temporary = `${path}.${randomUUID()}.tmp`;
    await writeFile(temporary, `${JSON.stringify(written, undefined, 2)}\n`);
    await rename(temporary, path);
  }

  /** The error for a request that is not recorded: its digest, and what the most similar recorded request has otherwise. */
  async missing(digest: string, request: JsonObject): Promise<ParleyError> {
    const names = await readdir(this.folder).catch(() => []);
    const recorded = [];
    for (const file of names.filter((name) => name.endsWith(".json"))) {
      const found = await readCassette(join(this.folder, file)).catch(() => undefined);
      if (found !== undefined) recorded.push({ file, request: found.request as JsonObject });
    }
    const nearest = nearestRequest(request, recorded);
    const lead = `no recorded answer for the request ${digest.slice(0, shownDigits)} in ${this.folder}`;
    if (nearest === undefined) return new ParleyError("not-found", `${lead}, which holds ${recorded.length} others`);
    const { file, path, count: differences } = nearest;
    return new ParleyError(
      "not-found",
      `${lead}; nearest is ${file}, ${differences} ${differences === 1 ? "value differs" : "values differ"}: ${path} was ${nearest.recorded}, is ${nearest.wanted}`,
    );
  }
}

/** Digits of a digest that name a file: enough that no two meet by chance. */
const shownDigits = 16;

function fileName(digest: string): string {
  return `${digest.slice(0, shownDigits)}.json`;
}

/** Without the replica that answered: its address is not part of the answer. */
function keptBatch({ afterMs, events }: TimedBatch): { afterMs: number; events: object[] } {
  return { afterMs, events: events.map((one) => (one.type === "begin" ? { type: one.type } : one)) };
}

async function readCassette(path: string): Promise<Cassette | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return cassette.parse(JSON.parse(text));
  } catch (error) {
    throw new ParleyError("internal", `the recorded answer ${path} cannot be read`, { cause: error });
  }
}

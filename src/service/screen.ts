import { ParleyError } from "../model/error.ts";
import type { Batch, GenerationEvent } from "../model/event.ts";
import type { GenerationRequest } from "../model/request.ts";
import { Transcript } from "../model/transcript.ts";
import type { Moderator } from "../policy/moderate/moderate.ts";
import { countUsage } from "./count-usage.ts";
import type { Started } from "./generation.ts";

export interface Screening {
  moderator: Moderator;
  request: GenerationRequest;
  signal: AbortSignal;
}

/**
 * Moderates the request, begins the answer with `route`, and moderates the answer as it comes. Throws `input-sensitive`
 * before an engine was called.
 */
export async function screened(
  { moderator, request, signal }: Screening,
  route: () => Promise<Started>,
): Promise<Started> {
  const verdict = await moderator.input(request, signal);
  const started = await route();
  const batches = moderator.output(replay(started), signal);
  const rest = withUsage(batches, started);
  const first = await rest.next();
  if (first.done === true) throw new ParleyError("upstream", "the engine ended without an answer");
  if (verdict === undefined) return { ...started, first: first.value, rest };
  const [begin, ...others] = first.value;
  const flag: GenerationEvent = { type: "flag", side: "input", category: verdict.category };
  return { ...started, first: begin === undefined ? [] : [begin, flag, ...others], rest };
}

/** The batches from the first one on; a reader that stops early ends the engine's stream. */
async function* replay({ first, rest }: Started): AsyncGenerator<Batch> {
  try {
    for (let batch: Batch | undefined = first; batch !== undefined; batch = (await rest.next()).value) yield batch;
  } finally {
    await rest.return?.();
  }
}

/** The engine's own usage is lost where moderation truncates an answer: what was let through is counted instead. */
async function* withUsage(batches: AsyncIterable<Batch>, { prepared, target }: Started): AsyncGenerator<Batch> {
  const transcript = new Transcript();
  for await (const batch of batches) {
    transcript.apply(batch);
    const last = batch.at(-1);
    const truncated = last?.type === "finish" && last.reason === "filter" && transcript.usage === undefined;
    if (!truncated) {
      yield batch;
      continue;
    }
    const usage = await countUsage({ request: prepared, target, transcript });
    yield [...batch.slice(0, -1), { type: "usage", usage }, last];
  }
}

import type { Target } from "../engine/engine.ts";
import { ParleyError } from "../model/error.ts";
import type { Batch, GenerationEvent } from "../model/event.ts";
import type { GenerationRequest } from "../model/request.ts";
import { Transcript } from "../model/transcript.ts";
import type { Moderator } from "../policy/moderate/moderate.ts";
import { measure } from "./partial.ts";

/** An answer that an engine has begun. */
export interface Started {
  /** The request as the engine got it. */
  prepared: GenerationRequest;
  target: Target;
  first: Batch;
  rest: AsyncIterator<Batch>;
  /** Milliseconds the engine took for its first batch. */
  engineMs: number;
}

export interface Screening {
  moderator: Moderator;
  request: GenerationRequest;
  signal: AbortSignal;
}

/**
 * The screen step, around the route step: judges the request, begins the answer, and lets of it through what may go out.
 * Throws `input-sensitive` before an engine was asked.
 */
export async function screened(
  { moderator, request, signal }: Screening,
  route: () => Promise<Started>,
): Promise<Started> {
  const verdict = await moderator.input(request, signal);
  const started = await route();
  const batches = moderator.output(replay(started), signal);
  const rest = counted(batches, started);
  const first = await rest.next();
  if (first.done === true) throw new ParleyError("upstream", "the engine ended without an answer");
  if (verdict === undefined) return { ...started, first: first.value, rest };
  const [begin, ...others] = first.value;
  const flag: GenerationEvent = { type: "flag", side: "input", category: verdict.category };
  return { ...started, first: begin === undefined ? [] : [begin, flag, ...others], rest };
}

/** The batches from the first one on; leaving them early ends the engine's stream. */
async function* replay({ first, rest }: Started): AsyncGenerator<Batch> {
  try {
    for (let batch: Batch | undefined = first; batch !== undefined; batch = (await rest.next()).value) yield batch;
  } finally {
    await rest.return?.();
  }
}

/** An answer that moderation cut never hears what its engine counted: what went out is counted instead. */
async function* counted(batches: AsyncIterable<Batch>, { prepared, target }: Started): AsyncGenerator<Batch> {
  const transcript = new Transcript();
  for await (const batch of batches) {
    transcript.apply(batch);
    const last = batch.at(-1);
    const cut = last?.type === "finish" && last.reason === "filter" && transcript.usage === undefined;
    if (!cut) {
      yield batch;
      continue;
    }
    const usage = await measure({ request: prepared, target, transcript });
    yield [...batch.slice(0, -1), { type: "usage", usage }, last];
  }
}

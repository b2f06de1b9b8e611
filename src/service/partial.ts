import type { Target } from "../engine/engine.ts";
import type { Usage } from "../model/event.ts";
import { textPart } from "../model/item.ts";
import type { GenerationRequest } from "../model/request.ts";
import type { Transcript } from "../model/transcript.ts";
import { estimateInput, estimateText } from "../model/token-estimate.ts";

/** Counting must not hold up a shutdown. */
const countMs = 5_000;

/** An answer that ended without telling what it used. */
export interface Unmeasured {
  /** As the engine saw it. */
  request: GenerationRequest;
  target: Target;
  transcript: Transcript;
}

/** What was used, as the engine's own tokenizer counts request and answer; an estimate where it cannot. Never rejects. */
export async function measure({ request, target, transcript }: Unmeasured): Promise<Usage> {
  const thought = transcript.reasoning();
  const calls = transcript.calls().map(({ name, args }) => name + args);
  const said = thought + transcript.text() + calls.join("");
  const share = said === "" ? 0 : thought.length / said.length;
  try {
    const signal = AbortSignal.timeout(countMs);
    const count = async (asked: GenerationRequest): Promise<number> =>
      (await target.engine.count(asked, signal)).tokens;
    const [input, whole, frame] = await Promise.all([
      count(request),
      said === "" ? 0 : count(alone(request, said)),
      said === "" ? 0 : count(alone(request, ".")),
    ]);
    const output = said === "" ? 0 : Math.max(1, whole - frame + 1);
    return { input, cached: 0, output, reasoning: Math.round(output * share) };
  } catch {
    const output = Math.ceil(estimateText(said));
    return { input: estimateInput(request), cached: 0, output, reasoning: Math.round(output * share) };
  }
}

/** A request of this text and nothing else; what the template puts around it cancels out. */
function alone(request: GenerationRequest, text: string): GenerationRequest {
  return { ...request, tools: [], items: [{ type: "message", role: "user", parts: [textPart(text)] }] };
}

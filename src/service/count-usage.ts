import type { Target } from "../engine/engine.ts";
import type { Usage } from "../model/event.ts";
import { textPart } from "../model/item.ts";
import type { GenerationRequest } from "../model/request.ts";
import type { Transcript } from "../model/transcript.ts";
import { estimateInput, estimateText } from "../model/token-estimate.ts";

/** A shutdown waits for counts under way, so that they must end. */
const countTimeoutMs = 5_000;

/** An answer whose engine reported no usage. */
export interface UnreportedUsage {
  /** As the engine got it. */
  request: GenerationRequest;
  target: Target;
  transcript: Transcript;
}

/** Usage as the engine's own tokenizer counts request and answer; an estimate where it cannot. Never rejects. */
export async function countUsage({ request, target, transcript }: UnreportedUsage): Promise<Usage> {
  const { answer, reasoningShare } = wholeAnswer(transcript);
  try {
    const signal = AbortSignal.timeout(countTimeoutMs);
    const count = async (asked: GenerationRequest): Promise<number> =>
      (await target.engine.count(asked, signal)).tokens;
    const [input, whole, frame] = await Promise.all([
      count(request),
      answer === "" ? 0 : count(onlyText(request, answer)),
      answer === "" ? 0 : count(onlyText(request, ".")),
    ]);
    const output = answer === "" ? 0 : Math.max(1, whole - frame + 1);
    return { input, cached: 0, output, reasoning: Math.round(output * reasoningShare) };
  } catch {
    return estimateUsage({ request, transcript });
  }
}

/** The same without asking the engine. */
export function estimateUsage({ request, transcript }: Omit<UnreportedUsage, "target">): Usage {
  const { answer, reasoningShare } = wholeAnswer(transcript);
  const output = Math.ceil(estimateText(answer));
  return { input: estimateInput(request), cached: 0, output, reasoning: Math.round(output * reasoningShare) };
}

/** All that was written, and which share of it is reasoning. */
function wholeAnswer(transcript: Transcript): { answer: string; reasoningShare: number } {
  const reasoning = transcript.reasoning();
  const calls = transcript.calls().map(({ name, args }) => name + args);
  const answer = reasoning + transcript.text() + calls.join("");
  return { answer, reasoningShare: answer === "" ? 0 : reasoning.length / answer.length };
}

/** A request of one user message with this text; the tokens of the template around it cancel out in the difference. */
function onlyText(request: GenerationRequest, text: string): GenerationRequest {
  return { ...request, tools: [], items: [{ type: "message", role: "user", parts: [textPart(text)] }] };
}

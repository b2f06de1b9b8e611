import type { GenerationRequest } from "../../model/request.ts";
import { requireHeld } from "../held.ts";
import type { ScriptedAnswer } from "../script/schema.ts";
import type { Script } from "../script/script.ts";
import { readConversation } from "./conversation.ts";
import { faultError, type FaultPlan } from "./fault.ts";
import { planReply, type Reply } from "./reply.ts";
import type { FaultRule } from "./settings.ts";

/** What one request is answered with, and how. */
export interface Plan {
  reply: Reply;
  fault?: FaultRule | undefined;
  /** Milliseconds before the first token, besides the time for reading the prompt. */
  delayMs: number;
  /** Default: the engine's own speed. */
  tokensPerSecond?: number | undefined;
  /** Numbers that take the place of the counted ones. */
  usage: ScriptedAnswer["usage"];
  /** Default: what the reply's kind asks for. */
  finish?: ScriptedAnswer["finish"];
}

/**
 * A scripted answer where one matches, else the simulator's own; the faults that are set hit both. Throws the error of a
 * fault or a script that comes before the answer.
 */
export function planAnswer(request: GenerationRequest, script: Script, faults: FaultPlan): Plan {
  const conversation = readConversation(request);
  const fault = faults.next(conversation.userText);
  if (fault?.kind === "error-before") throw faultError(fault);
  const answer = script.answer(request, conversation);
  if (answer === undefined) requireHeld(request);
  if (answer === undefined) return { reply: planReply(request, conversation), fault, delayMs: 0, usage: {} };
  const scripted = scriptedFault(answer);
  if (scripted?.kind === "error-before") throw faultError(scripted);
  const { delayMs, tokensPerSecond, usage, finish } = answer;
  const reply = scriptedReply(answer, request);
  return { reply, fault: scripted ?? fault, delayMs, tokensPerSecond, usage, finish };
}

function scriptedReply(answer: ScriptedAnswer, request: GenerationRequest): Reply {
  return {
    reasoning: request.reasoning === "off" ? "" : answer.reasoning,
    text: answer.text,
    calls: answer.calls.map(({ id, name, arguments: args }) => {
      return { id, name, args: typeof args === "string" ? args : JSON.stringify(args) };
    }),
  };
}

function scriptedFault({ error, hangAfterTokens }: ScriptedAnswer): FaultRule | undefined {
  if (error !== undefined) {
    const { kind: errorKind, afterTokens, ...rest } = error;
    return { kind: afterTokens === undefined ? "error-before" : "error-after", afterTokens, errorKind, ...rest };
  }
  return hangAfterTokens === undefined ? undefined : { kind: "stall", afterTokens: hangAfterTokens };
}

import type { Batch } from "../../model/event.ts";
import type { GenerationRequest } from "../../model/request.ts";
import { Transcript } from "../../model/transcript.ts";
import type { Caller } from "../../policy/authenticate.ts";
import type { GenerateService, Unseen } from "../generate.ts";
import type { AnswerFacts, Generation } from "../generation.ts";
import type { ParsedResponse } from "./codec.ts";

/** Where an answer comes from: an engine, or nothing at all for a warm-up. */
export interface AnswerSource extends Pick<Generation, "transcript" | "batches"> {
  facts: AnswerFacts | undefined;
}

/** An answer that was let in; one of its methods must be called, once. */
export interface AdmittedAnswer {
  /** Resolves when an engine has begun; throws what `GenerateService.start` throws. */
  start(signal: AbortSignal, unseen?: Unseen): Promise<AnswerSource>;
  /** Gives back what was reserved. */
  cancel(): void;
}

/** What is let in: the kind of answer and what an engine is asked for it. */
export interface AskedAnswer {
  parsed: ParsedResponse;
  caller: Caller;
  request: GenerationRequest;
}

const emptyAnswer: Batch = [{ type: "begin" }, { type: "finish", reason: "stop" }];

/** Holds the request to rights, limits and money, by the kind that was asked for. Throws where it is refused. */
export async function admitAnswer(
  { parsed, caller, request }: AskedAnswer,
  generate: Pick<GenerateService, "admit" | "checkLimits">,
): Promise<AdmittedAnswer> {
  if (parsed.answerOptions.kind === "warm-up") {
    await generate.checkLimits(request, caller);
    return { start: async () => nothingGenerated(), cancel: () => undefined };
  }
  const admitted = await generate.admit(request, caller);
  return {
    start: async (signal, unseen) => {
      const generation = await admitted.start(signal, unseen);
      return { transcript: generation.transcript, batches: generation.batches, facts: generation };
    },
    cancel: () => admitted.cancel(),
  };
}

function nothingGenerated(): AnswerSource {
  const transcript = new Transcript();
  async function* batches(): AsyncGenerator<Batch> {
    transcript.apply(emptyAnswer);
    yield emptyAnswer;
  }
  return { transcript, batches: batches(), facts: undefined };
}

import { ParleyError } from "../../model/error.ts";
import type { Caller } from "../../policy/authenticate.ts";
import { compactionBody, compactionRequest } from "../../surface/responses/index.ts";
import type { TextCipher } from "../../lib/cipher.ts";
import type { ResponsesAnswerOptions } from "../../surface/responses/index.ts";
import type { ParsedRequest } from "../../surface/surface.ts";
import type { GenerateService } from "../../service/generate.ts";

export interface Compaction {
  parsed: ParsedRequest<ResponsesAnswerOptions>;
  caller: Caller;
  signal: AbortSignal;
}

/** Lets the model itself summarize a conversation; the outcome is valid input of a later request. */
export async function compact(
  { parsed, caller, signal }: Compaction,
  { generate, cipher }: { generate: GenerateService; cipher: TextCipher },
): Promise<unknown> {
  const request = compactionRequest(parsed);
  const generation = await generate.start(request, caller, signal);
  for await (const _batch of generation.batches) if (signal.aborted) break;
  const { transcript } = generation;
  if (transcript.finish === undefined) throw new ParleyError("canceled", "the request was canceled");
  if (transcript.finish.error !== undefined) throw transcript.finish.error;
  return compactionBody(request, transcript, cipher);
}

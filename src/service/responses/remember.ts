import type { Caller } from "../../policy/authenticate.ts";
import type { Log } from "../../telemetry/log.ts";
import type { ResponseArchive } from "./archive.ts";
import type { OutputItem, ParsedResponse } from "./codec.ts";
import { turnOf } from "./recall.ts";
import type { RecentAnswers } from "./recent.ts";
import { turnItems } from "./stored-turn.ts";

/** An answer that is over and not stored. */
export interface UnstoredAnswer {
  parsed: ParsedResponse;
  caller: Caller;
  output: readonly OutputItem[];
  /** Its items can be referred to, but it cannot be continued. */
  failed: boolean;
}

export interface RememberTo {
  recent: RecentAnswers;
  archive: Pick<ResponseArchive, "remember">;
  log: Log;
}

/**
 * Keeps what later requests may refer to of an answer whose request left `store` out: in memory, and in the store for other
 * processes and later starts. Where the store fails, memory must do. Never rejects.
 */
export async function rememberAnswer(answer: UnstoredAnswer, { recent, archive, log }: RememberTo): Promise<void> {
  const { parsed, caller, output, failed } = answer;
  for (const { id, item } of output) recent.keep(caller.keyId, id, item);
  if (failed) return;
  const { id } = parsed.request;
  const previous = parsed.answerOptions.previousResponseId;
  const turn = turnOf(parsed, output);
  recent.keepTurn(caller.keyId, id, {
    previous: turn.startsConversation === true ? undefined : previous,
    items: turnItems(turn),
  });
  try {
    await archive.remember({ id, previousId: previous ?? null, turn }, caller);
  } catch (error) {
    log.warn({ id, err: error }, "a response that is not stored is remembered in memory only");
  }
}

import type { Reply } from "./reply.ts";
import { splitTokens } from "./tokens.ts";

/** One output token. `call` starts a call and carries its name; `args` is a piece of its JSON. */
export interface AnswerToken {
  kind: "reasoning" | "text" | "call" | "args";
  text: string;
  /** Of a `call`, where a script gives one. */
  id?: string | undefined;
}

/** The tokens of one answer, made as they are taken: a long answer costs nothing before its reader has come to its end. */
export class AnswerTokens {
  // fixed at birth
  private readonly all: Iterator<AnswerToken, void>;
  // changed by events
  /** How many more may be taken. */
  private left: number;
  /** The stop text that ends the answer, unless its limit does. */
  readonly stopText: string | undefined;

  /** At most `limit` tokens are handed out. */
  constructor(reply: Reply, stop: readonly string[], limit: number) {
    this.all = answerTokens(reply, stop);
    this.stopText = untilStop(reply.text, stop).stopText;
    this.left = limit;
  }

  /** The next `count` tokens; fewer where the answer ends. */
  take(count: number): AnswerToken[] {
    const taken: AnswerToken[] = [];
    const most = Math.min(count, this.left);
    while (taken.length < most) {
      const next = this.all.next();
      if (next.done === true) break;
      taken.push(next.value);
    }
    this.left -= taken.length;
    return taken;
  }

  /** Whether there are more than may be taken; asked when those are taken. */
  isTruncated(): boolean {
    return this.left <= 0 && this.all.next().done !== true;
  }
}

/** The answer in tokens, ended where the first stop text would begin. Stop texts end answer text, never reasoning. */
export function* answerTokens(reply: Reply, stop: readonly string[]): Generator<AnswerToken, void> {
  const { text } = untilStop(reply.text, stop);
  yield* tokensOf("reasoning", reply.reasoning);
  yield* tokensOf("text", text);
  if (text.length < reply.text.length) return;
  for (const call of reply.calls) {
    yield { kind: "call", text: call.name, id: call.id };
    yield* tokensOf("args", call.args);
  }
}

function* tokensOf(kind: AnswerToken["kind"], text: string): Generator<AnswerToken, void> {
  for (const token of splitTokens(text)) yield { kind, text: token };
}

function untilStop(text: string, stop: readonly string[]): { text: string; stopText?: string } {
  let end = text.length;
  let found: { stopText?: string } = {};
  for (const one of stop) {
    const at = one === "" ? -1 : text.indexOf(one);
    if (at < 0 || at >= end) continue;
    end = at;
    found = { stopText: one };
  }
  return { text: text.slice(0, end), ...found };
}

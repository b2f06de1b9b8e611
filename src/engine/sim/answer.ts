import type { Reply } from "./reply.ts";
import { splitTokens } from "./tokens.ts";

/** One output token. `call` starts a call and carries its name; `args` is a piece of its JSON. */
export interface AnswerToken {
  kind: "reasoning" | "text" | "call" | "args";
  text: string;
  /** Of a `call`, where a script gives one. */
  id?: string | undefined;
}

/** The answer in tokens, ended where the first stop text would begin. Stop texts end answer text, never reasoning. */
export function answerTokens(reply: Reply, stop: readonly string[]): AnswerToken[] {
  const text = untilStop(reply.text, stop);
  const tokens = [...tokensOf("reasoning", reply.reasoning), ...tokensOf("text", text)];
  if (text.length < reply.text.length) return tokens;
  for (const call of reply.calls) {
    tokens.push({ kind: "call", text: call.name, id: call.id });
    // one by one: arguments may have more tokens than a function takes values
    for (const token of tokensOf("args", call.args)) tokens.push(token);
  }
  return tokens;
}

function tokensOf(kind: AnswerToken["kind"], text: string): AnswerToken[] {
  return splitTokens(text).map((token) => ({ kind, text: token }));
}

function untilStop(text: string, stop: readonly string[]): string {
  let end = text.length;
  for (const one of stop) {
    const at = one === "" ? -1 : text.indexOf(one);
    if (at >= 0 && at < end) end = at;
  }
  return text.slice(0, end);
}

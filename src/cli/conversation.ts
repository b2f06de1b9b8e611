import { causeMessage, toParleyError } from "../model/error.ts";

/** What a conversation needs of `readline`. */
export interface Lines extends AsyncIterable<string> {
  prompt(): void;
  close(): void;
  on(event: "SIGINT" | "close", listener: () => void): unknown;
}

/**
 * Answers line after line until the input ends (Ctrl-D). Ctrl-C cancels the answer under way; at the prompt it starts a new
 * line. An answer that fails is reported, and the conversation goes on.
 */
export async function converse(
  lines: Lines,
  answer: (text: string, signal: AbortSignal) => Promise<void>,
  report: (text: string) => unknown = (text) => process.stderr.write(text),
): Promise<void> {
  let running: AbortController | undefined;
  let closed = false;
  lines.on("close", () => (closed = true));
  // lines that are read already are still answered after the end of the input
  const prompt = (): void => {
    if (!closed) lines.prompt();
  };
  lines.on("SIGINT", () => {
    if (running === undefined) {
      report("\n");
      prompt();
    } else running.abort();
  });
  prompt();
  for await (const line of lines) {
    if (line.trim() !== "") {
      running = new AbortController();
      await answer(line, running.signal).catch((error: unknown) => report(failure(error, running?.signal)));
      running = undefined;
    }
    prompt();
  }
  report("\n");
}

function failure(thrown: unknown, signal: AbortSignal | undefined): string {
  if (signal?.aborted === true) return "";
  const error = toParleyError(thrown);
  return `parley: ${error.kind === "invalid" ? error.message : causeMessage(error)}\n`;
}

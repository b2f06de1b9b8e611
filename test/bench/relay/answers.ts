/** What the fake upstream answers, by the name of the model. */

export interface Answer {
  /** Server-sent events in their order, each with its blank line; the last one is `[DONE]`. */
  events: readonly string[];
  /** The same answer as one body. */
  whole: string;
}

/** How many events an answer has, `[DONE]` not counted. */
const lengths = { relay: 34, hundred: 100, thousands: 10_000, slow: 1_200 } as const;

export type AnswerName = keyof typeof lengths;
export const answerNames = Object.keys(lengths) as readonly AnswerName[];

/** The answer whose events are sent one by one, so many milliseconds apart, each with the time when it was sent. */
export const slowAnswer: AnswerName = "slow";
export const slowPauseMs = 50;

/**
 * The words of a slow event: long enough to be a packet of their own, with an end that a packet may leave to the next one.
 * Times are milliseconds since the Unix epoch.
 */
export const timeWords = (now: number): string => `sent at ${now} ms and so on; `;
export const timePattern = /sent at (\d{13}) ms/g;

const made = new Map<string, Answer>();

/** Throws where no answer has that name. */
export function answerOf(name: string): Answer {
  const found = made.get(name) ?? makeAnswer(name);
  made.set(name, found);
  return found;
}

const head = { id: "chatcmpl-bench", created: 1_780_152_150, model: "bench" };

function makeAnswer(name: string): Answer {
  const count = lengths[name as AnswerName] as number | undefined;
  if (count === undefined) throw new Error(`no answer is named ${name}`);
  // besides the words: role, finish and usage
  const words = Array.from({ length: count - 3 }, (_, index) => `word${index} `);
  const usage = { prompt_tokens: 120, completion_tokens: words.length, total_tokens: 120 + words.length };
  const events = [
    chunk({ role: "assistant", content: "" }),
    ...words.map((content) => chunk({ content })),
    chunk({}, "stop"),
    event({ choices: [], usage }),
    "data: [DONE]\n\n",
  ];
  const message = { role: "assistant", content: words.join("") };
  const choices = [{ index: 0, message, finish_reason: "stop" }];
  const whole = JSON.stringify({ ...head, object: "chat.completion", choices, usage });
  return { events, whole };
}

/** One event of a streamed chat completion. */
export function chunk(delta: object, finish: string | null = null): string {
  return event({ choices: [{ index: 0, delta, finish_reason: finish }] });
}

function event(fields: object): string {
  return `data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", ...fields })}\n\n`;
}

/** One attack, as a row of data. */
import { tally, type Answer, type Client } from "./client.ts";
import type { Settings } from "./server.ts";
export type { Settings } from "./server.ts";

export interface Attack {
  name: string;
  /** Who attacks: somebody with an ordinary key, or somebody without one. */
  by: "key" | "stranger";
  /** The server's settings, see `simulator` and others below; a function is given the URL of a sick upstream. */
  settings: Settings | ((upstream: string) => Settings);
  /** Also a part of `npm test`: short, and the same on a busy machine. */
  fast?: boolean;
  /** A part of another row, run only when it is asked for by its name. */
  detail?: boolean;
  /** Where it takes longer than other rows by design. */
  maxSeconds?: number;
  /** Attacks; resolves to what was answered, in a few words. Throws when that was not right. */
  run(client: Client): Promise<string>;
}

const longText = Array.from({ length: 20_000 }, (_, index) => index + 1).join(" ");
/** The simulator, with an answer of 109 kB to whoever asks for it. */
const sim = {
  kind: "sim",
  contextWindow: 100_000_000,
  answers: [{ when: { contains: "the long answer" }, answer: longText }],
};
export const longQuestion = [{ role: "user", content: "the long answer" }];

/** Settings with the simulator, which takes these besides its own. */
export function simulatorWith(more: object): Settings {
  return { engines: { sim: { ...sim, ...more } } };
}
export const simulator = simulatorWith({});
export const embedded = {} as const;

/** The answer in short when its status is one of those that are right; throws otherwise. */
export function expectStatus(answers: Answer | readonly Answer[], ...right: number[]): string {
  const list = Array.isArray(answers) ? (answers as readonly Answer[]) : [answers as Answer];
  const wrong = list.find(({ status }) => !right.includes(status));
  if (wrong !== undefined) {
    throw new Error(`${tally(list)} instead of ${right.join(" or ")}: ${wrong.text.slice(0, 160)}`);
  }
  return tally(list);
}

/** A chat request with further fields. */
export function chat(model: string, more: object = {}): Record<string, unknown> {
  return { model, max_tokens: 5, messages: [{ role: "user", content: "x" }], ...more };
}

export const mebibyte = 1024 * 1024;

import { afterAll, beforeAll, expect, it } from "vitest";
import { simEngine } from "../../src/engine/sim/engine.ts";
import { upstreamEngine } from "../../src/engine/upstream/engine.ts";
import { Secret } from "../../src/lib/secret.ts";
import { startServer, testKey, type Running } from "./start.ts";

// Two simulators, each behind a Parley of its own, as replicas behind one more Parley.
let backs: Running[] = [];
let front: Running;
beforeAll(async () => {
  const sim = (): Promise<Running> =>
    startServer(
      {},
      { engines: new Map([["sim", simEngine({ prefillTokensPerSecond: 100, decodeTokensPerSecond: 80 })]]) },
    );
  backs = [await sim(), await sim()];
  const engine = upstreamEngine({ url: backs.map(({ url }) => url), dialect: "parley", key: new Secret(testKey) });
  front = await startServer({}, { engines: new Map([["backs", engine]]) });
}, 30_000);
afterAll(async () => {
  await front.stop();
  await backs[1]?.stop();
});

interface Told {
  /** Before the first byte the answer was an error. */
  refused: boolean;
  text: string;
  finish: string;
  broke: boolean;
}

let begun = 0;

async function ask(at: number): Promise<Told> {
  const told: Told = { refused: false, text: "", finish: "", broke: false };
  try {
    const stream = await front.openai.chat.completions.create({
      model: "MiniMax-M3",
      stream: true,
      messages: [{ role: "user", content: `Conversation ${at}. Tell me a long story about a river and the sea.` }],
    });
    for await (const chunk of stream) {
      if (told.text === "") begun += 1;
      told.text += chunk.choices[0]?.delta.content ?? "";
      told.finish = chunk.choices[0]?.finish_reason ?? told.finish;
    }
  } catch {
    if (told.text === "") told.refused = true;
    else told.broke = true;
  }
  return told;
}

it("a replica that is killed under load costs no caller the first byte, and later callers nothing at all", async () => {
  const later = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const running = Array.from({ length: 24 }, (_, at) => later(at * 15).then(() => ask(at)));
  while (begun < 8) await later(5);
  await backs[0]?.stop();
  const during = await Promise.all([...running, ...Array.from({ length: 8 }, (_, at) => ask(100 + at))]);
  const after = await Promise.all(Array.from({ length: 8 }, (_, at) => ask(200 + at)));
  expect(during.filter(({ refused }) => refused)).toEqual([]);
  // The kill met answers that had begun, or it proved nothing; those end with an error.
  expect(during.some(({ broke }) => broke)).toBe(true);
  for (const told of during) expect(told.broke ? "error" : told.finish).toMatch(/^(stop|error)$/);
  for (const told of after) expect(told).toMatchObject({ refused: false, finish: "stop", broke: false });
}, 30_000);

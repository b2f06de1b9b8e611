import { startParley, type TestServer } from "../../src/testing.ts";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";

let parley: TestServer;
let client: OpenAI;

beforeAll(async () => {
  parley = await startParley({
    strict: true,
    answers: [
      { when: { contains: "capital of France" }, answer: "Paris." },
      {
        when: { contains: "busy" },
        sequence: [{ error: { kind: "rate-limit", retryAfter: 1 } }, "Now I have time."],
      },
    ],
  });
  client = new OpenAI({ baseURL: `${parley.url}/v1`, apiKey: parley.key });
});
afterAll(() => parley.stop());

test("my program asks for the capital, and its client tries again after a 429", async () => {
  const ask = async (content: string): Promise<string | null | undefined> => {
    const answer = await client.chat.completions.create({
      model: "MiniMax-M3",
      messages: [{ role: "user", content }],
      reasoning_effort: "none",
    });
    return answer.choices[0]?.message.content;
  };
  expect(await ask("What is the capital of France?")).toContain("Paris.");
  expect(await ask("Are you busy?")).toContain("Now I have time.");
  expect(parley.requests().map(({ model }) => model)).toEqual(["MiniMax-M3", "MiniMax-M3", "MiniMax-M3"]);
});

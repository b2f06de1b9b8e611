import { createApp, type Server } from "../../src/main.ts";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";

let server: Server;
let client: OpenAI;

beforeAll(async () => {
  const answers = [
    { when: { contains: "capital of France" }, answer: "Paris." },
    {
      when: { contains: "busy" },
      sequence: [{ error: { kind: "rate-limit", retryAfter: 1 } } as const, "Now I have time."],
    },
  ];
  server = await createApp({ engines: { sim: { kind: "sim", strict: true, journal: 100, answers } } });
  const { url } = await server.listen({ port: 0 });
  client = new OpenAI({ baseURL: `${url}/v1`, apiKey: server.apiKey });
});
afterAll(() => server.close());

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
  expect(server.requests().map(({ model }) => model)).toEqual(["MiniMax-M3", "MiniMax-M3", "MiniMax-M3"]);
});

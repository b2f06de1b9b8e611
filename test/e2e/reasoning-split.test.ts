import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type Running } from "./start.ts";

let server: Running;
beforeAll(async () => {
  const answer = { reasoning: "They want a color.", text: "blue" };
  server = await startServer({
    engines: { sim: { kind: "sim", answers: [{ answer }] } },
    models: {
      "MiniMax-M3": {},
      "m3-agents": { like: "MiniMax-M3", reasoningSplit: true },
      "MiniMax-M2.7": { reasoningSplit: true },
      plain: { like: "MiniMax-M3", reasoningSplit: false },
    },
  });
});
afterAll(() => server.stop());

const inline = { content: "<think>\nThey want a color.\n</think>\nblue" };
const split = { content: "blue", reasoning_content: "They want a color." };

async function message(model: string, more: object = {}): Promise<object> {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "A color?" }], ...more });
  const response = await server.call("/v1/chat/completions", { method: "POST", body });
  const { choices } = (await response.json()) as { choices: { message: object }[] };
  return choices[0]?.message ?? expect.fail("no choice");
}

describe("a name with `reasoningSplit`", () => {
  it.each(["m3-agents", "M3-Agents", "MiniMax-M2.7"])("%s splits reasoning from the content", async (model) => {
    expect(await message(model)).toMatchObject(split);
  });

  it("does what the request says, where it says something", async () => {
    expect(await message("m3-agents", { reasoning_split: false })).toMatchObject(inline);
    expect(await message("m3-agents", { reasoning_split: null })).toMatchObject(split);
    expect(await message("plain", { reasoning_split: true })).toMatchObject(split);
  });

  it("splits streams too", async () => {
    const stream = await server.openai.chat.completions.create({
      model: "m3-agents",
      messages: [{ role: "user", content: "A color?" }],
      stream: true,
    });
    const read = { content: "", reasoning_content: "" };
    for await (const { choices } of stream) {
      const delta = choices[0]?.delta as Partial<typeof read> | undefined;
      read.content += delta?.content ?? "";
      read.reasoning_content += delta?.reasoning_content ?? "";
    }
    expect(read).toEqual(split);
  });

  it("changes no other name", async () => {
    for (const model of ["MiniMax-M3", "plain"]) expect(await message(model)).toMatchObject(inline);
  });
});

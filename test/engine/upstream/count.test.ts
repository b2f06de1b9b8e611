import { describe, expect, it } from "vitest";
import { upstreamEngine, type UpstreamOptions } from "../../../src/engine/upstream/engine.ts";
import { textPart, type Item } from "../../../src/model/item.ts";
import type { GenerationRequest } from "../../../src/model/request.ts";
import { fakeServer, requestOf, user, type Asked, type FakeServer, type Handler } from "./fake.ts";
import { closeLater } from "../../support/close-later.ts";

const never = new AbortController().signal;

interface Counted {
  count: { tokens: number; exact: boolean };
  /** The path and body of each request the server got. */
  asked: readonly Pick<Asked, "path" | "body">[];
}

/** Counts a request at a server that answers these bodies by path, and 404 elsewhere. */
async function counted(
  options: Partial<UpstreamOptions>,
  answers: Readonly<Record<string, unknown>>,
  request: GenerationRequest = requestOf(),
): Promise<Counted> {
  const server = await serverOf((asked, response) => {
    if (asked.path in answers) response.end(JSON.stringify(answers[asked.path]));
    else response.writeHead(404).end();
  });
  const engine = upstreamEngine({ url: server.url, ...options });
  closeLater(engine);
  const count = await engine.count(request, never);
  return { count, asked: server.asked.map(({ path, body }) => ({ path, body })) };
}

async function serverOf(handler: Handler): Promise<FakeServer> {
  const server = await fakeServer(handler);
  closeLater(server);
  return server;
}

const parameters = { type: "object", properties: { city: { type: "string" } } };
const tools = [{ name: "weather", description: "Weather of a city", parameters }];
const pixel = { kind: "bytes", mime: "image/png", bytes: new Uint8Array([1, 2, 3]) } as const;
const conversation: readonly Item[] = [
  { type: "message", role: "system", parts: [textPart("Be short.")] },
  {
    type: "message",
    role: "user",
    parts: [textPart("Look"), { type: "image", media: pixel, detail: "default" }],
  },
  { type: "reasoning", text: "I look." },
  { type: "message", role: "assistant", parts: [textPart("A moment.")] },
  { type: "call", id: "c1", name: "weather", args: '{"city":"Paris"}' },
  { type: "result", id: "c1", parts: [textPart("rain")], failed: false },
];

describe("input tokens", () => {
  it("are counted by vLLM from messages, tools and the switch for reasoning", async () => {
    const request = requestOf({ tools, reasoning: "off", toolChoice: "required" });
    const { count, asked } = await counted({ dialect: "vllm", model: "own" }, { "/tokenize": { count: 42 } }, request);
    expect(count).toEqual({ tokens: 42, exact: true });
    expect(asked).toEqual([
      {
        path: "/tokenize",
        body: {
          model: "own",
          messages: [{ role: "user", content: "hi" }],
          tools: [{ type: "function", function: tools[0] }],
          chat_template_kwargs: { thinking_mode: "disabled", enable_thinking: false },
          add_generation_prompt: true,
        },
      },
    ]);
  });

  it("are counted by llama-server from the prompt that its own template makes", async () => {
    const answers = { "/apply-template": { prompt: "<user>hi" }, "/tokenize": { tokens: [1, 2, 3] } };
    const { count, asked } = await counted({ dialect: "llama-server" }, answers);
    expect(count).toEqual({ tokens: 3, exact: true });
    expect(asked.map(({ path }) => path)).toEqual(["/apply-template", "/tokenize"]);
    expect(asked[0]?.body).toMatchObject({ messages: [{ role: "user", content: "hi" }] });
    expect(asked[1]?.body).toEqual({ content: "<user>hi", add_special: true, parse_special: true });
  });

  it("are counted by the vendor from the items in the form of its Responses endpoint", async () => {
    const answers = { "/v1/responses/input_tokens": { object: "response.input_tokens", input_tokens: 41 } };
    const request = requestOf({ items: [...conversation], tools });
    const { count, asked } = await counted({ dialect: "minimax" }, answers, request);
    expect(count).toEqual({ tokens: 41, exact: true });
    expect(asked[0]?.body).toEqual({
      model: "MiniMax-M3",
      input: [
        { type: "message", role: "system", content: [{ type: "input_text", text: "Be short." }] },
        {
          type: "message",
          role: "user",
          content: [
            { type: "input_text", text: "Look" },
            { type: "input_image", image_url: { url: "data:image/png;base64,AQID", detail: "default" } },
          ],
        },
        { type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "I look." }] },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "A moment." }] },
        { type: "function_call", call_id: "c1", name: "weather", arguments: '{"city":"Paris"}' },
        { type: "function_call_output", call_id: "c1", output: [{ type: "input_text", text: "rain" }] },
      ],
      tools: [{ type: "function", ...tools[0] }],
    });
  });

  it.each([
    ["a server that counts nothing", "generic", {}],
    ["a server without the path", "vllm", {}],
    ["a number that is none", "vllm", { "/tokenize": { count: "42" } }],
    ["an answer that is no object", "vllm", { "/tokenize": [42] }],
    ["a template without an answer", "llama-server", { "/apply-template": null }],
    ["tokens that are no list", "llama-server", { "/apply-template": { prompt: "a" }, "/tokenize": { tokens: 3 } }],
    ["no number of the vendor", "minimax", { "/v1/responses/input_tokens": null }],
  ] as const)("are estimated for %s", async (_, dialect, answers) => {
    expect((await counted({ dialect }, answers)).count).toEqual({ tokens: 8, exact: false });
  });

  it("are not estimated for a caller who has left", async () => {
    const abort = new AbortController();
    const server = await serverOf(() => abort.abort(new Error("left")));
    const engine = upstreamEngine({ url: server.url, dialect: "vllm" });
    closeLater(engine);
    await expect(engine.count(requestOf(), abort.signal)).rejects.toThrow("left");
  });

  it("of a replica set are counted by the replica that would answer", async () => {
    const [one, two] = await Promise.all(
      [7, 8].map((count) => serverOf((_, response) => void response.end(JSON.stringify({ count })))),
    );
    if (one === undefined || two === undefined) throw new Error("no server");
    const engine = upstreamEngine({ url: [one.url, two.url], dialect: "vllm", replicas: { probeMs: 0 } });
    closeLater(engine);
    const first = await engine.count(requestOf({ items: [user("a")] }), never);
    expect(await engine.count(requestOf({ items: [user("a")] }), never)).toEqual(first);
    expect([one.asked.length, two.asked.length].toSorted((a, b) => a - b)).toEqual([0, 2]);
  });
});

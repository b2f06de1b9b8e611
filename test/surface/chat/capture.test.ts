import { expect, test } from "vitest";
import { chatSurface } from "../../../src/surface/chat/index.ts";
import { context, fixture } from "./support.ts";

type Body = Record<string, unknown> & {
  messages: unknown[];
  tools?: { function: { name: string; parameters: unknown } }[];
};

/** Requests of real clients, texts replaced by their length. */
const clients = [
  "opencode-1.18.33-chat-001.json",
  "opencode-1.18.33-chat-003.json",
  "pi-coding-agent-0.74.2-chat-002.json",
  "qwen-code-0.15.10-chat-002.json",
];

test.each(clients)("%s is taken whole, strict or not", (name) => {
  const body = fixture(`capture/${name}`) as Body;
  const { request, answerOptions } = chatSurface().parse(body, context());
  expect(answerOptions).toMatchObject({ stream: true, includeUsage: true });
  expect(request.items.length).toBeGreaterThanOrEqual(body.messages.length);
  expect(request.tools.map((tool) => tool.name)).toEqual((body.tools ?? []).map((tool) => tool.function.name));
  for (const [index, tool] of request.tools.entries())
    expect(tool.parameters).toBe(body.tools?.[index]?.function.parameters);
});

test("opencode's empty text beside a call makes no message", () => {
  const { request } = chatSurface().parse(fixture("capture/opencode-1.18.33-chat-003.json"), context());
  expect(request.items.map((item) => item.type)).toEqual(["message", "message", "call", "result"]);
});

const sdk = fixture("capture/sdk-chat.json") as { client: string; body: Body }[];
test.each(sdk.map(({ client, body }, index) => ({ client: `${index} ${client}`, body })))("$client", ({ body }) => {
  const { request } = chatSurface().parse(body, context());
  expect(request.items).toHaveLength(body.messages.length);
  const format = body["response_format"] as { type: string } | undefined;
  const kinds: Record<string, string> = { json_object: "json", json_schema: "schema" };
  expect(request.format.type).toBe(kinds[format?.type ?? ""] ?? "text");
});

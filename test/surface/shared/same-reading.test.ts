import { expect, test } from "vitest";
import type { Item } from "../../../src/model/item.ts";
import * as chat from "../chat/support.ts";
import * as responses from "../responses/harness.ts";

/** What means the same on two surfaces must reach the engine as the same canonical value. */

const picture = "data:image/png;base64,iVBORw0KGgo=";
const options = { detail: "high", max_long_side_pixel: 1008 };

/** The parts of the only message, without the place in the body, which differs. */
function partsOf(items: readonly Item[]): unknown[] {
  const item = items[0];
  if (item?.type !== "message") throw new Error("no message");
  return item.parts.map((part) => ({ ...part, param: undefined }));
}

test("media parts", () => {
  const media = [
    ["image", { url: picture }],
    ["image", { url: picture, ...options }],
    ["image", { url: "https://example.com/a.png", detail: "auto" }],
    ["image", { url: "mm_file://file-12" }],
    ["image", { url: "MM_FILE://file-12", detail: null, max_long_side_pixel: null }],
    ["video", { url: "https://example.com/a.mp4" }],
    ["video", { url: "mm_file://12", fps: 0.2, ...options }],
  ] as const;
  const chatParts = media.map(([kind, body]) => ({ type: `${kind}_url`, [`${kind}_url`]: body }));
  const responsesParts = media.map(([kind, body]) => ({ type: `input_${kind}`, [`${kind}_url`]: body }));
  const onChat = partsOf(chat.parse({ messages: [{ role: "user", content: chatParts }] }).request.items);
  const onResponses = partsOf(responses.parseM3({ input: [{ role: "user", content: responsesParts }] }).request.items);
  expect(onChat).toHaveLength(media.length);
  expect(onResponses).toEqual(onChat);
});

test.each([
  ["mm_file://", "must name a file: mm_file://{file_id}"],
  ["mm_file://not a file!", "must name a file: mm_file://{file_id}"],
  ["mm_file://../secret", "must name a file: mm_file://{file_id}"],
  ["data:image/png;base64", "is not a data URL: it has no comma"],
  ["https://", "must be an http, https, data or mm_file URL"],
  ["file:///etc/passwd", "must be an http, https, data or mm_file URL"],
])("a media part at %s is refused in the same words", (url, problem) => {
  const onChat = chat.refusal({
    messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }],
  });
  expect(onChat.message).toBe(`messages[0].content[0].image_url.url: ${problem}`);
  const content = [{ type: "input_image", image_url: url }];
  expect(() => responses.parseM3({ input: [{ role: "user", content }] })).toThrow(
    expect.objectContaining({ kind: "invalid", message: `input[0].content[0].image_url: ${problem}` }),
  );
});

test.each([
  [{}, {}, {}],
  [{ temperature: 0, top_p: 0 }, {}, { temperature: 0, topP: 1e-6 }],
  [{ temperature: 0.5, top_p: 0.25 }, {}, { temperature: 0.5, topP: 0.25 }],
  [{}, { max_completion_tokens: 64, max_output_tokens: 64 }, { maxTokens: 64 }],
])("sampling %j %j", (shared, limits: { max_completion_tokens?: number; max_output_tokens?: number }, wanted) => {
  const { max_completion_tokens, max_output_tokens } = limits;
  const onChat = chat.parse({ ...shared, max_completion_tokens }).request.sampling;
  expect(responses.parseM3({ ...shared, max_output_tokens }).request.sampling).toEqual(onChat);
  expect(onChat).toEqual({ temperature: 1, topP: 0.95, stop: [], ...wanted });
});

test("tools, their calls and results, and a schema to answer in", () => {
  const parameters = { type: "object", properties: { city: { type: "string" } } };
  const schema = { type: "object", properties: { a: { type: "number" } } };
  const args = '{"city": "Bern"}';
  const onChat = chat.parse({
    messages: [
      { role: "user", content: "Weather?" },
      { role: "assistant", tool_calls: [{ id: "c1", type: "function", function: { name: "look", arguments: args } }] },
      { role: "tool", tool_call_id: "c1", content: [{ type: "text", text: "rain" }] },
    ],
    tools: [
      { type: "function", function: { name: "look", description: "Looks.", parameters } },
      { type: "function", function: { name: "stop" } },
    ],
    tool_choice: { type: "function", function: { name: "look" } },
    response_format: { type: "json_schema", json_schema: { name: "o", schema, strict: true } },
  }).request;
  const onResponses = responses.parseM3({
    input: [
      { role: "user", content: "Weather?" },
      { type: "function_call", call_id: "c1", name: "look", arguments: args },
      { type: "function_call_output", call_id: "c1", output: [{ type: "input_text", text: "rain" }] },
    ],
    tools: [
      { type: "function", name: "look", description: "Looks.", parameters },
      { type: "function", name: "stop" },
    ],
    tool_choice: { type: "function", name: "look" },
    text: { format: { type: "json_schema", name: "o", schema, strict: true } },
  }).request;
  expect(onChat.items).toHaveLength(3);
  for (const key of ["items", "toolChoice"] as const) expect(onResponses[key]).toEqual(onChat[key]);
  // what differs is where they stand
  expect(onResponses.tools.map(({ path: _, ...tool }) => tool)).toEqual(
    onChat.tools.map(({ path: _, ...tool }) => tool),
  );
  expect({ ...onResponses.format, path: "" }).toEqual({ ...onChat.format, path: "" });
});
